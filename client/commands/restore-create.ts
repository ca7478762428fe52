import type { Command } from 'commander';
import type { RestoreSpec } from '../../contracts/api/index.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import type { CaravelClient } from '../caravel-client.ts';
import { connectionOptions, flag, outputOption, type Cli } from '../cli.ts';
import { parseBoolean, parseCount, parseMappings, parseName } from '../flags/values.ts';
import {
  checkCreateOptions,
  commonSpec,
  createOptions,
  createRun,
  metadataOf,
  present,
  usageError,
  type CreateOptions,
} from './create-run.ts';

interface RestoreOptions extends CreateOptions {
  fromBackup?: string;
  fromSchedule?: string;
  namespaceMappings?: Record<string, string>;
  restoreVolumes?: boolean;
  preserveNodeports?: boolean;
  existingResourcePolicy?: string;
  resourceModifierConfigmap?: string;
  writeSparseFiles?: boolean;
  parallelFilesDownload?: number;
}

function uploaderConfig(options: RestoreOptions): RestoreSpec['uploaderConfig'] {
  const { writeSparseFiles, parallelFilesDownload } = options;
  const config = present<NonNullable<RestoreSpec['uploaderConfig']>>({
    writeSparseFiles,
    parallelFilesDownload,
  });
  return Object.keys(config).length > 0 ? config : undefined;
}

export function restoreSpec(options: RestoreOptions): RestoreSpec {
  const { resourceModifierConfigmap: modifier } = options;
  return {
    ...present<RestoreSpec>({ backupName: options.fromBackup, scheduleName: options.fromSchedule }),
    ...commonSpec(options),
    ...present<RestoreSpec>({
      namespaceMapping: options.namespaceMappings,
      restorePVs: options.restoreVolumes,
      preserveNodePorts: options.preserveNodeports,
      existingResourcePolicy: options.existingResourcePolicy,
      resourceModifier: modifier === undefined ? undefined : { kind: 'configmap', name: modifier },
      uploaderConfig: uploaderConfig(options),
    }),
  };
}

/** `<source>-<YYYYMMDDhhmmss>`, as Velero names restores; in UTC, so that names sort. */
export function defaultName(source: string, now: number): string {
  return `${source}-${new Date(now).toISOString().replaceAll(/\D/g, '').slice(0, 14)}`;
}

function parsePolicy(text: string): string {
  if (text === 'none' || text === 'update') return text;
  throw new Error(`"${text}" is neither none nor update`);
}

function checkSource(command: Command, { fromBackup, fromSchedule }: RestoreOptions): string {
  const source = fromBackup ?? fromSchedule;
  if (source === undefined) usageError(command, 'name what to restore with --from-backup or --from-schedule');
  if (fromBackup && fromSchedule) usageError(command, '--from-backup and --from-schedule exclude each other');
  return source;
}

/** Better told now than by a restore that fails its validation. */
async function checkBackup(client: CaravelClient, { fromBackup }: RestoreOptions): Promise<void> {
  if (fromBackup === undefined) return;
  try {
    await client.getBackup(fromBackup);
  } catch (error) {
    if (!(error instanceof CaravelError) || error.code !== 'BackupNotFound') throw error;
    throw new CaravelError('BackupNotFound', `--from-backup: ${error.message}`, { cause: error });
  }
}

export function addRestoreCreate(parent: Command, cli: Cli): void {
  const command = parent
    .command('create')
    .description('restore a backup, whole or in part')
    .argument('[name]', 'name of the restore (default: <backup>-<time>)', flag(parseName));
  command
    .option('--from-backup <name>', 'backup to restore', flag(parseName))
    .option('--from-schedule <name>', 'schedule whose newest completed backup is restored', flag(parseName))
    .option('--namespace-mappings <old:new,…>', 'new names of namespaces', flag(parseMappings));
  createOptions(command)
    .option(
      '--restore-volumes <true|false>',
      'restore the data of volumes (default: true)',
      flag(parseBoolean),
    )
    .option('--existing-resource-policy <none|update>', 'leave or change what exists', flag(parsePolicy))
    .option('--preserve-nodeports <true|false>', 'keep the node ports of services', flag(parseBoolean))
    .option('--resource-modifier-configmap <name>', 'ConfigMap with changes to objects', flag(parseName))
    .option('--write-sparse-files <true|false>', 'write runs of zeroes as holes', flag(parseBoolean))
    .option('--parallel-files-download <n>', 'downloads at once for one volume', flag(parseCount));
  outputOption(connectionOptions(command)).action(
    async (given: string | undefined, options: RestoreOptions) => {
      checkCreateOptions(command, options);
      const name = given ?? defaultName(checkSource(command, options), cli.terminal.now());
      checkSource(command, options);
      const input = { name, spec: restoreSpec(options), ...metadataOf(options) };
      await cli.perform(options, async (client) => {
        if (!options.dryRun) await checkBackup(client, options);
        return await createRun(cli, client, {
          type: 'restore',
          input,
          create: (each) => client.createRestore(each),
          options,
        });
      });
    },
  );
}
