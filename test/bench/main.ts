import { Command, InvalidArgumentError, Option } from 'commander';
import { messageOf } from '../../core/errors/catalog.ts';
import { hasVelero } from '../support/velero.ts';
import { createWorld, removeNamespace } from '../support/world.ts';
import type { World } from '../support/world.ts';
import { idleMemory, memory, NAMESPACES, oneVolume, tenVolumes } from './cases.ts';
import type { Bench, Results } from './cases.ts';
import { machine } from './machine.ts';
import { comparePeers, PEER_CASES, PEER_NAMESPACES } from './peer.ts';
import { quiesceTimes, QUIESCE } from './quiesce.ts';
import { report } from './report.ts';

/** Caravel against the fewest steps by hand, in one go and in turn, in a world of its own in the lab. */

const OWN_CASES = ['one-volume', 'ten-volumes', 'quiesce', 'memory'] as const;
const CASES = [...OWN_CASES, ...PEER_CASES] as const;

interface Options {
  runs: number;
  case: (typeof CASES)[number][];
  output: 'text' | 'json';
  peer?: 'velero';
}

async function measure(world: World, { runs, case: cases, peer }: Options): Promise<Results> {
  const tell = (text: string) => process.stderr.write(`${text}\n`);
  const bench: Bench = { world, runs, tell };
  await world.startWorker();
  if (peer) {
    const compared = PEER_CASES.filter((each) => cases.includes(each));
    return { turns: {}, peers: await comparePeers(bench, compared) };
  }
  const idle = await idleMemory(world);
  const results: Results = { turns: {} };
  if (cases.includes('one-volume')) Object.assign(results.turns, await oneVolume(bench));
  if (cases.includes('ten-volumes')) Object.assign(results.turns, await tenVolumes(bench));
  if (cases.includes('quiesce')) Object.assign(results, { quiesce: await quiesceTimes(world, runs, tell) });
  if (cases.includes('memory')) Object.assign(results, { memory: await memory(bench, idle) });
  return results;
}

async function main(options: Options): Promise<void> {
  if (options.peer && !hasVelero()) throw new Error('the lab has no Velero: npm run lab -- up --with velero');
  const world = await createWorld('bench');
  let cleaned: Promise<void> | undefined;
  const namespaces = [...NAMESPACES, QUIESCE, ...(options.peer ? PEER_NAMESPACES : [])];
  const cleanUp = () => (cleaned ??= world.stop(namespaces));
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void cleanUp().finally(() => process.exit(130)));
  try {
    for (const namespace of namespaces) await removeNamespace(world.kube, namespace);
    const about = { date: new Date().toISOString(), ...machine() };
    const results = await measure(world, options);
    const json = () => JSON.stringify({ about, ...results }, undefined, 2);
    process.stdout.write(`${options.output === 'json' ? json() : report(about, results)}\n`);
  } finally {
    await cleanUp();
  }
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number from 1 on');
  return value;
}

const command = new Command('bench')
  .description('measures Caravel against the same steps by hand, or against another program')
  .option('--runs <n>', 'runs of each case', positive, 3)
  .addOption(
    new Option('--case <name...>', `cases to run; with --peer ${PEER_CASES.join(', ')}, else the others`)
      .choices([...CASES])
      .default([...CASES], 'all of them'),
  )
  .addOption(new Option('--peer <program>', 'measure against it, side by side').choices(['velero']))
  .addOption(new Option('--output <format>', 'what to print').choices(['text', 'json']).default('text'))
  .action(main);

try {
  await command.parseAsync();
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
