import type { Command } from 'commander';
import type { BackupPreview, PreviewInput } from '../../contracts/preview.ts';
import type { CaravelClient } from '../caravel-client.ts';
import { connectionOptions, flag, outputOption, type Cli } from '../cli.ts';
import { parseName } from '../flags/values.ts';
import { document } from '../output/document.ts';
import { EXIT, exitCodeOfPhase, type ExitCode } from '../output/exit-codes.ts';
import { previewText } from '../output/preview.ts';
import { backupFlags, backupSpec, type BackupOptions } from './backup-create.ts';
import { checkCreateOptions, specOptions } from './create-run.ts';

/** Planning takes seconds; after this long something is missing. */
const PATIENCE = 15_000;

export function addBackupPlan(parent: Command, cli: Cli): void {
  const command = parent
    .command('plan')
    .description('tell what a backup would hold and how each volume would be protected; changes nothing')
    .argument('[name]', 'name that the backup is to have', flag(parseName));
  backupFlags(specOptions(command));
  outputOption(connectionOptions(command)).action(
    async (name: string | undefined, options: BackupOptions) => {
      checkCreateOptions(command, options);
      const { annotations } = options;
      const input: PreviewInput = {
        spec: backupSpec(options),
        ...(name !== undefined && { name }),
        ...(annotations && { annotations }),
      };
      await cli.perform(options, (client) => plan(cli, client, input, options));
    },
  );
}

async function plan(
  cli: Cli,
  client: CaravelClient,
  input: PreviewInput,
  { output }: BackupOptions,
): Promise<ExitCode> {
  const preview = await interruptible(cli, client, input);
  if (!preview) return EXIT.interrupted;
  if (output === 'table') cli.line(previewText(preview, cli.style));
  else cli.terminal.out(document(preview, output));
  // A spec that is refused is a wrong command line: nothing would be backed up.
  return preview.validationErrors.length > 0 ? EXIT.usage : exitCodeOfPhase(preview.expectedPhase);
}

/** Ctrl-C cancels the planning, which then removes what it wrote down. */
async function interruptible(
  cli: Cli,
  client: CaravelClient,
  input: PreviewInput,
): Promise<BackupPreview | undefined> {
  const stop = new AbortController();
  const release = cli.terminal.onInterrupt(() => stop.abort());
  const silent = setTimeout(() => cli.note('no answer yet: is the Deployment caravel running?'), PATIENCE);
  try {
    return await client.planBackup(input, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return undefined;
  } finally {
    clearTimeout(silent);
    release();
  }
}
