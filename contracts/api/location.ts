import { Type, type Static } from 'typebox';
import type { CustomResource } from './meta.ts';
import { bytes, choice, duration, flag, root, secretKey, text, textMap, time } from './schema.ts';

export const LOCATION_PHASES = ['Available', 'Unavailable'] as const;
export type LocationPhase = (typeof LOCATION_PHASES)[number];
export const ACCESS_MODES = ['ReadOnly', 'ReadWrite'] as const;
export type AccessMode = (typeof ACCESS_MODES)[number];

export const BackupStorageLocationSpecSchema = Type.Object(
  {
    provider: text('Kind of object store, such as aws for everything that speaks S3.'),
    objectStorage: Type.Object(
      {
        bucket: text('Bucket of the backups.'),
        prefix: Type.Optional(text('Path in the bucket below which everything is kept.')),
        caCert: Type.Optional(bytes('Deprecated: CA bundle of the store, PEM in base64. Use caCertRef.')),
        caCertRef: Type.Optional(secretKey('Secret with the CA bundle of the store, PEM.')),
      },
      { description: 'Where in the object store.' },
    ),
    config: Type.Optional(textMap('Settings of the provider, such as region and s3Url.')),
    credential: Type.Optional(secretKey('Secret with the credentials for the store.')),
    default: Type.Optional(flag('Whether backups without a location go here.')),
    accessMode: Type.Optional(choice(ACCESS_MODES, 'Whether backups may be written; they may when unset.')),
    backupSyncPeriod: Type.Optional(
      duration('How often backups of the bucket are looked for; 0 for never.', { nullable: true }),
    ),
    validationFrequency: Type.Optional(
      duration('How often the location is tested; 0 for never.', { nullable: true }),
    ),
  },
  { description: 'Which object store, and how to reach it.' },
);
export type BackupStorageLocationSpec = Static<typeof BackupStorageLocationSpecSchema>;

export const BackupStorageLocationStatusSchema = Type.Partial(
  Type.Object({
    phase: choice(LOCATION_PHASES, 'Whether the location answered the last test.'),
    lastSyncedTime: time('When backups of the bucket were last looked for.'),
    lastValidationTime: time('When the location was last tested.'),
    message: text('Why the location is unavailable.'),
    lastSyncedRevision: text('Deprecated and never written.'),
    accessMode: choice(ACCESS_MODES, 'Deprecated and never written.'),
  }),
  { description: 'Whether the location can be used.' },
);
export type BackupStorageLocationStatus = Static<typeof BackupStorageLocationStatusSchema>;

export const BackupStorageLocationSchema = root('A place in an object store for backups.', {
  spec: BackupStorageLocationSpecSchema,
  status: BackupStorageLocationStatusSchema,
});
export type BackupStorageLocation = CustomResource<
  'BackupStorageLocation',
  BackupStorageLocationSpec,
  BackupStorageLocationStatus
>;

export const VolumeSnapshotLocationSpecSchema = Type.Object(
  {
    provider: text('Kind of volume snapshots.'),
    config: Type.Optional(textMap('Settings of the provider.')),
    credential: Type.Optional(secretKey('Secret with the credentials for the provider.')),
  },
  { description: 'Which provider of native snapshots.' },
);
export type VolumeSnapshotLocationSpec = Static<typeof VolumeSnapshotLocationSpecSchema>;

export const VolumeSnapshotLocationStatusSchema = Type.Partial(
  Type.Object({ phase: choice(LOCATION_PHASES, 'Whether the location can be used; never written.') }),
  { description: 'Whether the location can be used.' },
);
export type VolumeSnapshotLocationStatus = Static<typeof VolumeSnapshotLocationStatusSchema>;

export const VolumeSnapshotLocationSchema = root('A place for native volume snapshots.', {
  spec: VolumeSnapshotLocationSpecSchema,
  status: VolumeSnapshotLocationStatusSchema,
});
export type VolumeSnapshotLocation = CustomResource<
  'VolumeSnapshotLocation',
  VolumeSnapshotLocationSpec,
  VolumeSnapshotLocationStatus
>;
