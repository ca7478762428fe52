import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { createApplication } from '../support/application.ts';
import { fillNamespace } from '../support/many-objects.ts';
import { watchPeak } from '../support/memory.ts';
import { processesOf } from '../support/processes.ts';
import { createBackup, createRestore, startVelero, waitBackup, waitRestore } from '../support/velero.ts';
import type { Velero } from '../support/velero.ts';
import { removeNamespace } from '../support/world.ts';
import { measureRun } from './caravel.ts';
import type { Bench } from './cases.ts';
import { renew } from './data.ts';
import { untilQuiet, watchLoad } from './machine.ts';
import type { Load } from './machine.ts';

/**
 * Caravel and stock Velero, as it comes and tuned, on the same objects and volumes in the same cluster. They take
 * turns, so that whatever else the machine does falls on all.
 */

export const PEER_CASES = ['secrets', 'objects', 'volume', 'volumes'] as const;
export type PeerCase = (typeof PEER_CASES)[number];

export const SIDES = ['caravel', 'velero', 'tuned'] as const;
export type Side = (typeof SIDES)[number];

export interface Measured {
  ms: number;
  load: Load;
  /** Of the process that makes the backup: worker or server. */
  peakBytes: number;
}

/** By what was measured: the runs of each side, in the order in which they were made. */
export type PeerResults = Record<string, Record<Side, Measured[]>>;

const PREFIX = 'bench-peer';
const SECRETS = `${PREFIX}-secrets`;
const OBJECTS = Array.from({ length: 20 }, (_, at) => `${PREFIX}-objects-${at}`);
const VOLUME = `${PREFIX}-volume`;
const VOLUMES = `${PREFIX}-volumes`;
const COPY = `${PREFIX}-copy`;

/** Of the application that the benchmark makes. */
export const PEER_NAMESPACES = [SECRETS, ...OBJECTS, VOLUME, VOLUMES, COPY];

interface Peers {
  bench: Bench;
  veleros: Record<'velero' | 'tuned', Velero>;
  results: PeerResults;
}

let count = 0;

export async function comparePeers(bench: Bench, cases: readonly PeerCase[]): Promise<PeerResults> {
  const { world, tell } = bench;
  tell('peer: installing stock Velero twice, as it comes and tuned');
  const veleros = {
    velero: await startVelero(world, { namespace: `${PREFIX}-velero` }),
    tuned: await startVelero(world, { namespace: `${PREFIX}-tuned`, tuned: true }),
  };
  const peers: Peers = { bench, veleros, results: {} };
  try {
    if (cases.includes('secrets')) await secrets(peers);
    if (cases.includes('objects')) await objects(peers);
    if (cases.includes('volume')) await oneVolume(peers);
    if (cases.includes('volumes')) await volumes(peers);
  } finally {
    await Promise.all(Object.values(veleros).map((velero) => velero.stop()));
  }
  return peers.results;
}

/** Every side in turn, `runs` times. */
async function inTurn(
  { bench, results }: Peers,
  what: string,
  runs: number,
  work: (side: Side) => Promise<Measured>,
): Promise<void> {
  const measured: Record<Side, Measured[]> = { caravel: [], velero: [], tuned: [] };
  results[what] = measured;
  for (let round = 1; round <= runs; round++)
    for (const side of SIDES) {
      await untilQuiet();
      const run = await work(side);
      measured[side].push(run);
      bench.tell(`${what}, round ${round} of ${runs}: ${side} ${(run.ms / 1000).toFixed(1)} s`);
    }
}

/** The spec says the same to all; what Velero would not do without being asked is asked for. */
async function backUp(
  { bench: { world }, veleros }: Peers,
  side: Side,
  spec: object,
): Promise<Measured & { name: string }> {
  const name = `peer-${count++}`;
  if (side === 'caravel') {
    const peak = watchPeak(world.workers.map(({ pid }) => pid));
    const { ms, load } = await measureRun(world, 'Backup', name, spec);
    return { name, ms, load, peakBytes: peak() };
  }
  return {
    name,
    ...(await timed(veleros[side], name, 'Backup', () => createBackup(veleros[side], name, spec))),
  };
}

