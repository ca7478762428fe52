import type { Command } from 'commander';
import { messageOf } from '../../core/errors/catalog.ts';
import { caravelVersion } from '../../platform/config/version.ts';
import { toCaravelError } from '../../platform/kube/errors.ts';
import type { CaravelClient } from '../caravel-client.ts';
import { connectionOptions, outputOption, type Cli, type CommonOptions } from '../cli.ts';
import { document } from '../output/document.ts';
import { EXIT } from '../output/exit-codes.ts';
import { table } from '../output/table.ts';

interface Versions {
  client: string;
  kubernetes?: string;
  temporal?: string;
  /** Workers that ask the task queue for work. */
  workers?: number;
  /** Why Temporal could not be asked; no fault, the controller starts runs as well. */
  temporalError?: string;
}

async function temporalVersions(client: CaravelClient): Promise<Partial<Versions>> {
  const door = await client.temporal();
  if ('reason' in door) return { temporalError: door.reason };
  try {
    const temporal = await door.serverVersion();
    const workers = await door.workers().catch(() => undefined);
    return { temporal, ...(workers !== undefined && { workers }) };
  } catch (error) {
    return { temporalError: messageOf(error) };
  }
}

async function readVersions(client: CaravelClient): Promise<Versions> {
  const kubernetes = await client.kube.version().catch((error: unknown) => {
    throw toCaravelError(error);
  });
  return { client: caravelVersion(), kubernetes: kubernetes.gitVersion, ...(await temporalVersions(client)) };
}

function rows({ client, kubernetes, temporal, workers, temporalError }: Versions): string[][] {
  return [
    ['Client', client],
    ['Kubernetes', kubernetes ?? ''],
    ['Temporal', temporal ?? `not connected: ${temporalError}`],
    ['Workers', workers === undefined ? 'unknown' : String(workers)],
  ];
}

export function addVersion(parent: Command, cli: Cli): void {
  const command = parent
    .command('version')
    .description('versions of client, cluster and Temporal')
    .option('--client-only', 'without asking anybody');
  outputOption(connectionOptions(command)).action(
    async (options: CommonOptions & { clientOnly?: boolean }) => {
      const { output } = options;
      const show = (versions: Versions, text: string): void => {
        if (output === 'table') cli.line(text);
        else cli.terminal.out(document(versions, output));
      };
      if (options.clientOnly) {
        show({ client: caravelVersion() }, caravelVersion());
        return;
      }
      await cli.perform(options, async (client) => {
        const versions = await readVersions(client);
        show(versions, table([], rows(versions)));
        return EXIT.completed;
      });
    },
  );
}
