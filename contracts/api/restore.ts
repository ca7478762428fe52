import { Type, type Static } from 'typebox';
import { ON_ERROR } from './backup.ts';
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
  rawObject,
  root,
  text,
  textList,
  textMap,
  time,
} from './schema.ts';

export const RESTORE_PHASES = [
  'New',
  'FailedValidation',
  'InProgress',
  'WaitingForPluginOperations',
  'WaitingForPluginOperationsPartiallyFailed',
  'Finalizing',
  'FinalizingPartiallyFailed',
  'Completed',
  'PartiallyFailed',
  'Failed',
] as const;
export type RestorePhase = (typeof RESTORE_PHASES)[number];

const nullable = { nullable: true };

const ExecRestoreHookSchema = Type.Object(
  {
    container: Type.Optional(text('Container to run in; the first one of the pod when empty.')),
    command: textList('Program and arguments; no shell is put around them.', { minItems: 1 }),
    onError: Type.Optional(choice(ON_ERROR, 'What a failure of the command means for the restore.')),
    execTimeout: Type.Optional(duration('How long the command may take.')),
    waitTimeout: Type.Optional(duration('How long to wait for the container to run.')),
    waitForReady: Type.Optional(flag('Whether the container must be ready, not only running.', nullable)),
  },
  { description: 'Command to run in a container of the restored pod.' },
);

const InitRestoreHookSchema = Type.Object(
  {
    initContainers: Type.Optional(
      list(rawObject('A container as in a pod.'), 'Init containers put before those of the pod.'),
    ),
    timeout: Type.Optional(
      duration('Accepted for compatibility; init containers have no time limit of their own.'),
    ),
  },
  { description: 'Init containers to add to the restored pod.' },
);

const RestoreHookSchema = Type.Object({
  exec: Type.Optional(ExecRestoreHookSchema),
  init: Type.Optional(InitRestoreHookSchema),
});
export type RestoreHook = Static<typeof RestoreHookSchema>;

const RestoreHooksForSchema = Type.Object({
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
  postHooks: Type.Optional(list(RestoreHookSchema, 'Hooks of the restored pods.')),
});
export type RestoreHooksFor = Static<typeof RestoreHooksForSchema>;

const filters = {
  includedNamespaces: textList(
    'Namespaces to restore, by their name in the backup; all when empty.',
    nullable,
  ),
  excludedNamespaces: textList('Namespaces to leave out, by their name in the backup.', nullable),
  includedResources: textList('Resources to restore; all when empty.', nullable),
  excludedResources: textList('Resources to leave out.', nullable),
  includeClusterResources: flag(
    'Whether resources without a namespace are restored: true for all, false for none, unset for those that belong.',
    nullable,
  ),
  labelSelector: labelSelector('Objects to restore, by label; cannot be combined with orLabelSelectors.'),
  orLabelSelectors: labelSelectors('Objects to restore when any of these selectors fits.'),
};

export const RestoreSpecSchema = Type.Partial(
  Type.Object({
    backupName: text('Backup to restore from; exactly one of backupName and scheduleName is given.'),
    scheduleName: text('Schedule whose newest completed backup is restored.'),
    ...filters,
    namespaceMapping: textMap('New name for each namespace that changes its name.'),
    restorePVs: flag('False restores claims without their data; unset means true.', nullable),
    restoreStatus: Type.Object(
      {
        includedResources: Type.Optional(
          textList('Resources whose status is restored; all when empty.', nullable),
        ),
        excludedResources: Type.Optional(textList('Resources whose status is not restored.', nullable)),
      },
      { description: 'Whose status is restored; none when unset.', nullable: true },
    ),
    preserveNodePorts: flag('Whether services keep node ports that were assigned to them.', nullable),
    hooks: Type.Object(
      { resources: Type.Optional(list(RestoreHooksForSchema, 'Hooks, each with the pods they are for.')) },
      { description: 'What to run in restored pods.' },
    ),
    existingResourcePolicy: text(
      'What happens to objects that exist: none leaves them, update changes them.',
      nullable,
    ),
    itemOperationTimeout: duration(
      'How long one asynchronous operation, such as the move of a volume, may take.',
    ),
    resourceModifier: localObject('ConfigMap with changes to make to objects on their way.', nullable),
    resourcePolicy: localObject('ConfigMap with finer filters, by namespace and kind.', nullable),
    uploaderConfig: Type.Object(
      {
        writeSparseFiles: Type.Optional(flag('Whether runs of zeroes are written as holes.', nullable)),
        parallelFilesDownload: Type.Optional(integer('Downloads at once for one volume.')),
      },
      { description: 'Settings of the uploader.', nullable: true },
    ),
  }),
  { description: 'What to restore, and how.' },
);
export type RestoreSpec = Static<typeof RestoreSpecSchema>;

export const RestoreStatusSchema = Type.Partial(
  Type.Object({
    phase: choice(RESTORE_PHASES, 'How far the restore is.'),
    validationErrors: textList('Everything that is wrong with the spec.', nullable),
    warnings: integer('Number of warnings.'),
    errors: integer('Number of errors.'),
    failureReason: text('Why the whole restore failed.'),
    startTimestamp: time('When the restore started.'),
    completionTimestamp: time('When the restore ended, successful or not.'),
    progress: Type.Object(
      {
        totalItems: Type.Optional(integer('Items to restore; may change while the restore runs.')),
        itemsRestored: Type.Optional(integer('Items restored so far.')),
      },
      { description: 'Items dealt with.', nullable: true },
    ),
    restoreItemOperationsAttempted: integer('Asynchronous operations started.'),
    restoreItemOperationsCompleted: integer('Asynchronous operations that succeeded.'),
    restoreItemOperationsFailed: integer('Asynchronous operations that failed.'),
    hookStatus: Type.Object(
      {
        hooksAttempted: Type.Optional(integer('Hooks started.')),
        hooksFailed: Type.Optional(integer('Hooks that failed.')),
      },
      { description: 'Hooks run.', nullable: true },
    ),
  }),
  { description: 'Where the restore stands.' },
);
export type RestoreStatus = Static<typeof RestoreStatusSchema>;

export const RestoreSchema = root('A restore of a backup, whole or in part.', {
  spec: RestoreSpecSchema,
  status: RestoreStatusSchema,
});
export type Restore = CustomResource<'Restore', RestoreSpec, RestoreStatus>;
