import { afterAll, beforeAll, expect, test } from 'vitest';
import { fillNamespace } from '../support/many-objects.ts';
import { peakBytes } from '../support/memory.ts';
import { leftovers } from '../support/leftovers.ts';
import { until } from '../support/processes.ts';
import { scaled } from '../support/scale.ts';
import { readTar } from '../support/tar.ts';
import { apply, createWorld, ended } from '../support/world.ts';
import type { World, WorkerProcess } from '../support/world.ts';

/** Very many objects: a worker that is killed in the middle, and the memory that one needs. */

const NAMESPACES = Array.from({ length: scaled(20, 4) }, (_, at) => `e2e-large-${at}`);
/** Of each of two types, in each namespace. */
const EACH = scaled(2_500, 750);
/** The objects of the test, and of each namespace: itself, its service account, its certificate map. */
const OBJECTS = NAMESPACES.length * (2 * EACH + 3);
const MEMORY = 300_000_000;

const spec = {
  includedNamespaces: NAMESPACES,
  includedResources: ['namespaces', 'serviceaccounts', 'configmaps', 'secrets'],
  snapshotVolumes: false,
};

let world: World;
let worker: WorkerProcess;

beforeAll(async () => {
  world = await createWorld('e2e-large');
  for (const name of NAMESPACES) await fillNamespace(world, name, { secrets: EACH, maps: EACH });
  worker = await world.startWorker();
});

afterAll(async () => {
  await world?.stop(NAMESPACES);
});

/** Bytes of what a run has exported so far. */
async function scratchBytes(name: string): Promise<number> {
  let sum = 0;
  for await (const { size } of world.store.list(`backups/${name}/.caravel/`)) sum += size;
  return sum;
}

async function expectWhole(name: string): Promise<void> {
  const backup = await ended(world, 'Backup', name, 600_000);
  expect(backup.status).toMatchObject({
    phase: 'Completed',
    progress: { totalItems: OBJECTS, itemsBackedUp: OBJECTS },
  });
  const entries = await readTar(await world.store.get(`backups/${name}/${name}.tar.gz`));
  const objects = [...entries.keys()].filter(
    (path) => path.startsWith('resources/') && !path.includes('/v1-preferredversion/'),
  );
  expect(objects).toHaveLength(OBJECTS);
  expect(await leftovers(world)).toEqual([]);
}

let most = 0;

test('all are in the backup, once each, and the worker needs little memory', async () => {
  await apply(world, 'Backup', 'whole', spec);
  const timer = setInterval(() => {
    void scratchBytes('whole').then((bytes) => (most = Math.max(most, bytes)));
  }, 100);
  await ended(world, 'Backup', 'whole', 600_000).finally(() => clearInterval(timer));
  await expectWhole('whole');
  expect(peakBytes(worker.pid)).toBeLessThan(MEMORY);
});

test('a worker that is killed in the middle is followed by one that completes it', async () => {
  await apply(world, 'Backup', 'killed', spec);
  await until(
    async () => (await scratchBytes('killed')) > most / 3 || undefined,
    'a part is exported',
    600_000,
  );
  await worker.kill();
  expect(await scratchBytes('killed')).toBeLessThan(most);
  worker = await world.startWorker();
  await expectWhole('killed');
  expect(peakBytes(worker.pid)).toBeLessThan(MEMORY);
});
