import { createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import type { CaravelClient } from '../caravel-client.ts';
import { connectionOptions, flag, type Cli } from '../cli.ts';
import { parseName } from '../flags/values.ts';
import { EXIT, type ExitCode } from '../output/exit-codes.ts';
import { formatBytes } from '../output/format.ts';
import { phaseOf } from '../output/run-table.ts';
import { fileOptions, storeOptions, type StoreOptions } from './file-options.ts';

interface DownloadOptions extends StoreOptions {
  file?: string;
  force?: boolean;
}

export function addBackupDownload(parent: Command, cli: Cli): void {
  const command = parent
    .command('download')
    .description('save the objects of a backup as a tarball; the data of volumes is not in it')
    .argument('<name>', 'name of the backup', flag(parseName))
    .option('-f, --file <file>', 'where to (default: <name>-data.tar.gz)')
    .option('--force', 'write over a file that is there');
  connectionOptions(storeOptions(command)).action(async (name: string, options: DownloadOptions) => {
    await cli.perform(options, (client) => download(cli, client, name, options));
  });
}

async function download(
  cli: Cli,
  client: CaravelClient,
  name: string,
  options: DownloadOptions,
): Promise<ExitCode> {
  const file = options.file ?? `${name}-data.tar.gz`;
  if (!options.force && (await stat(file).catch(() => undefined))) {
    const hint = 'Name another with --file, or add --force.';
    throw new CaravelError('InvalidInput', `${file} is there already`, { hint });
  }
  const backup = await client.getBackup(name);
  const contents = await client.backupContents(name, fileOptions(options));
  if (!contents) {
    const hint = `It is written when a backup ends; see caravel backup describe ${name}.`;
    throw new CaravelError('StoreNotFound', `backup ${name} is ${phaseOf(backup)} and has no contents`, {
      hint,
    });
  }
  cli.line(`backup ${name} saved as ${file} (${formatBytes(await save(contents, file))})`);
  return EXIT.completed;
}

/** A broken download leaves nothing that looks like a backup. */
async function save(contents: Readable, file: string): Promise<number> {
  const unfinished = `${file}.part`;
  try {
    await pipeline(contents, createWriteStream(unfinished));
    await rename(unfinished, file);
    return (await stat(file)).size;
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error instanceof CaravelError ? error : new Error(`${file}: ${messageOf(error)}`, { cause: error });
  }
}
