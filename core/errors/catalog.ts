/**
 * The one catalogue of errors. A code is the same in ApplicationFailure.type, the results file, metric labels, the
 * CLI's exit and docs/reference/errors.md. `retryable: false` means that waiting cannot help: the step ends at once.
 */
export interface ErrorKind {
  retryable: boolean;
  /** What the user can do; shown after the message. */
  hint: string;
}

const permanent = (hint: string): ErrorKind => ({ retryable: false, hint });
const transient = (hint: string): ErrorKind => ({ retryable: true, hint });

export const CATALOG = {
  // Input
  InvalidInput: permanent('Correct the named field and apply again.'),
  BackupExists: permanent('Choose another name: a backup of this name is already in the bucket.'),
  BackupNotFound: permanent(
    'Check the name with `caravel backup get` and that the location is the right one.',
  ),
  ResourceGone: permanent('The custom resource was deleted or made again; its new run starts by itself.'),
  NotSupported: permanent('See docs/reference/support.md for what can be used instead.'),
  // What Velero can do and Caravel cannot: docs/reference/support.md
  ProviderNotSupported: permanent(
    'Use a store that speaks S3: provider aws, with s3Url for one that is not AWS.',
  ),
  PluginNotSupported: permanent('Plugins are programs for Velero; see docs/reference/support.md.'),
  NativeSnapshotNotSupported: permanent(
    'Use volumes of a CSI driver with snapshots; what was saved by native snapshots Velero can restore.',
  ),
  ResticNotSupported: permanent('Data saved with restic can be restored by Velero up to 1.18 only.'),
  WindowsNotSupported: permanent('Exclude the volume: movers run on Linux nodes only.'),
  VeleroRunning: permanent(
    'Two servers would work on the same resources: see docs/how-to/switch-from-oadp.md.',
  ),
  // Object store
  StoreAccessDenied: permanent(
    'Check the credentials Secret of the BackupStorageLocation and the bucket policy.',
  ),
  StoreBucketMissing: permanent(
    'Create the bucket, or correct spec.objectStorage.bucket of the BackupStorageLocation.',
  ),
  StoreUnavailable: transient('The object store does not answer; the run goes on when it does.'),
  StoreNotFound: permanent('The object is not in the bucket.'),
  StoreExists: permanent('An object of that key is there already; it is not overwritten.'),
  StoreTooLarge: permanent('The object is larger than anything Caravel writes; it is not read.'),
  StoreForeign: permanent(
    'Give the location a bucket or a spec.objectStorage.prefix where nobody else keeps folders.',
  ),
  StoreCorrupt: permanent('The object was altered after it was written; take a new backup.'),
  // Kubernetes
  KubeForbidden: permanent("Give Caravel's ServiceAccount the named right."),
  KubeConflict: transient('Another writer changed the object; it is read again.'),
  KubeInvalid: permanent('The API server refuses the object; see its message.'),
  KubeUnavailable: transient('The API server does not answer; the run goes on when it does.'),
  ObjectGone: permanent(
    'The object was deleted meanwhile, or is left out by the filters, or its name is written wrongly.',
  ),
  ObjectRefused: permanent(
    'No backup can hold an object of that name or size; rename, shrink or exclude it.',
  ),
  QuotaExceeded: permanent('Raise the ResourceQuota named in the message, or exclude the object.'),
  // Snapshots and volumes
  SnapshotClassMissing: permanent(
    'Label one VolumeSnapshotClass of the driver with velero.io/csi-volumesnapshot-class=true.',
  ),
  SnapshotFailed: transient('The CSI driver reports an error for the snapshot; see its message.'),
  SnapshotTimeout: permanent(
    'Raise spec.csiSnapshotTimeout, or look at the CSI driver and the snapshot controller.',
  ),
  GroupSnapshotMissing: permanent(
    'Label one VolumeGroupSnapshotClass of the driver with velero.io/csi-volumegroupsnapshot-class=true.',
  ),
  StorageClassMissing: permanent(
    'Create the StorageClass, or name another one in a ConfigMap labelled velero.io/change-storage-class.',
  ),
  ClaimNotBound: permanent('The claim has no volume; bind it or exclude it.'),
  NoPodToRead: permanent(
    'A file-system backup reads through a running pod: have one mount the volume, or let a volume policy say snapshot or skip.',
  ),
  PodGone: permanent(
    'The pod ended or was replaced while its volume was to be read; the next backup reads it through its successor.',
  ),
  PodVolumeMissing: permanent(
    "The node has no such folder: set CARAVEL_KUBELET_ROOT to the root folder of the cluster's kubelets.",
  ),
  PodVolumeNotRestored: permanent(
    'File-system backups cannot be restored by this version; stock Velero 1.18 can, from the same backup.',
  ),
  VolumeNotProvisioned: transient(
    'The CSI provisioner has not made the volume yet; see the events of the claim.',
  ),
  NotReleased: transient('The volume is still attached to the mover; the hand-over waits for it.'),
  // Hooks
  HookFailed: permanent('The command reported an error; what it printed stands in the log of the backup.'),
  HookNotRun: permanent(
    'The command could not be started; see the message, the pod, and the rights of Caravel.',
  ),
  HookUnfinished: permanent(
    'The command may still be at work in the container: see docs/how-to/hooks.md, and raise its timeout.',
  ),
  QuiesceTimeout: permanent(
    'The application was let go for its own good; look for what kept the snapshots from being made.',
  ),
  // Mover
  MoverImagePull: permanent('Make the mover image available to the nodes.'),
  MoverUnschedulable: permanent(
    "See the scheduler's words in the message: free resources, or change the placement.",
  ),
  MoverLost: transient('The mover pod ended without a result; the transfer resumes at its last checkpoint.'),
  MoverStalled: transient('No byte moved for a long time; the mover is replaced.'),
  MoverFailed: transient('The mover ended with an error; see its message.'),
  VolumeUnreadable: permanent('A file of the volume cannot be read; see its path in the message.'),
  // Kopia
  RepositoryPassword: permanent(
    'The repository has another password: restore the Secret velero-repo-credentials.',
  ),
  RepositoryMissing: permanent('There is no Kopia repository at that place in the bucket.'),
  RepositoryCorrupt: permanent('The repository is damaged; see docs/how-to/repair-a-repository.md.'),
  SnapshotMissing: permanent('The Kopia snapshot of this volume is no longer in the repository.'),
  // Runs
  TemporalUnavailable: permanent(
    'Set TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, or a profile of the Temporal configuration.',
  ),
  Canceled: permanent('The run was cancelled.'),
  Timeout: permanent('Raise spec.itemOperationTimeout.'),
  Internal: transient('This is a fault of Caravel: please report it with the message.'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof CATALOG;

export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(CATALOG, text);

/** Codes that end a step at once; given to Temporal as `nonRetryableErrorTypes`. */
export const PERMANENT_CODES: ErrorCode[] = (Object.keys(CATALOG) as ErrorCode[]).filter(
  (code) => !CATALOG[code].retryable,
);

/** The error of everything below the activities; they turn it into an ApplicationFailure of the same code. */
export class CaravelError extends Error {
  readonly code: ErrorCode;
  /** Overrides the catalogue's answer when the source knows better (a 403 for a clock that is off, say). */
  readonly retryable: boolean;
  readonly hint: string;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; retryable?: boolean; hint?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CaravelError';
    this.code = code;
    this.retryable = options.retryable ?? CATALOG[code].retryable;
    this.hint = options.hint ?? CATALOG[code].hint;
  }
}

/** The error's own words, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