async function timed(
  velero: Velero,
  name: string,
  kind: 'Backup' | 'Restore',
  begin: () => Promise<unknown>,
): Promise<Measured> {
  const peak = watchPeak(serversOf(velero.namespace));
  const loadOf = watchLoad();
  const from = Date.now();
  await begin();
  const run = await (kind === 'Backup'
    ? waitBackup(velero, name, 1_800_000)
    : waitRestore(velero, name, 1_800_000));
  const measured = { ms: Date.now() - from, load: loadOf(), peakBytes: peak() };
  if (run.status?.phase !== 'Completed')
    throw new Error(`Velero's ${kind} ${name} ended ${run.status?.phase}`);
  return measured;
}

const serversOf = (namespace: string): number[] =>
  processesOf((command) => /\/velero server( |$)/.test(command))
    .filter(({ pid }) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8')
          .split('\0')
          .includes(`VELERO_NAMESPACE=${namespace}`);
      } catch {
        return false;
      }
    })
    .map(({ pid }) => pid);

async function secrets(peers: Peers): Promise<void> {
  const { world, tell, runs } = peers.bench;
  tell('peer: making 3,000 Secrets');
  await fillNamespace(world, SECRETS, { secrets: 3_000, maps: 0 });
  const spec = { includedNamespaces: [SECRETS], snapshotVolumes: false };
  for (const side of SIDES) await backUp(peers, side, spec);
  await inTurn(peers, '3,000 Secrets', runs, (side) => backUp(peers, side, spec));
  await removeNamespace(world.kube, SECRETS);
}

async function objects(peers: Peers): Promise<void> {
  const { world, tell, runs } = peers.bench;
  tell('peer: making 30,000 objects in 20 namespaces');
  for (const namespace of OBJECTS) await fillNamespace(world, namespace, { secrets: 500, maps: 1_000 });
  const spec = { includedNamespaces: OBJECTS, snapshotVolumes: false };
  await inTurn(peers, '30,000 objects', runs, (side) => backUp(peers, side, spec));
  for (const namespace of OBJECTS) await removeNamespace(world.kube, namespace);
}

async function oneVolume(peers: Peers): Promise<void> {
  const { world, runs } = peers.bench;
  await createApplication(world, VOLUME, { data: { size: '1Gi' } });
  const last = new Map<Side, string>();
  await inTurn(peers, 'one volume of 500 MB, new data', runs, async (side) => {
    await renew(world, VOLUME, 'data', { files: 25, bytes: 500e6 });
    const run = await backUp(peers, side, { includedNamespaces: [VOLUME], snapshotMoveData: true });
    last.set(side, run.name);
    return run;
  });
  await inTurn(peers, 'one volume of 500 MB, restore', runs, async (side) => {
    const run = await bringBack(peers, side, last.get(side) ?? '');
    await removeNamespace(world.kube, COPY);
    return run;
  });
  await removeNamespace(world.kube, VOLUME);
}

async function bringBack(
  { bench: { world }, veleros }: Peers,
  side: Side,
  backupName: string,
): Promise<Measured> {
  const name = `peer-${count++}`;
  const spec = { backupName, namespaceMapping: { [VOLUME]: COPY } };
  if (side !== 'caravel')
    return await timed(veleros[side], name, 'Restore', () => createRestore(veleros[side], name, spec));
  const peak = watchPeak(world.workers.map(({ pid }) => pid));
  const { ms, load } = await measureRun(world, 'Restore', name, spec);
  return { ms, load, peakBytes: peak() };
}

/** The second backup of what has not changed, which is what a schedule does every night. */
async function volumes(peers: Peers): Promise<void> {
  const { world, tell, runs } = peers.bench;
  const claims = Array.from({ length: 20 }, (_, at) => `data-${at}`);
  tell('peer: making 20 pods with volumes of 50 MB');
  await createApplication(
    world,
    VOLUMES,
    Object.fromEntries(claims.map((claim) => [claim, { size: '1Gi' }])),
  );
  for (const claim of claims) await renew(world, VOLUMES, claim, { files: 10, bytes: 50e6 });
  const spec = { includedNamespaces: [VOLUMES], snapshotMoveData: true };
  await inTurn(peers, '20 volumes of 50 MB, new data', 1, (side) => backUp(peers, side, spec));
  await inTurn(peers, '20 volumes of 50 MB, unchanged', runs, async (side) => {
    // What the run before has left to the cluster to remove is no part of this one.
    await delay(5_000);
    return await backUp(peers, side, spec);
  });
  await removeNamespace(world.kube, VOLUMES);
}
