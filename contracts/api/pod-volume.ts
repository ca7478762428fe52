import { Type, type Static } from 'typebox';
import type { CustomResource } from './meta.ts';
import {
  bytesProgress,
  choice,
  flag,
  int64,
  objectReference,
  root,
  text,
  textMap,
  time,
  TRANSFER_PHASES,
} from './schema.ts';

/** Repository formats; the empty one stands for the oldest. Only kopia is written. */
export const UPLOADER_TYPES = ['kopia', 'restic', ''] as const;
export type UploaderType = (typeof UPLOADER_TYPES)[number];

const podVolume = {
  pod: objectReference('Pod that has the volume.'),
  volume: text('Name of the volume in the pod.'),
  backupStorageLocation: text('BackupStorageLocation of the repository.'),
  repoIdentifier: text('Address of the repository; empty for Kopia.'),
  uploaderType: Type.Optional(choice(UPLOADER_TYPES, 'Format of the repository.')),
  uploaderSettings: Type.Optional(textMap('Settings of the uploader.', { nullable: true })),
  cancel: Type.Optional(flag('Set to have the transfer stopped.')),
};

const transferStatus = {
  phase: choice(TRANSFER_PHASES, 'How far the transfer is.'),
  message: text('Why the transfer is where it is.'),
  acceptedTimestamp: time('When the transfer was taken up.'),
  startTimestamp: time('When data began to move.'),
  completionTimestamp: time('When the transfer ended, successful or not.'),
  progress: bytesProgress('Bytes moved.'),
};

export const PodVolumeBackupSpecSchema = Type.Object(
  {
    node: text('Node of the pod.'),
    ...podVolume,
    tags: Type.Optional(textMap('Tags that describe the snapshot.')),
  },
  { description: 'Volume to back up.' },
);
export type PodVolumeBackupSpec = Static<typeof PodVolumeBackupSpecSchema>;

export const PodVolumeBackupStatusSchema = Type.Partial(
  Type.Object({
    ...transferStatus,
    path: text('Path that was read.'),
    snapshotID: text('Snapshot in the repository.'),
    incrementalBytes: int64('Bytes that were new to the repository.'),
  }),
  { description: 'Where the transfer stands.' },
);
export type PodVolumeBackupStatus = Static<typeof PodVolumeBackupStatusSchema>;

export const PodVolumeBackupSchema = root('The backup of a pod volume from its file system.', {
  spec: PodVolumeBackupSpecSchema,
  status: PodVolumeBackupStatusSchema,
});
export type PodVolumeBackup = CustomResource<'PodVolumeBackup', PodVolumeBackupSpec, PodVolumeBackupStatus>;

export const PodVolumeRestoreSpecSchema = Type.Object(
  {
    ...podVolume,
    snapshotID: text('Snapshot in the repository.'),
    sourceNamespace: text('Namespace that the volume was backed up from.'),
    snapshotSize: Type.Optional(int64('Bytes of the snapshot.')),
  },
  { description: 'Volume to restore.' },
);
export type PodVolumeRestoreSpec = Static<typeof PodVolumeRestoreSpecSchema>;

export const PodVolumeRestoreStatusSchema = Type.Partial(
  Type.Object({ ...transferStatus, node: text('Node that writes the data.') }),
  { description: 'Where the transfer stands.' },
);
export type PodVolumeRestoreStatus = Static<typeof PodVolumeRestoreStatusSchema>;

export const PodVolumeRestoreSchema = root('The restore of a pod volume into its file system.', {
  spec: PodVolumeRestoreSpecSchema,
  status: PodVolumeRestoreStatusSchema,
});
export type PodVolumeRestore = CustomResource<
  'PodVolumeRestore',
  PodVolumeRestoreSpec,
  PodVolumeRestoreStatus
>;
