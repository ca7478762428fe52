import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storeContext } from '../../activities/support/context.ts';
import { cutVolume } from '../../activities/volume/cut.ts';
import { handOverSnapshot } from '../../activities/volume/hand-over-snapshot.ts';
import { volumeActivities } from '../../activities/volume/index.ts';
import type { VolumeRef } from '../../contracts/activities.ts';
import { scratchPrefix, volumeObjectName } from '../../contracts/ids.ts';
import type { VolumeCut, VolumePlans } from '../../core/model.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { putDoc } from '../../platform/store/documents.ts';
import type { SnapshotContent } from '../../activities/volume/snapshot-objects.ts';
import { createBackup, depsOf } from '../support/backup-run.ts';
import { until } from '../support/processes.ts';
import { storageSnapshots } from '../support/storage.ts';
import { createWorld, namespaceObject, removeNamespace } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** The clean-up of one volume after a process that died between any two of its calls, with the real controllers. */

const APP = 'it-clean-up-app';
let world: World;
let runs = 0;

beforeAll(async () => {
  world = await createWorld('it-clean-up');
  await removeNamespace(world.kube, APP);
  await world.kube.create(GVRS.namespaces, undefined, namespaceObject(APP));
  await world.kube.create(GVRS.persistentvolumeclaims, APP, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data' },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'caravel-csi',
      resources: { requests: { storage: '64Mi' } },
    },
  });
});

afterAll(() => world.stop([APP]));

/** One that is killed before its call of this number that changes something. */
function mortal(kube: KubeClient, calls: number): { kube: KubeClient; died: () => boolean } {
  let left = calls;
  const changes = ['create', 'ensure', 'patch', 'remove'];
  const get = (target: KubeClient, key: string | symbol): unknown => {
    const value: unknown = Reflect.get(target, key);
    if (typeof value !== 'function') return value;
    return (...args: unknown[]) => {
      if (changes.includes(String(key)) && left-- <= 0) throw new Error('killed');
      return (value as (...args: unknown[]) => unknown).apply(target, args);
    };
  };
  return { kube: new Proxy(kube, { get }), died: () => left < 0 };
}

interface Cut extends VolumeRef {
  cut: VolumeCut;
}

async function cut(): Promise<Cut> {
  const run = await createBackup(world, `run-${runs++}`, { includedNamespaces: [APP] });
  const metadata = { name: run.name, namespace: world.name, uid: run.uid };
  const context = await storeContext(depsOf(world), world.store, run, {
    resource: { apiVersion: 'velero.io/v1', kind: 'Backup', metadata, spec: {} },
    location: 'default',
    startedAt: new Date().toISOString(),
    cluster: await world.kube.version(),
  });
  const volume = {
    namespace: APP,
    claim: 'data',
    claimUid: 'c',
    method: 'csi-data-movement',
    storageClass: 'caravel-csi',
    snapshotClass: 'caravel-csi',
  };
  const doc = { volumes: [volume] } as unknown as VolumePlans;
  const ref = {
    run,
    context,
    volumes: await putDoc(world.store, `${scratchPrefix(run)}volumes`, doc),
    index: 0,
  };
  return { ...ref, cut: await cutVolume(depsOf(world), ref, AbortSignal.timeout(60_000)) };
}

async function cleanUp(ref: VolumeRef & { cut?: VolumeCut }, kube = world.kube): Promise<void> {
  const step = volumeActivities(depsOf(world, { kube })).cleanUpProtection;
  await new MockActivityEnvironment().run(step, ref);
}

/** Nothing of the volume in the cluster and in the storage; what ends by itself may take a moment. */
async function clean({ cut: { handle }, run }: Cut): Promise<void> {
  const left = async () => [
    ...(await objects()),
    ...(await storageSnapshots(world)).filter((id) => id === handle),
  ];
  const empty = async () => ((await left()).length === 0 ? true : undefined);
  await until(empty, `nothing is left of ${run.name}`, 5_000).catch(() => undefined);
  expect(await left()).toEqual([]);
}

async function objects(): Promise<string[]> {
  const { kube, name } = world;
  const contents = await kube.list<SnapshotContent>(GVRS.volumesnapshotcontents);
  const ours = contents.filter(({ spec }) => [APP, name].includes(spec.volumeSnapshotRef.namespace));
  const snapshots = await Promise.all([
    kube.list<KubeObject>(GVRS.volumesnapshots, { namespace: APP }),
    kube.list<KubeObject>(GVRS.volumesnapshots, { namespace: name }),
  ]);
  return [...ours, ...snapshots.flat()].map(
    ({ metadata }) => `${metadata.namespace ?? 'content'} ${metadata.name}`,
  );
}

/** The copy of the content alone, as the storage has acknowledged it. */
async function copyContent(ref: Cut, uid?: string): Promise<string> {
  const before = mortal(world.kube, 3);
  await expect(handOver(ref, before.kube)).rejects.toThrow('killed');
  const name = volumeObjectName(ref.run, APP, 'data');
  if (uid) {
    const patch = { spec: { volumeSnapshotRef: { uid } } };
    await world.kube.patch(GVRS.volumesnapshotcontents, undefined, name, patch, { type: 'merge' });
  }
  await world.kube.waitFor<KubeObject & { status?: { snapshotHandle?: string } }, true>(
    GVRS.volumesnapshotcontents,
    undefined,
    name,
    (found) => (found?.status?.snapshotHandle ? true : undefined),
    { timeoutMs: 30_000 },
  );
  return name;
}

const handOver = (ref: Cut, kube: KubeClient) =>
  handOverSnapshot(depsOf(world, { kube }), ref, AbortSignal.timeout(60_000));

describe('nothing is left of a snapshot', () => {
  test('whose copy has a content that the storage knows, and nothing else yet', async () => {
    const ref = await cut();
    await copyContent(ref);
    await cleanUp(ref);
    await clean(ref);
  });

  test('whose copy is bound on one side only', async () => {
    const ref = await cut();
    const name = await copyContent(ref, 'f0e1d2c3-0000-4000-8000-000000000000');
    await world.kube.create(GVRS.volumesnapshots, world.name, {
      apiVersion: 'snapshot.storage.k8s.io/v1',
      kind: 'VolumeSnapshot',
      metadata: { name },
      spec: { source: { volumeSnapshotContentName: name }, volumeSnapshotClassName: 'caravel-csi' },
    });
    await cleanUp(ref);
    await clean(ref);
  });

  test('whose hand-over was killed before any of its calls', async () => {
    for (let calls = 0, over = false; !over; calls++) {
      const ref = await cut();
      const { kube, died } = mortal(world.kube, calls);
      await handOver(ref, kube).catch(() => undefined);
      over = !died();
      await cleanUp(ref);
      await clean(ref);
    }
  });

  test.each([
    ['before the hand-over', 0],
    ['in the middle of it', 3],
    ['after it', Infinity],
  ])('whose clean-up was killed before any of its calls, %s', async (_, handedOver) => {
    for (let calls = 0, over = false; !over; calls++) {
      const ref = await cut();
      await handOver(ref, mortal(world.kube, handedOver).kube).catch(() => undefined);
      const { kube, died } = mortal(world.kube, calls);
      await cleanUp(ref, kube).catch(() => undefined);
      over = !died();
      await cleanUp(ref);
      await clean(ref);
    }
  });

  test('that the run does not know of', async () => {
    const { cut: unknown, ...ref } = await cut();
    expect(unknown.handle).not.toBe('');
    await cleanUp(ref);
    await clean({ ...ref, cut: unknown });
  });
});
