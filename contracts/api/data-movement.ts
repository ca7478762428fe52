import { Type, type Static } from 'typebox';
import type { CustomResource } from './meta.ts';
import {
  bytesProgress,
  choice,
  duration,
  flag,
  int64,
  root,
  text,
  textMap,
  time,
  TRANSFER_PHASES,
} from './schema.ts';

export const NODE_SYSTEMS = ['auto', 'linux', 'windows'] as const;
export type NodeSystem = (typeof NODE_SYSTEMS)[number];

const movement = {
  datamover: Type.Optional(text('Which data mover moves the data; empty or "velero" for the built-in one.')),
  backupStorageLocation: text('BackupStorageLocation of the repository.'),
  sourceNamespace: text('Namespace that the volume was backed up from.'),
  cancel: Type.Optional(flag('Set to have the movement stopped.')),
  operationTimeout: duration(
    'How long steps before the movement, such as an export of a snapshot, may take.',
  ),
};

const movementStatus = {
  phase: choice(TRANSFER_PHASES, 'How far the movement is.'),
  message: text('Why the movement is where it is.'),
  acceptedTimestamp: time('When the movement was taken up.'),
  startTimestamp: time('When data began to move.'),
  completionTimestamp: time('When the movement ended, successful or not.'),
  progress: bytesProgress('Bytes moved.'),
  node: text('Node that moves the data.'),
  acceptedByNode: text('Node that took the movement up.'),
};

export const DataUploadSpecSchema = Type.Object(
  {
    snapshotType: text('Kind of snapshot; only CSI.'),
    csiSnapshot: Type.Optional(
      Type.Object(
        {
          volumeSnapshot: text('Name of the VolumeSnapshot.'),
          storageClass: text('Storage class for the temporary volume.'),
          snapshotClass: Type.Optional(text('VolumeSnapshotClass of the snapshot.')),
          driver: Type.Optional(text('CSI driver of the snapshot.')),
        },
        { description: 'The snapshot, when it is a CSI one.', nullable: true },
      ),
    ),
    sourcePVC: text('Claim that the snapshot was taken of.'),
    ...movement,
    dataMoverConfig: Type.Optional(textMap('Settings of the data mover.', { nullable: true })),
  },
  { description: 'Snapshot whose data is moved.' },
);
export type DataUploadSpec = Static<typeof DataUploadSpecSchema>;

export const DataUploadStatusSchema = Type.Partial(
  Type.Object({
    ...movementStatus,
    path: text('Path that was read.'),
    snapshotID: text('Snapshot in the repository.'),
    dataMoverResult: textMap('What the data mover reports beyond the snapshot.', { nullable: true }),
    incrementalBytes: int64('Bytes that were new to the repository.'),
    nodeOS: choice(NODE_SYSTEMS, 'Operating system of the node.'),
  }),
  { description: 'Where the movement stands.' },
);
export type DataUploadStatus = Static<typeof DataUploadStatusSchema>;

export const DataUploadSchema = root('The movement of the data of a snapshot to the object store.', {
  spec: DataUploadSpecSchema,
  status: DataUploadStatusSchema,
});
export type DataUpload = CustomResource<'DataUpload', DataUploadSpec, DataUploadStatus>;

export const DataDownloadSpecSchema = Type.Object(
  {
    targetVolume: Type.Object(
      {
        pvc: text('Claim that gets the volume.'),
        pv: text('Volume, when it has a name already.'),
        namespace: text('Namespace of the claim.'),
      },
      { description: 'Where the data goes.' },
    ),
    ...movement,
    snapshotID: text('Snapshot in the repository.'),
    dataMoverConfig: Type.Optional(textMap('Settings of the data mover.')),
    nodeOS: Type.Optional(choice(NODE_SYSTEMS, 'Operating system that the data was read on.')),
    snapshotSize: Type.Optional(int64('Bytes of the snapshot.')),
  },
  { description: 'Data to move, and its target.' },
);
export type DataDownloadSpec = Static<typeof DataDownloadSpecSchema>;

export const DataDownloadStatusSchema = Type.Partial(Type.Object(movementStatus), {
  description: 'Where the movement stands.',
});
export type DataDownloadStatus = Static<typeof DataDownloadStatusSchema>;

export const DataDownloadSchema = root('The movement of data from the object store into a volume.', {
  spec: DataDownloadSpecSchema,
  status: DataDownloadStatusSchema,
});
export type DataDownload = CustomResource<'DataDownload', DataDownloadSpec, DataDownloadStatus>;
