import { Type, type Static } from 'typebox';
import type { CustomResource } from './meta.ts';
import {
  choice,
  duration,
  flag,
  integer,
  labelSelector,
  labelSelectors,
  list,
  localObject,
  root,
  text,
  textList,
  textMap,
  time,
} from './schema.ts';

export const BACKUP_PHASES = [
  'New',
  'Queued',
  'ReadyToStart',
  'FailedValidation',
  'InProgress',
  'WaitingForPluginOperations',
  'WaitingForPluginOperationsPartiallyFailed',
  'Finalizing',
  'FinalizingPartiallyFailed',
  'Completed',
  'PartiallyFailed',
  'Failed',
  'Deleting',
] as const;
export type BackupPhase = (typeof BACKUP_PHASES)[number];

export const ON_ERROR = ['Continue', 'Fail'] as const;

const nullable = { nullable: true };

const BackupHookSchema = Type.Object({
  exec: Type.Object(
    {
      container: Type.Optional(text('Container to run in; the first one of the pod when empty.')),
      command: textList('Program and arguments; no shell is put around them.', { minItems: 1 }),
      onError: Type.Optional(
        choice(ON_ERROR, 'What a failure of the command means for the backup of the pod.'),
      ),
      timeout: Type.Optional(duration('How long the command may take.')),
    },
    { description: 'Command to run in a container of the pod.' },
  ),
});
export type BackupHook = Static<typeof BackupHookSchema>;

const BackupHooksForSchema = Type.Object({
  name: text('Name of this group of hooks, used in logs and results.'),
  includedNamespaces: Type.Optional(
    textList('Namespaces whose pods have these hooks; all when empty.', nullable),
  ),
  excludedNamespaces: Type.Optional(textList('Namespaces whose pods do not have these hooks.', nullable)),
  includedResources: Type.Optional(
    textList('Resources that have these hooks; only pods can have any.', nullable),
  ),
  excludedResources: Type.Optional(textList('Resources that do not have these hooks.', nullable)),
  labelSelector: Type.Optional(labelSelector('Pods that have these hooks, by label.')),
  pre: Type.Optional(list(BackupHookSchema, 'Hooks to run before the volumes of the pod are cut.')),
  post: Type.Optional(list(BackupHookSchema, 'Hooks to run after the volumes of the pod are cut.')),
});
export type BackupHooksFor = Static<typeof BackupHooksForSchema>;

const filters = {
  includedNamespaces: textList('Namespaces to back up, with globs; all when empty.', nullable),
  excludedNamespaces: textList('Namespaces to leave out, with globs.', nullable),
  includedResources: textList(
    'Resources to back up, as plural, singular or short name; all when empty.',
    nullable,
  ),
  excludedResources: textList('Resources to leave out.', nullable),
  includeClusterResources: flag(
    'Whether resources without a namespace are taken: true for all, false for none, unset for those that belong.',
    nullable,
  ),
  includedClusterScopedResources: textList('Resources without a namespace to back up.', nullable),
  excludedClusterScopedResources: textList('Resources without a namespace to leave out.', nullable),
  includedNamespaceScopedResources: textList('Namespaced resources to back up.', nullable),
  excludedNamespaceScopedResources: textList('Namespaced resources to leave out.', nullable),
  labelSelector: labelSelector('Objects to back up, by label; cannot be combined with orLabelSelectors.'),
  orLabelSelectors: labelSelectors('Objects to back up when any of these selectors fits.'),
};

