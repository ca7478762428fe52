import { Type, type Static } from 'typebox';
import type { CustomResource } from './meta.ts';
import { choice, list, root, text, textList, time } from './schema.ts';

export const DELETE_PHASES = ['New', 'InProgress', 'Processed'] as const;
export type DeletePhase = (typeof DELETE_PHASES)[number];

export const DeleteBackupRequestSpecSchema = Type.Object(
  { backupName: text('Backup to delete.') },
  { description: 'What to delete.' },
);
export type DeleteBackupRequestSpec = Static<typeof DeleteBackupRequestSpecSchema>;

export const DeleteBackupRequestStatusSchema = Type.Partial(
  Type.Object({
    phase: choice(DELETE_PHASES, 'How far the deletion is.'),
    errors: textList('What went wrong.', { nullable: true }),
  }),
  { description: 'Where the deletion stands.' },
);
export type DeleteBackupRequestStatus = Static<typeof DeleteBackupRequestStatusSchema>;

export const DeleteBackupRequestSchema = root('A request to delete a backup with all its data.', {
  spec: DeleteBackupRequestSpecSchema,
  status: DeleteBackupRequestStatusSchema,
});
export type DeleteBackupRequest = CustomResource<
  'DeleteBackupRequest',
  DeleteBackupRequestSpec,
  DeleteBackupRequestStatus
>;

export const DOWNLOAD_TARGETS = [
  'BackupLog',
  'BackupContents',
  'BackupVolumeSnapshots',
  'BackupItemOperations',
  'BackupResourceList',
  'BackupResults',
  'RestoreLog',
  'RestoreResults',
  'RestoreResourceList',
  'RestoreItemOperations',
  'CSIBackupVolumeSnapshots',
  'CSIBackupVolumeSnapshotContents',
  'BackupVolumeInfos',
  'RestoreVolumeInfo',
] as const;
export type DownloadTarget = (typeof DOWNLOAD_TARGETS)[number];

export const REQUEST_PHASES = ['New', 'Processed'] as const;
export type RequestPhase = (typeof REQUEST_PHASES)[number];

export const DownloadRequestSpecSchema = Type.Object(
  {
    target: Type.Object(
      {
        kind: choice(DOWNLOAD_TARGETS, 'Which file of the backup or restore.'),
        name: text('Name of the backup or restore.'),
      },
      { description: 'What to download.' },
    ),
  },
  { description: 'What to make a link for.' },
);
export type DownloadRequestSpec = Static<typeof DownloadRequestSpecSchema>;

export const DownloadRequestStatusSchema = Type.Partial(
  Type.Object({
    phase: choice(REQUEST_PHASES, 'Whether the link is made.'),
    downloadURL: text('The link; whoever has it can read the file until it expires.'),
    expiration: time('When the link ceases to work.'),
  }),
  { description: 'The link.' },
);
export type DownloadRequestStatus = Static<typeof DownloadRequestStatusSchema>;

export const DownloadRequestSchema = root('A request for a link to a file in the bucket.', {
  spec: DownloadRequestSpecSchema,
  status: DownloadRequestStatusSchema,
});
export type DownloadRequest = CustomResource<'DownloadRequest', DownloadRequestSpec, DownloadRequestStatus>;

export const ServerStatusRequestSpecSchema = Type.Object(
  {},
  { description: 'Empty: there is nothing to choose.' },
);
export type ServerStatusRequestSpec = Static<typeof ServerStatusRequestSpecSchema>;

export const ServerStatusRequestStatusSchema = Type.Partial(
  Type.Object({
    phase: choice(REQUEST_PHASES, 'Whether the server has answered.'),
    processedTimestamp: time('When the server answered.'),
    serverVersion: text('Version of the server.'),
    plugins: list(
      Type.Object({ name: text('Name of the plugin.'), kind: text('What the plugin does.') }),
      'What the server has built in.',
      { nullable: true },
    ),
  }),
  { description: 'Answer of the server.' },
);
export type ServerStatusRequestStatus = Static<typeof ServerStatusRequestStatusSchema>;

export const ServerStatusRequestSchema = root('A question to the server about itself.', {
  spec: ServerStatusRequestSpecSchema,
  status: ServerStatusRequestStatusSchema,
});
export type ServerStatusRequest = CustomResource<
  'ServerStatusRequest',
  ServerStatusRequestSpec,
  ServerStatusRequestStatus
>;
