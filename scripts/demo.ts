import { Command } from 'commander';
import pc from 'picocolors';
import { GVR } from '../contracts/api/gvr.ts';
import { messageOf } from '../core/errors/catalog.ts';
import { formatBytes } from '../client/output/format.ts';
import type { KubeObject } from '../platform/kube/types.ts';
import { deployApplication, differences, fetchPage, fingerprint } from './demo/application.ts';
import type { Fingerprint } from './demo/application.ts';
import { caravel } from './demo/command.ts';
import { fillTables } from './demo/database.ts';
import { prepareCluster, prepareLab, type Environment } from './demo/environment.ts';
import { writeFiles } from './demo/files.ts';
import { DEMO_LABEL, removeLeftovers, removeNamespace, RESTORED, SHOP } from './demo/leftovers.ts';
import { waitReady } from './demo/pods.ts';
import { report } from './demo/report.ts';
import { Screen } from './demo/screen.ts';

/** The whole way of an application through a backup, its loss and its restore, with proof that nothing changed. */

interface Options {
  keep?: boolean;
  kubeconfig?: string;
}

const screen = new Screen();
const stop = new AbortController();
const { signal } = stop;
let takeDown: (() => Promise<void>) | undefined;
let environment: Environment | undefined;

async function main({ kubeconfig }: Options): Promise<void> {
  environment = kubeconfig
    ? await prepareCluster(screen, kubeconfig)
    : await prepareLab(screen, (undo) => void (takeDown = undo), signal);
  signal.throwIfAborted();
  const { kube, controlNamespace } = environment;
  if (environment.temporalUi) screen.line(`  watch the runs in the Temporal UI: ${uiAddress(environment)}`);
  await screen.step('leftovers of an earlier demonstration', (tell) =>
    removeLeftovers(environment!, tell, signal),
  );
  const before = await makeApplication(environment);
  await backUp(environment);
  const backup = await kube.get<KubeObject>(GVR.backups, controlNamespace, SHOP);
  await screen.step(`namespace ${SHOP} deleted, with its volumes`, () => removeNamespace(kube, SHOP, signal));
  const restore = await restoreFrom(environment);
  const after = await screen.step('checksums again', async (tell) => {
    await waitReady(kube, RESTORED, tell, signal);
    return await fingerprint(kube, RESTORED, tell, signal);
  });
  await compare(environment, before, after);
  screen.line(`\n${report(screen.steps, backup, restore)}\n`);
  screen.line(pc.green('The restored application is identical to the one that was backed up.'));
}

async function makeApplication({ kube, ...rest }: Environment): Promise<Fingerprint> {
  await screen.step(`application in namespace ${SHOP}`, async (tell) => {
    const objects = await deployApplication({ kube, ...rest }, SHOP);
    await waitReady(kube, SHOP, tell, signal);
    tell(`${objects} objects, two volumes`);
  });
  await screen.step('data in the database', async (tell) => {
    const bytes = await fillTables(kube, SHOP, tell, signal);
    tell(`${formatBytes(bytes)} in three tables`);
  });
  await screen.step('files of the web server', async (tell) => {
    const count = await writeFiles(kube, SHOP, signal);
    tell(`${count} files, folders and links`);
  });
  return await screen.step('checksums', (tell) => fingerprint(kube, SHOP, tell, signal));
}

/** The database's pod asks for a CHECKPOINT by its annotations. */
async function backUp({ variables }: Environment): Promise<void> {
  const args = [
    'backup',
    'create',
    SHOP,
    '--include-namespaces',
    SHOP,
    '--labels',
    `${DEMO_LABEL}=true`,
    '--wait',
  ];
  await screen.loud('backup', () => caravel(screen, args, variables, signal));
}

interface RestoreObject extends KubeObject {
  spec?: { backupName?: string };
}

async function restoreFrom({ kube, controlNamespace, variables }: Environment): Promise<KubeObject> {
  const args = [
    'restore',
    'create',
    '--from-backup',
    SHOP,
    '--namespace-mappings',
    `${SHOP}:${RESTORED}`,
    '--wait',
  ];
  await screen.loud('restore', () => caravel(screen, args, variables, signal));
  const restores = await kube.list<RestoreObject>(GVR.restores, { namespace: controlNamespace });
  const mine = restores.find(({ spec }) => spec?.backupName === SHOP);
  if (!mine) throw new Error('the Restore is gone from the cluster');
  return mine;
}

async function compare({ kube }: Environment, before: Fingerprint, after: Fingerprint): Promise<void> {
  await screen.step('comparison', async (tell) => {
    const found = differences(before, after);
    if (found.length > 0) {
      const shown = found.slice(0, 20).map((each) => `\n  ${each}`);
      throw new Error(`the restored application differs in ${found.length} things:${shown.join('')}`);
    }
    const page = await fetchPage(kube, RESTORED, signal);
    if (!page.includes('Ahoy!')) throw new Error(`the web page is not the one that was stored: ${page}`);
    tell(`${before.size} things are the same, the page is served`);
  });
}

async function cleanUp(keep: boolean): Promise<void> {
  if (keep) {
    showKept();
    return;
  }
  if (takeDown) await screen.loud('lab down', takeDown);
  else if (environment) {
    await screen.step('clean-up', (tell) => removeLeftovers(environment!, tell));
  }
}

function showKept(): void {
  if (!environment) return;
  const { variables } = environment;
  screen.line(`The namespaces ${SHOP} and ${RESTORED} and the backup stay. To look around:`);
  screen.line(`  export KUBECONFIG=${variables['KUBECONFIG']}`);
  if (environment.temporalUi) screen.line(`  Temporal UI: ${uiAddress(environment)}`);
  screen.line('  npm run lab -- --help');
}

function uiAddress({ temporalUi, variables }: Environment): string {
  return `${temporalUi}/namespaces/${variables['TEMPORAL_NAMESPACE'] ?? 'default'}/workflows`;
}

process.on('SIGINT', () => {
  if (signal.aborted) process.exit(130);
  screen.line('\nstopping, then cleaning up (Ctrl-C again to leave everything as it is)');
  stop.abort(new Error('stopped'));
});
process.on('SIGTERM', () => stop.abort(new Error('stopped')));

const program = new Command('demo')
  .description('Backs up an application with its volumes, deletes it, restores it and compares.')
  .option('--keep', 'leave the cluster and the application as they are at the end')
  .option('--kubeconfig <file>', 'use this cluster instead of the lab; see docs/how-to/run-the-lab.md');
const options = program.parse().opts<Options>();
const started = Date.now();
try {
  await main(options);
} catch (error) {
  process.exitCode = signal.aborted ? 130 : 1;
  screen.line(pc.red(`The demonstration failed: ${messageOf(error)}`));
}
try {
  await cleanUp(Boolean(options.keep) && !signal.aborted);
} catch (error) {
  process.exitCode ||= 1;
  screen.line(pc.red(`The clean-up failed: ${messageOf(error)}`));
} finally {
  await environment?.kube.close();
}
screen.line(`${((Date.now() - started) / 1000).toFixed(0)} s in all`);
