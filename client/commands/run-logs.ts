import type { Command } from 'commander';
import type { RunType } from '../../contracts/run.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import type { CaravelClient } from '../caravel-client.ts';
import { connectionOptions, flag, type Cli } from '../cli.ts';
import { parseName } from '../flags/values.ts';
import { EXIT, type ExitCode } from '../output/exit-codes.ts';
import { printable } from '../output/format.ts';
import { phaseOf } from '../output/run-table.ts';
import { fileOptions, storeOptions, type StoreOptions } from './file-options.ts';

/** `backup logs` and `restore logs`. */
export function addRunLogs(parent: Command, cli: Cli, type: RunType): void {
  const command = parent
    .command('logs')
    .description(`print the log of a ${type} that has ended`)
    .argument('<name>', `name of the ${type}`, flag(parseName));
  connectionOptions(storeOptions(command)).action(async (name: string, options: StoreOptions) => {
    await cli.perform(options, (client) => printLog(cli, client, { type, name, options }));
  });
}

async function printLog(
  cli: Cli,
  client: CaravelClient,
  { type, name, options }: { type: RunType; name: string; options: StoreOptions },
): Promise<ExitCode> {
  const run = type === 'backup' ? await client.getBackup(name) : await client.getRestore(name);
  const log = await client.runLog(type, name, fileOptions(options));
  if (!log) throw noLog(type, name, phaseOf(run));
  const decoder = new TextDecoder();
  for await (const chunk of log as AsyncIterable<Buffer>) {
    cli.terminal.out(printable(decoder.decode(chunk, { stream: true })));
  }
  return EXIT.completed;
}

const noLog = (type: RunType, name: string, phase: string) =>
  new CaravelError('StoreNotFound', `${type} ${name} is ${phase} and has no log`, {
    hint: `The log is written when a ${type} ends; see caravel ${type} describe ${name}.`,
  });
