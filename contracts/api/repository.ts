import { Type, type Static } from 'typebox';
import type { CustomResource } from './meta.ts';
import { UPLOADER_TYPES } from './pod-volume.ts';
import { choice, duration, list, root, text, textMap, time } from './schema.ts';

export const REPOSITORY_PHASES = ['New', 'Ready', 'NotReady'] as const;
export type RepositoryPhase = (typeof REPOSITORY_PHASES)[number];
export const MAINTENANCE_RESULTS = ['Succeeded', 'Failed'] as const;

export const BackupRepositorySpecSchema = Type.Object(
  {
    volumeNamespace: text('Namespace whose volumes the repository holds.'),
    backupStorageLocation: text('BackupStorageLocation that the repository is in.'),
    repositoryType: Type.Optional(choice(UPLOADER_TYPES, 'Format of the repository.')),
    resticIdentifier: Type.Optional(text('Deprecated: address of a restic repository.')),
    maintenanceFrequency: duration('How often the repository is maintained.'),
    repositoryConfig: Type.Optional(textMap('Settings of the repository.', { nullable: true })),
  },
  { description: 'Which repository.' },
);
export type BackupRepositorySpec = Static<typeof BackupRepositorySpecSchema>;

export const BackupRepositoryStatusSchema = Type.Partial(
  Type.Object({
    phase: choice(REPOSITORY_PHASES, 'Whether the repository can be used.'),
    message: text('Why the repository cannot be used.'),
    lastMaintenanceTime: time('When maintenance last succeeded.'),
    recentMaintenance: list(
      Type.Partial(
        Type.Object({
          result: choice(MAINTENANCE_RESULTS, 'How the maintenance ended.'),
          startTimestamp: time('When the maintenance started.'),
          completeTimestamp: time('When the maintenance ended.'),
          message: text('Why the maintenance failed.'),
        }),
      ),
      'The last maintenances.',
    ),
  }),
  { description: 'Whether the repository can be used.' },
);
export type BackupRepositoryStatus = Static<typeof BackupRepositoryStatusSchema>;

export const BackupRepositorySchema = root('A repository for the data of the volumes of one namespace.', {
  spec: BackupRepositorySpecSchema,
  status: BackupRepositoryStatusSchema,
});
export type BackupRepository = CustomResource<
  'BackupRepository',
  BackupRepositorySpec,
  BackupRepositoryStatus
>;
