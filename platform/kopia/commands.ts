import type { RepositorySpec } from '../../contracts/mover.ts';
import { LONGEST_CHECKPOINT_SECONDS } from './limits.ts';

/**
 * Arguments of the kopia commands in use. Values are attached with `=`, so that none is taken for a flag; nothing
 * secret may ever stand here, because everyone on the node can read a command line.
 */

/** No maintenance, reports or logs on the side; a repository that is being upgraded is an error, not a wait for ever. */
export const GLOBAL_FLAGS = [
  '--no-auto-maintenance',
  '--disable-repository-log',
  '--disable-file-logging',
  '--error-notifications=never',
  '--upgrade-no-block',
] as const;

const PROGRESS = ['--progress', '--progress-update-interval=1s'];

/** Tag of the run that made a snapshot; kopia puts `tag:` before the names of tags. */
export const RUN_TAG = 'caravel-run';
/** Velero pins its snapshots with this word, and so do we. */
const PIN = 'velero-pin';

export interface SnapshotOptions {
  /** Folder to read, or with `stdin` the name of root and file. */
  path: string;
  stdin: boolean;
  source: string;
  runUid: string;
  tags: Record<string, string>;
  parallel: number;
  checkpointSeconds: number;
  /** Goes on after a file that cannot be read, and ends in an error all the same; else it ends at the first one. */
  readOn?: boolean;
}

export function snapshotCreate(options: SnapshotOptions): string[] {
  const tags = { ...options.tags, [RUN_TAG]: options.runUid };
  const checkpoint = Math.min(Math.max(1, options.checkpointSeconds), LONGEST_CHECKPOINT_SECONDS);
  return [
    ...['snapshot', 'create', options.path],
    ...(options.stdin ? [`--stdin-file=${options.path}`] : []),
    `--override-source=${options.source}`,
    '--description=Kopia Uploader',
    `--pin=${PIN}`,
    ...Object.entries(tags).map(([name, value]) => `--tags=${name}:${value}`),
    `--parallel=${options.parallel}`,
    `--checkpoint-interval=${checkpoint}s`,
    ...(options.readOn ? [] : ['--fail-fast']),
    '--json',
    '--json-verbose',
    ...PROGRESS,
    // Asks the file system for its fill level; the other way walks the whole tree once more.
    '--progress-estimation-type=rough',
    '--no-send-snapshot-report',
  ];
}

export interface RestoreOptions {
  snapshotId: string;
  target: string;
  parallel: number;
  sparse: boolean;
  /** Leaves files alone that an earlier try has finished: same size, and same time within two seconds. */
  skipExisting: boolean;
  /** A volume may refuse owners and modes (NFS with root squashed): the data alone is restored then. */
  ignorePermissions: boolean;
}

export function snapshotRestore(options: RestoreOptions): string[] {
  return [
    ...['restore', options.snapshotId, options.target],
    // A target that is named like an archive would become one.
    '--mode=local',
    `--parallel=${options.parallel}`,
    ...(options.sparse ? ['--write-sparse-files'] : []),
    ...(options.skipExisting ? ['--skip-existing'] : []),
    options.ignorePermissions ? '--ignore-permission-errors' : '--no-ignore-permission-errors',
    ...PROGRESS,
  ];
}

export const manifestShow = (ids: readonly string[]): string[] => ['manifest', 'show', ...ids];
export const policyExport = (): string[] => ['policy', 'export'];
/** Reads the policies from stdin and replaces those of the sources that it names. */
export const policyImport = (): string[] => ['policy', 'import'];
export const repositoryStatus = (): string[] => ['repository', 'status', '--json'];

export const snapshotsOfRun = (runUid: string): string[] => [
  ...['snapshot', 'list', '--all', '--json', '--no-retention'],
  `--tags=${RUN_TAG}:${runUid}`,
];

export const snapshotDelete = (ids: string[]): string[] => ['snapshot', 'delete', ...ids, '--delete'];

/** `--create-only`: no global policy and no maintenance settings, which Velero would not have made either. */
export function repositoryCreate(spec: RepositorySpec): string[] {
  return [
    ...['repository', 'create', 's3', '--create-only'],
    // Four times as fast as the default; every Kopia that Velero was ever built with reads it.
    '--block-hash=BLAKE3-256-128',
    `--bucket=${spec.bucket}`,
    `--prefix=${spec.prefix}`,
    `--endpoint=${spec.endpoint}`,
    `--region=${spec.region}`,
    ...(spec.tls ? [] : ['--disable-tls']),
    ...(spec.skipTlsVerify ? ['--disable-tls-verification'] : []),
    ...(spec.caBase64 ? [`--root-ca-pem-base64=${spec.caBase64}`] : []),
    ...['--override-hostname=default', '--override-username=default'],
  ];
}

/** Serves objects on a socket that only this user can open; needs a read-only configuration, or it runs maintenance. */
export const serverStart = (socket: string): string[] => [
  ...['server', 'start', `--address=unix:${socket}`],
  ...['--insecure', '--without-password', '--disable-csrf-token-checks'],
];
