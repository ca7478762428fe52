import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DocRef } from '../../contracts/run.ts';
import { getDoc } from '../../platform/store/documents.ts';
import { fillNamespace } from '../support/many-objects.ts';
import { peakBytesOfLiving } from '../support/memory.ts';
import { leftovers } from '../support/leftovers.ts';
import { startKubeRelay } from '../support/kube-relay.ts';
import type { KubeRelay } from '../support/kube-relay.ts';
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
/** Between the API server and the workers of the second test. */
let relay: KubeRelay;

beforeAll(async () => {
  world = await createWorld('e2e-large');
  for (const name of NAMESPACES) await fillNamespace(world, name, { secrets: EACH, maps: EACH });
  worker = await world.startWorker();
  relay = await startKubeRelay();
});

afterAll(async () => {
  await world?.stop(NAMESPACES);
  await relay?.close();
});

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

test('all are in the backup, once each, and the worker needs little memory', async () => {
  await apply(world, 'Backup', 'whole', spec);
  await expectWhole('whole');
  expect(peakBytesOfLiving(worker.pid)).toBeLessThan(MEMORY);
});

interface Noted {
  position: { part: number };
  names: Record<string, string[]>;
}

/** How many namespaces' Secrets are exported, as Temporal knows it: the next attempt is told nothing else. */
async function notedParts(name: string): Promise<number> {
  const id = `backup/${world.name}/${world.name}/${name}`;
  const { raw } = await world.temporal.workflow.getHandle(id).describe();
  for (const { activityType, heartbeatDetails } of raw.pendingActivities ?? []) {
    const noted = heartbeatDetails?.payloads?.[0]?.data;
    if (activityType?.name !== 'exportShard' || !noted) continue;
    const { position, names } = await getDoc<Noted>(world.store, JSON.parse(noted.toString()) as DocRef);
    if (names['v1/Secret']) return position.part;
  }
  return 0;
}

/** Lists of Secrets that went through the relay: of a namespace, of all of them, and further pages of either. */
const pages = () =>
  relay.passed.filter((url) => /^\/api\/v1\/(namespaces\/e2e-large-\d+\/)?secrets\?/.test(url));

test('a worker that is killed in the middle is followed by one that goes on at the last page', async () => {
  await worker.stop();
  worker = await world.startWorker({ KUBECONFIG: relay.kubeconfigPath });
  // So slow that it is noted between pages how far it is.
  relay.hold = (url) => (/\/secrets\?/.test(url) ? delay(500) : undefined);
  await apply(world, 'Backup', 'killed', spec);
  const parts = await until(
    // There is no run yet, in the beginning.
    async () => (await notedParts('killed').catch(() => 0)) || undefined,
    'Temporal knows of a namespace that is exported',
    600_000,
  );
  await worker.kill();
  const begun = pages().filter((url) => !url.includes('continue='));
  relay.hold = () => undefined;
  relay.passed.length = 0;
  worker = await world.startWorker({ KUBECONFIG: relay.kubeconfigPath });
  await expectWhole('killed');
  expect(pages().length).toBeGreaterThan(0);
  // The first was that of the whole cluster.
  const done = begun.slice(0, 1 + parts);
  expect(pages().filter((url) => done.includes(url))).toEqual([]);
  expect(peakBytesOfLiving(worker.pid)).toBeLessThan(MEMORY);
});
