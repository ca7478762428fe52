import type { Command } from 'commander';
import { connectionOptions, flag, outputOption, type Cli } from '../cli.ts';
import { parseName } from '../flags/values.ts';
import { describeRestore } from '../output/describe.ts';
import { document } from '../output/document.ts';
import { EXIT } from '../output/exit-codes.ts';
import { detailOptions, fileOptions, type DetailOptions } from './file-options.ts';

export function addRestoreDescribe(parent: Command, cli: Cli): void {
  const command = parent
    .command('describe')
    .description('show all that is known of a restore')
    .argument('<name>', 'name of the restore', flag(parseName));
  outputOption(connectionOptions(detailOptions(command))).action(
    async (name: string, options: DetailOptions) => {
      await cli.perform(options, async (client) => {
        const files = options.details ? fileOptions(options) : undefined;
        const description = await client.describeRestore(name, files);
        const { output } = options;
        if (output === 'table') cli.line(describeRestore(description, cli.style));
        else cli.terminal.out(document(description, output));
        return EXIT.completed;
      });
    },
  );
}
