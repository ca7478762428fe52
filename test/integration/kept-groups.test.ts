import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storeContext } from '../../activities/support/context.ts';
import { keepGroup } from '../../activities/volume/keep-group.ts';
import type { GroupRef } from '../../contracts/activities.ts';
import { groupSnapshotName, LABELS, scratchPrefix } from '../../contracts/ids.ts';
import type { VolumeCut, VolumeOutcome, VolumePlans } from '../../core/model.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { Gvr, KubeObject } from '../../platform/kube/types.ts';
import { getDoc, putDoc } from '../../platform/store/documents.ts';
import { createBackup, depsOf } from '../support/backup-run.ts';
import { createWorld, namespaceObject, removeNamespace } from '../support/world.ts';
import type { World } from '../support/world.ts';

/**
 * Keeping the snapshots of a group. The storage of the lab has each ready at once, so here are objects of a driver that
 * nobody serves, whose state the test writes.
 */

const APP = 'it-groups-app';
const MEMBERS = ['data', 'wal'];
const GROUPS: Gvr = {
  group: 'groupsnapshot.storage.k8s.io',
  version: 'v1',
  resource: 'volumegroupsnapshots',
};
const GROUP_CONTENTS: Gvr = { ...GROUPS, resource: 'volumegroupsnapshotcontents' };

let world: World;
let ref: GroupRef;
const group = () => groupSnapshotName(ref.run, APP, 'db');

beforeAll(async () => {
  world = await createWorld('it-groups');
  await clean();
  await world.kube.create(GVRS.namespaces, undefined, namespaceObject(APP));
  ref = await makeRun();
  await makeGroup();
  for (const name of MEMBERS) await makeMember(name);
});

afterAll(async () => {
  await clean();
  await world.stop();
});

async function clean(): Promise<void> {
  const { kube } = world;
  for (const [gvr, name] of [
    [GROUP_CONTENTS, `${APP}-group`] as const,
    ...MEMBERS.map((member) => [GVRS.volumesnapshotcontents, `${APP}-${member}`] as const),
  ]) {
    await kube.remove(gvr, undefined, name);
    const found = await kube.find<KubeObject>(gvr, undefined, name);
    // Nobody serves the driver, so nobody takes the finalizers away.
    if (found) await kube.patch(gvr, undefined, name, { metadata: { finalizers: null } }, { type: 'merge' });
  }
  await removeNamespace(kube, APP);
}

async function makeGroup(): Promise<void> {
  const apiVersion = `${GROUPS.group}/${GROUPS.version}`;
  const content = `${APP}-group`;
  await world.kube.create(GROUPS, APP, {
    apiVersion,
    kind: 'VolumeGroupSnapshot',
    metadata: { name: group(), labels: { [LABELS.component]: 'source-group' } },
    spec: { source: { volumeGroupSnapshotContentName: content } },
  });
  await world.kube.create(GROUP_CONTENTS, undefined, {
    apiVersion,
    kind: 'VolumeGroupSnapshotContent',
    metadata: { name: content },
    spec: {
      driver: 'nobody.example',
      deletionPolicy: 'Delete',
      source: {
        groupSnapshotHandles: { volumeGroupSnapshotHandle: 'g', volumeSnapshotHandles: MEMBERS },
      },
      volumeGroupSnapshotRef: { namespace: APP, name: group() },
    },
  });
  const status = { boundVolumeGroupSnapshotContentName: content };
  await world.kube.patch(GROUPS, APP, group(), { status }, { type: 'merge', subresource: 'status' });
}

async function makeMember(name: string): Promise<void> {
  const { kube } = world;
  const { metadata } = await kube.get<KubeObject>(GROUPS, APP, group());
  const content = `${APP}-${name}`;
  const owner = {
    apiVersion: `${GROUPS.group}/${GROUPS.version}`,
    kind: 'VolumeGroupSnapshot',
    name: group(),
    uid: metadata.uid,
  };
  await kube.create(GVRS.volumesnapshotcontents, undefined, {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshotContent',
    metadata: { name: content },
    spec: {
      driver: 'nobody.example',
      deletionPolicy: 'Delete',
      source: { snapshotHandle: name },
      volumeSnapshotRef: { namespace: APP, name },
    },
  });
  await kube.create(GVRS.volumesnapshots, APP, {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: { name, ownerReferences: [owner] },
    spec: { source: { volumeSnapshotContentName: content } },
  });
  await setStatus(name, { readyToUse: true });
  const status = { boundVolumeSnapshotContentName: content };
  await kube.patch(GVRS.volumesnapshots, APP, name, { status }, { type: 'merge', subresource: 'status' });
}

