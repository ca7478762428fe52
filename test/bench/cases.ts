import { setTimeout as delay } from 'node:timers/promises';
import { createApplication } from '../support/application.ts';
import { residentBytes } from '../support/memory.ts';
import { removeNamespace } from '../support/world.ts';
import type { World } from '../support/world.ts';
import { measureRun } from './caravel.ts';
import type { CaravelRun } from './caravel.ts';
import { renew } from './data.ts';
import type { Content } from './data.ts';
import { openFloor } from './floor.ts';
import type { Floor, FloorRun } from './floor.ts';
import { watchMover } from './memory.ts';
import type { PeerResults } from './peer.ts';
import type { MoverPeak } from './memory.ts';

/** What is measured. Both sides take turns, so that whatever else the machine does falls on both. */

export const NAMESPACES = ['bench-floor', 'bench-app', 'bench-copy', 'bench-ten', 'bench-ten-copy'] as const;
const [FLOOR, APP, COPY, TEN, TEN_COPY] = NAMESPACES;
const CLAIM = 'data';
const LARGE: Content = { files: 25, bytes: 500e6 };
const SMALL: Content = { files: 10, bytes: 50e6 };

export interface Turn {
  floor: FloorRun[];
  caravel: CaravelRun[];
}

export interface Results {
  turns: Record<string, Turn>;
  /** Milliseconds for which an application of five volumes was quiesced. */
  quiesce?: number[];
  /** Runs of Caravel and of Velero, side by side. */
  peers?: PeerResults;
  memory?: { idleWorker: number; backup: MoverPeak; restore: MoverPeak };
}

export interface Bench {
  world: World;
  runs: number;
  /** Tells how far it is. */
  tell: (text: string) => void;
}

const turn = (): Turn => ({ floor: [], caravel: [] });
let count = 0;
const next = (word: string) => `${word}-${count++}`;

async function backUp({ world }: Bench, namespace: string, watch?: (uid: string) => void) {
  const name = next('bench');
  return { name, run: await measureRun(world, 'Backup', name, { includedNamespaces: [namespace] }, watch) };
}

async function bringBack(
  { world }: Bench,
  backupName: string,
  [from, to]: [string, string],
  watch?: (uid: string) => void,
): Promise<CaravelRun> {
  await removeNamespace(world.kube, to);
  const spec = { backupName, namespaceMapping: { [from]: to } };
  const run = await measureRun(world, 'Restore', next('bench'), spec, watch);
  await removeNamespace(world.kube, to);
  return run;
}

export async function oneVolume(bench: Bench): Promise<Results['turns']> {
  const { world, tell } = bench;
  for (const namespace of [FLOOR, APP])
    await createApplication(world, namespace, { [CLAIM]: { size: '1Gi' } });
  const floor = await openFloor(world, FLOOR, CLAIM);
  tell('one-volume: once around, not measured');
  await floor.backup();
  await backUp(bench, APP);
  const turns = { 'backup, new data': turn(), 'backup, unchanged': turn(), restore: turn() };
  for (let round = 1; round <= bench.runs; round++) {
    tell(`one-volume: round ${round} of ${bench.runs}`);
    await oneRound(bench, floor, turns);
  }
  return turns;
}

async function oneRound(
  bench: Bench,
  floor: Floor,
  turns: Record<'backup, new data' | 'backup, unchanged' | 'restore', Turn>,
): Promise<void> {
  const { world } = bench;
  const fresh = turns['backup, new data'];
  await renew(world, FLOOR, CLAIM, LARGE);
  fresh.floor.push(await floor.backup());
  await renew(world, APP, CLAIM, LARGE);
  fresh.caravel.push((await backUp(bench, APP)).run);
  const unchanged = turns['backup, unchanged'];
  unchanged.floor.push(await floor.backup());
  const { name, run } = await backUp(bench, APP);
  unchanged.caravel.push(run);
  turns.restore.floor.push(await floor.restore());
  turns.restore.caravel.push(await bringBack(bench, name, [APP, COPY]));
}

export async function tenVolumes(bench: Bench): Promise<Results['turns']> {
  const { world, tell } = bench;
  const claims = Array.from({ length: 10 }, (_, index) => `data-${index}`);
  await createApplication(world, TEN, Object.fromEntries(claims.map((claim) => [claim, { size: '1Gi' }])));
  tell('ten-volumes: once around, not measured');
  await backUp(bench, TEN);
  const turns = { 'ten volumes, backup': turn(), 'ten volumes, restore': turn() };
  for (let round = 1; round <= bench.runs; round++) {
    tell(`ten-volumes: round ${round} of ${bench.runs}`);
    for (const claim of claims) await renew(world, TEN, claim, SMALL);
    const { name, run } = await backUp(bench, TEN);
    turns['ten volumes, backup'].caravel.push(run);
    turns['ten volumes, restore'].caravel.push(await bringBack(bench, name, [TEN, TEN_COPY]));
  }
  return turns;
}

/** Apart from the measured runs, because looking costs time. */
export async function memory(bench: Bench, idleWorker: number): Promise<Results['memory']> {
  const { world, tell } = bench;
  tell('memory: one backup and one restore under observation');
  await createApplication(world, APP, { [CLAIM]: { size: '1Gi' } });
  await renew(world, APP, CLAIM, LARGE);
  let stop: () => MoverPeak = () => ({ together: 0, kopia: 0, supervisor: 0 });
  const watch = (uid: string) => void (stop = watchMover(uid));
  const { name } = await backUp(bench, APP, watch);
  const backup = stop();
  await bringBack(bench, name, [APP, COPY], watch);
  return { idleWorker, backup, restore: stop() };
}

/** A worker that has started and had time to settle. */
export async function idleMemory(world: World): Promise<number> {
  await delay(20_000);
  return residentBytes(world.workers[0]?.pid ?? 0);
}