const volumes = {
  snapshotVolumes: flag('False leaves volumes without a snapshot; unset means true.', nullable),
  snapshotMoveData: flag('Whether the data of snapshots is moved to the storage location.', nullable),
  datamover: text('Which data mover moves the data; empty or "velero" for the built-in one.'),
  volumeSnapshotLocations: textList('VolumeSnapshotLocations, at most one for each provider.'),
  volumeGroupSnapshotLabelKey: text('Label of claims whose value names the group that is cut at one moment.'),
  csiSnapshotTimeout: duration('How long to wait until a CSI snapshot has a handle.'),
  defaultVolumesToRestic: flag('Deprecated name of defaultVolumesToFsBackup.', nullable),
  defaultVolumesToFsBackup: flag(
    'Whether pod volumes are backed up from the file system unless opted out.',
    nullable,
  ),
  uploaderConfig: Type.Object(
    { parallelFilesUpload: Type.Optional(integer('Files read at once for one volume.')) },
    { description: 'Settings of the uploader.', nullable: true },
  ),
};

export const BackupSpecSchema = Type.Partial(
  Type.Object({
    metadata: Type.Object(
      { labels: Type.Optional(textMap('Labels of the backups made.')) },
      { description: 'Metadata for backups made from a schedule.' },
    ),
    ...filters,
    ...volumes,
    ttl: duration('How long the backup is kept, counted from its start.'),
    storageLocation: text('BackupStorageLocation to write to; the default one when empty.'),
    hooks: Type.Object(
      {
        resources: Type.Optional(
          list(BackupHooksForSchema, 'Hooks, each with the pods they are for.', nullable),
        ),
      },
      { description: 'Commands to run in pods around the cut of their volumes.' },
    ),
    orderedResources: textMap(
      'Order within a resource: plural name to comma-separated names, namespaced ones as namespace/name.',
      nullable,
    ),
    itemOperationTimeout: duration(
      'How long one asynchronous operation, such as the move of a volume, may take.',
    ),
    resourcePolicy: localObject('ConfigMap with the volume policies.'),
  }),
  { description: 'What to back up, and how.' },
);
export type BackupSpec = Static<typeof BackupSpecSchema>;

export const BackupStatusSchema = Type.Partial(
  Type.Object({
    version: integer('Deprecated: major version of the format.'),
    formatVersion: text('Version of the format of the backup in the bucket.'),
    expiration: time('When the backup may be deleted.'),
    phase: choice(BACKUP_PHASES, 'How far the backup is.'),
    queuePosition: integer('Place in the queue, from 1; absent when the backup does not wait.'),
    validationErrors: textList('Everything that is wrong with the spec.', nullable),
    startTimestamp: time('When the backup started.'),
    completionTimestamp: time('When the backup ended, successful or not.'),
    volumeSnapshotsAttempted: integer('Native snapshots tried.'),
    volumeSnapshotsCompleted: integer('Native snapshots taken.'),
    csiVolumeSnapshotsAttempted: integer('CSI snapshots tried.'),
    csiVolumeSnapshotsCompleted: integer('CSI snapshots taken.'),
    backupItemOperationsAttempted: integer('Asynchronous operations started.'),
    backupItemOperationsCompleted: integer('Asynchronous operations that succeeded.'),
    backupItemOperationsFailed: integer('Asynchronous operations that failed.'),
    failureReason: text('Why the whole backup failed.'),
    warnings: integer('Number of warnings.'),
    errors: integer('Number of errors.'),
    progress: Type.Object(
      {
        totalItems: Type.Optional(integer('Items to back up; may grow while the backup runs.')),
        itemsBackedUp: Type.Optional(integer('Items backed up so far.')),
      },
      { description: 'Items dealt with.', nullable: true },
    ),
    hookStatus: Type.Object(
      {
        hooksAttempted: Type.Optional(integer('Hooks started.')),
        hooksFailed: Type.Optional(integer('Hooks that failed.')),
      },
      { description: 'Hooks run.', nullable: true },
    ),
  }),
  { description: 'Where the backup stands.' },
);
export type BackupStatus = Static<typeof BackupStatusSchema>;

export const BackupSchema = root('A backup of objects and volumes of the cluster.', {
  spec: BackupSpecSchema,
  status: BackupStatusSchema,
});
export type Backup = CustomResource<'Backup', BackupSpec, BackupStatus>;
