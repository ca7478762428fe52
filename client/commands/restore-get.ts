import type { Command } from 'commander';
import { selectorText } from '../../core/selection/label-selector.ts';
import type { LabelSelector } from '../../contracts/api/index.ts';
import { connectionOptions, flag, outputOption, type Cli, type CommonOptions } from '../cli.ts';
import { parseSelector } from '../flags/selector.ts';
import { parseName } from '../flags/values.ts';
import { document, listOf } from '../output/document.ts';
import { EXIT } from '../output/exit-codes.ts';
import { restoreTable } from '../output/run-table.ts';

interface GetOptions extends CommonOptions {
  selector?: LabelSelector;
}

export function addRestoreGet(parent: Command, cli: Cli): void {
  const command = parent
    .command('get')
    .description('list restores, or show one')
    .argument('[name]', 'name of a restore', flag(parseName))
    .option('-l, --selector <selector>', 'only restores with these labels', flag(parseSelector));
  outputOption(connectionOptions(command)).action(async (name: string | undefined, options: GetOptions) => {
    await cli.perform(options, async (client) => {
      const { output, selector } = options;
      const labelSelector = selector && selectorText(selector);
      const found = name
        ? [await client.getRestore(name)]
        : await client.listRestores({ ...(labelSelector && { labelSelector }) });
      if (output !== 'table') cli.terminal.out(document(name ? found[0] : listOf(found), output));
      else if (found.length > 0) cli.line(restoreTable(found, cli.style));
      else cli.note(`no restores in namespace "${client.namespace}"`);
      return EXIT.completed;
    });
  });
}
