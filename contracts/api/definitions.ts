import { BackupSchema } from './backup.ts';
import { DataDownloadSchema, DataUploadSchema } from './data-movement.ts';
import { GVR } from './gvr.ts';
import { BackupStorageLocationSchema, VolumeSnapshotLocationSchema } from './location.ts';
import { PodVolumeBackupSchema, PodVolumeRestoreSchema } from './pod-volume.ts';
import { BackupRepositorySchema } from './repository.ts';
import { DeleteBackupRequestSchema, DownloadRequestSchema, ServerStatusRequestSchema } from './requests.ts';
import { RestoreSchema } from './restore.ts';
import { ScheduleSchema } from './schedule.ts';

/** A column of `kubectl get`. */
export interface PrinterColumn {
  name: string;
  type: 'string' | 'date' | 'integer' | 'boolean';
  jsonPath: string;
  format?: 'int64';
  description?: string;
  /** Above 0: shown with `-o wide` only. */
  priority?: number;
}

export interface ResourceDefinition {
  gvr: { group: string; version: string; resource: string };
  kind: string;
  shortNames?: string[];
  schema: object;
  columns?: PrinterColumn[];
}

const column = (
  name: string,
  jsonPath: string,
  type: PrinterColumn['type'] = 'string',
  description?: string,
): PrinterColumn => ({ name, type, jsonPath, ...(description === undefined ? {} : { description }) });

const bytesColumn = (name: string, jsonPath: string, description: string): PrinterColumn => ({
  ...column(name, jsonPath, 'integer', description),
  format: 'int64',
});

const AGE = column('Age', '.metadata.creationTimestamp', 'date');
const STATUS = column('Status', '.status.phase', 'string', 'How far the transfer is');
const LOCATION = column('Storage Location', '.spec.backupStorageLocation', 'string', 'Location of the data');
const NODE = column('Node', '.status.node', 'string', 'Node that moves the data');
const TRANSFER = [
  STATUS,
  column('Started', '.status.startTimestamp', 'date', 'When data began to move'),
  bytesColumn('Bytes Done', '.status.progress.bytesDone', 'Bytes dealt with so far'),
  bytesColumn('Total Bytes', '.status.progress.totalBytes', 'Bytes of the volume'),
];
const INCREMENTAL: PrinterColumn = {
  ...bytesColumn('Incremental Bytes', '.status.incrementalBytes', 'Bytes that were new to the repository'),
  priority: 10,
};

/** Every custom resource definition of Caravel; names, short names and columns are Velero's. */
export const RESOURCE_DEFINITIONS: ResourceDefinition[] = [
  { gvr: GVR.backups, kind: 'Backup', schema: BackupSchema },
  { gvr: GVR.restores, kind: 'Restore', schema: RestoreSchema },
  {
    gvr: GVR.schedules,
    kind: 'Schedule',
    schema: ScheduleSchema,
    columns: [
      column('Status', '.status.phase', 'string', 'Whether the schedule is in force'),
      column('Schedule', '.spec.schedule', 'string', 'When backups are made'),
      column('LastBackup', '.status.lastBackup', 'date', 'When the last backup was made'),
      AGE,
      column('Paused', '.spec.paused', 'boolean'),
    ],
  },
  {
    gvr: GVR.backupStorageLocations,
    kind: 'BackupStorageLocation',
    shortNames: ['bsl'],
    schema: BackupStorageLocationSchema,
    columns: [
      column('Phase', '.status.phase', 'string', 'Whether the location answers'),
      column('Last Validated', '.status.lastValidationTime', 'date', 'When the location was last tested'),
      AGE,
      column('Default', '.spec.default', 'boolean', 'Whether backups without a location go here'),
    ],
  },
  {
    gvr: GVR.volumeSnapshotLocations,
    kind: 'VolumeSnapshotLocation',
    shortNames: ['vsl'],
    schema: VolumeSnapshotLocationSchema,
  },
  {
    gvr: GVR.deleteBackupRequests,
    kind: 'DeleteBackupRequest',
    schema: DeleteBackupRequestSchema,
    columns: [
      column('BackupName', '.spec.backupName', 'string', 'Backup to delete'),
      column('Status', '.status.phase', 'string', 'How far the deletion is'),
    ],
  },
  { gvr: GVR.downloadRequests, kind: 'DownloadRequest', schema: DownloadRequestSchema },
  {
    gvr: GVR.serverStatusRequests,
    kind: 'ServerStatusRequest',
    shortNames: ['ssr'],
    schema: ServerStatusRequestSchema,
  },
  {
    gvr: GVR.podVolumeBackups,
    kind: 'PodVolumeBackup',
    schema: PodVolumeBackupSchema,
    columns: [
      ...TRANSFER,
      INCREMENTAL,
      LOCATION,
      AGE,
      // Velero's column reads .status.node, which this kind does not have; the node stands in the spec.
      column('Node', '.spec.node', 'string', 'Node of the pod'),
      column('Uploader', '.spec.uploaderType', 'string', 'Format of the repository'),
    ],
  },
  {
    gvr: GVR.podVolumeRestores,
    kind: 'PodVolumeRestore',
    schema: PodVolumeRestoreSchema,
    columns: [
      ...TRANSFER,
      LOCATION,
      AGE,
      NODE,
      column('Uploader Type', '.spec.uploaderType', 'string', 'Format of the repository'),
    ],
  },
  {
    gvr: GVR.backupRepositories,
    kind: 'BackupRepository',
    schema: BackupRepositorySchema,
    columns: [AGE, column('Repository Type', '.spec.repositoryType', 'string', 'Format of the repository')],
  },
  {
    gvr: GVR.dataUploads,
    kind: 'DataUpload',
    schema: DataUploadSchema,
    columns: [...TRANSFER, INCREMENTAL, LOCATION, AGE, NODE],
  },
  {
    gvr: GVR.dataDownloads,
    kind: 'DataDownload',
    schema: DataDownloadSchema,
    columns: [...TRANSFER, LOCATION, AGE, NODE],
  },
];
