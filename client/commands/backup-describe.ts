import type { Command } from 'commander';
import { connectionOptions, flag, outputOption, type Cli, type CommonOptions } from '../cli.ts';
import { parseName } from '../flags/values.ts';
import { describeBackup } from '../output/describe.ts';
import { document } from '../output/document.ts';
import { EXIT } from '../output/exit-codes.ts';

export function addBackupDescribe(parent: Command, cli: Cli): void {
  const command = parent
    .command('describe')
    .description('show all that is known of a backup')
    .argument('<name>', 'name of the backup', flag(parseName));
  outputOption(connectionOptions(command)).action(async (name: string, options: CommonOptions) => {
    await cli.perform(options, async (client) => {
      const description = await client.describeBackup(name);
      const { output } = options;
      if (output === 'table') cli.line(describeBackup(description, cli.style));
      else cli.terminal.out(document(description, output));
      return EXIT.completed;
    });
  });
}
