import type { Command } from 'commander';
import type { BackupSpec } from '../../contracts/api/index.ts';
import { connectionOptions, flag, outputOption, type Cli } from '../cli.ts';
import { parseBoolean, parseCount, parseDurationFlag, parseName } from '../flags/values.ts';
import {
  checkCreateOptions,
  commonSpec,
  createOptions,
  createRun,
  metadataOf,
  present,
  type CreateOptions,
} from './create-run.ts';

export interface BackupOptions extends CreateOptions {
  storageLocation?: string;
  ttl?: string;
  snapshotMoveData: boolean;
  defaultVolumesToFsBackup?: boolean;
  csiSnapshotTimeout?: string;
  resourcePoliciesConfigmap?: string;
  parallelFilesUpload?: number;
}

export function backupSpec(options: BackupOptions): BackupSpec {
  const { resourcePoliciesConfigmap: policies, parallelFilesUpload } = options;
  return {
    ...commonSpec(options),
    ...present<BackupSpec>({
      storageLocation: options.storageLocation,
      ttl: options.ttl,
      snapshotMoveData: options.snapshotMoveData,
      defaultVolumesToFsBackup: options.defaultVolumesToFsBackup,
      csiSnapshotTimeout: options.csiSnapshotTimeout,
      resourcePolicy: policies === undefined ? undefined : { kind: 'configmap', name: policies },
      uploaderConfig: parallelFilesUpload === undefined ? undefined : { parallelFilesUpload },
    }),
  };
}

/** Options of the spec that restores do not have. */
export function backupFlags(command: Command): Command {
  return command
    .option('--storage-location <name>', 'BackupStorageLocation (default: the default one)')
    .option('--ttl <duration>', 'how long to keep the backup (default: 720h)', flag(parseDurationFlag))
    .option(
      '--snapshot-move-data <true|false>',
      'move the data of snapshots to the bucket',
      flag(parseBoolean),
      true,
    )
    .option(
      '--default-volumes-to-fs-backup <true|false>',
      'read volumes through their pods instead of snapshots',
      flag(parseBoolean),
    )
    .option(
      '--csi-snapshot-timeout <duration>',
      'longest wait for a snapshot (default: 10m)',
      flag(parseDurationFlag),
    )
    .option('--resource-policies-configmap <name>', 'ConfigMap with volume policies', flag(parseName))
    .option('--parallel-files-upload <n>', 'files read at once for one volume', flag(parseCount));
}

export function addBackupCreate(parent: Command, cli: Cli): void {
  const command = parent
    .command('create')
    .description('back up namespaces with their volumes')
    .argument('<name>', 'name of the backup', flag(parseName));
  backupFlags(createOptions(command));
  outputOption(connectionOptions(command)).action(async (name: string, options: BackupOptions) => {
    checkCreateOptions(command, options);
    const input = { name, spec: backupSpec(options), ...metadataOf(options) };
    await cli.perform(options, (client) =>
      createRun(cli, client, { type: 'backup', input, create: (each) => client.createBackup(each), options }),
    );
  });
}