const setStatus = (name: string, status: object) =>
  world.kube.patch(
    GVRS.volumesnapshotcontents,
    undefined,
    `${APP}-${name}`,
    { status: { snapshotHandle: name, ...status } },
    { type: 'merge', subresource: 'status' },
  );

async function makeRun(): Promise<GroupRef> {
  const spec = { includedNamespaces: [APP], csiSnapshotTimeout: '1s', itemOperationTimeout: '120s' };
  const run = await createBackup(world, 'kept', spec);
  const metadata = { name: run.name, namespace: world.name, uid: run.uid };
  const context = await storeContext(depsOf(world), world.store, run, {
    resource: { apiVersion: 'velero.io/v1', kind: 'Backup', metadata, spec },
    location: 'default',
    startedAt: new Date().toISOString(),
    cluster: await world.kube.version(),
  });
  const members = [0, 1];
  const group = {
    namespace: APP,
    label: 'group',
    value: 'db',
    version: 'v1',
    snapshotClass: 'none',
    members,
  };
  const volumes = MEMBERS.map((claim) => ({ namespace: APP, claim }));
  const doc = { volumes, together: [group] } as unknown as VolumePlans;
  const ref = { run, context, members };
  return { ...ref, volumes: await putDoc(world.store, `${scratchPrefix(run)}volumes.json`, doc) };
}

const cutOf = (name: string): VolumeCut => ({
  snapshot: name,
  content: `${APP}-${name}`,
  handle: name,
  driver: 'nobody.example',
  snapshotClass: 'none',
  restoreSize: 0,
  takenAt: new Date().toISOString(),
  group: group(),
});

const keep = (kube = world.kube) =>
  keepGroup(depsOf(world, { kube }), { ...ref, cuts: MEMBERS.map(cutOf) }, AbortSignal.timeout(60_000));

interface GroupContent extends KubeObject {
  spec: { deletionPolicy: string };
}

/** What says whether the storage may drop the snapshots. */
async function marks() {
  const [object, content] = await Promise.all([
    world.kube.get<KubeObject>(GROUPS, APP, group()),
    world.kube.get<GroupContent>(GROUP_CONTENTS, undefined, `${APP}-group`),
  ]);
  return {
    policy: content.spec.deletionPolicy,
    components: [object, content].map(({ metadata }) => metadata.labels?.[LABELS.component]),
  };
}

const unmarked = { policy: 'Delete', components: ['source-group', undefined] };

test('none is kept when one of them cannot be, so that the storage may drop all', async () => {
  const message = `the pool is full ${randomUUID()}`;
  await setStatus('wal', { readyToUse: false, error: { message } });
  await expect(keep()).rejects.toMatchObject({
    code: 'SnapshotFailed',
    message: `snapshot wal: ${message}`,
  });
  expect(await marks()).toEqual(unmarked);
});

test('none is kept when one of them is gone, and nobody tries for ever', async () => {
  await setStatus('wal', { readyToUse: true, error: null });
  const get: typeof world.kube.get = async (gvr, namespace, name) =>
    await world.kube.get(gvr, namespace, name === 'wal' ? 'no-such-snapshot' : name);
  const kube = new Proxy(world.kube, {
    get(target, property) {
      const value: unknown = property === 'get' ? get : Reflect.get(target, property);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  await expect(keep(kube)).rejects.toMatchObject({ code: 'ObjectGone', retryable: false });
  expect(await marks()).toEqual(unmarked);
});

test('all are kept as soon as the last of them is ready, and none before', async () => {
  await setStatus('wal', { readyToUse: false, error: null });
  const kept = keep();
  await delay(1_500);
  expect(await marks()).toEqual(unmarked);
  await setStatus('wal', { readyToUse: true, error: null });
  const outcomes = await Promise.all((await kept).map((doc) => getDoc<VolumeOutcome>(world.store, doc)));
  expect(outcomes).toMatchObject([
    { index: 0, ok: true, kept: { snapshot: { metadata: { name: 'data' } } } },
    { index: 1, ok: true, kept: { snapshot: { metadata: { name: 'wal' } } } },
  ]);
  expect(await marks()).toEqual({ policy: 'Retain', components: ['kept-snapshot', 'kept-snapshot'] });
});

test('keeping twice is keeping once', async () => {
  await keep();
  expect(await marks()).toEqual({ policy: 'Retain', components: ['kept-snapshot', 'kept-snapshot'] });
});
