import type { Command } from 'commander';
import { connectionOptions, flag, outputOption, type Cli } from '../cli.ts';
import { parseName } from '../flags/values.ts';
import { describeBackup } from '../output/describe.ts';
import { document } from '../output/document.ts';
import { EXIT } from '../output/exit-codes.ts';
import { detailOptions, fileOptions, type DetailOptions } from './file-options.ts';

export function addBackupDescribe(parent: Command, cli: Cli): void {
  const command = parent
    .command('describe')
    .description('show all that is known of a backup')
    .argument('<name>', 'name of the backup', flag(parseName));
  outputOption(connectionOptions(detailOptions(command))).action(
    async (name: string, options: DetailOptions) => {
      await cli.perform(options, async (client) => {
        const files = options.details ? fileOptions(options) : undefined;
        const description = await client.describeBackup(name, files);
        const { output } = options;
        if (output === 'table') cli.line(describeBackup(description, cli.style));
        else cli.terminal.out(document(description, output));
        return EXIT.completed;
      });
    },
  );
}
