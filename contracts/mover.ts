/**
 * The contract between the worker and a mover pod. The worker hands over one `MoverSpec` in the pod's environment
 * (no secret in it) and reads JSON lines, one `MoverEvent` each, from the pod's log. Credentials are files of a
 * mounted Secret.
 */

/** Environment variable of the mover pod that holds the `MoverSpec` as JSON. */
export const MOVER_SPEC_ENV = 'CARAVEL_MOVER_SPEC';
/** Name of the one container of a mover pod. */
export const MOVER_CONTAINER = 'mover';
/** Where the credentials Secret is mounted; one file per key of `RepositoryCredentials`. */
export const MOVER_CREDENTIALS_PATH = '/var/run/caravel/repository';
/** Writable folder around the mount point of a Filesystem volume: kopia removes a placeholder file beside its target. */
export const MOVER_DATA_PATH = '/data';
/** Mount point of a Filesystem volume, and device path of a Block volume. */
export const MOVER_VOLUME_PATH = `${MOVER_DATA_PATH}/volume`;
/** Writable scratch (emptyDir) for kopia's configuration, cache and logs. */
export const MOVER_WORK_PATH = '/work';
/** The container's termination log; holds the last `result` or `error` event as JSON, ≤ 4,096 bytes. */
export const MOVER_TERMINATION_LOG = '/dev/termination-log';

/** Keys of the credentials Secret. */
export interface RepositoryCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  /** The repository password (Velero's `velero-repo-credentials`, key `repository-password`). */
  password: string;
}

/** A Kopia repository in S3; the same for worker and mover. */
export interface RepositorySpec {
  bucket: string;
  /** Ends with a slash: `<bsl prefix>/kopia/<source namespace>/`. */
  prefix: string;
  /** `host` or `host:port`, no scheme. */
  endpoint: string;
  region: string;
  tls: boolean;
  skipTlsVerify: boolean;
  /** PEM bundle, base64. */
  caBase64?: string;
}

export interface MoverSpec {
  version: 1;
  direction: 'backup' | 'restore';
  /** Number of this try, from 1; from the second on, a snapshot that an earlier one finished is looked for first. */
  attempt: number;
  /** Uid of the run; a complete snapshot that carries it as tag `caravel-run` (and the same source) is reused. */
  runUid: string;
  volumeMode: 'Filesystem' | 'Block';
  repository: RepositorySpec;
  /** Kopia source, taken verbatim: `default@default:<requestor>/kopia/<namespace>/<pvc>`. */
  source: string;
  /** Kopia tags besides `caravel-run`. */
  tags: Record<string, string>;
  /** Parallel file reads (backup) or downloads (restore); 0 = the mover chooses. */
  parallel: number;
  checkpointSeconds: number;
  /** 0 = unlimited. Bytes per second. */
  uploadLimit: number;
  downloadLimit: number;
  /** The worker has made sure of the source's policy for this run; else the mover does, which takes two processes. */
  policyWritten?: boolean;
  /** The volume is in use while it is read: its files may change, and vanish. */
  live?: boolean;
  /** Name of the file entry of a block volume (Velero's `/<uid>`). */
  blockEntry?: string;
  restore?: {
    snapshotId: string;
    sparse: boolean;
    /** What the worker has read of the snapshot; else the mover reads it, which takes a process more. */
    facts?: SnapshotFacts;
  };
}

/** A whole snapshot as its manifest describes it. */
export interface SnapshotFacts {
  /** Object id of the root. */
  root: string;
  endTime: string;
  /** Bytes. */
  size: number;
  files: number;
  dirs: number;
  symlinks: number;
  /** The newest time of a file. */
  maxTime: string;
}

/** How a transfer ended; what a backup sent is proven by the worker, which reads it back. */
export interface TransferResult {
  /** Kopia manifest id. */
  snapshotId: string;
  /** Object id of the snapshot's root; backup only. */
  root?: string;
  bytesTotal: number;
  /** Bytes that were not in the repository before, as they are in the volume; backup only. */
  bytesUploaded: number;
  files: number;
  dirs: number;
  symlinks: number;
  /**
   * What Kopia cannot keep, counted by the mover, absent when zero: `xattrs` and `acls` (files that have some),
   * `hardLinks` (further names of a file, restored as copies), `sockets`, `fifos`, `devices`, `names` (no UTF-8);
   * `uncounted` = 1 when the count did not end in time; `vanished` (files of a volume in use, deleted between being
   * listed and being read); restore: `permissions` = 1 when the volume refused owners or modes.
   */
  notKept: Record<string, number>;
  /** Milliseconds of the mover's stages: lookup, policy, kopia, scan (waited for), tidy, sync, total. */
  stagesMs: Record<string, number>;
}

export type MoverEvent =
  | { t: 'started'; pid: number; attempt: number }
  | { t: 'progress'; bytesDone: number; bytesTotal: number; filesDone: number }
  | { t: 'checkpoint'; bytesDone: number }
  | { t: 'log'; level: 'info' | 'warn' | 'error'; message: string }
  | { t: 'result'; result: TransferResult }
  | { t: 'error'; code: string; message: string; retryable: boolean };
