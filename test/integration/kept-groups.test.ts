import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storeContext } from '../../activities/support/context.ts';
import { keepSnapshot } from '../../activities/volume/keep-snapshot.ts';
import type { VolumeRef } from '../../contracts/activities.ts';
import { scratchPrefix } from '../../contracts/ids.ts';
import type { VolumeCut, VolumePlans } from '../../core/model.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { Gvr, KubeObject } from '../../platform/kube/types.ts';
import { putDoc } from '../../platform/store/documents.ts';
import { createBackup, depsOf } from '../support/backup-run.ts';
import { createWorld, namespaceObject, removeNamespace } from '../support/world.ts';
import type { World } from '../support/world.ts';

/**
 * Keeping the snapshots of a group. The storage of the lab has each ready at once, so here are objects of a driver that
 * nobody serves, whose state the test writes.
 */

const APP = 'it-groups-app';
const GROUP = 'group';
const MEMBERS = ['data', 'wal'];
const GROUPS: Gvr = {
  group: 'groupsnapshot.storage.k8s.io',
  version: 'v1',
  resource: 'volumegroupsnapshots',
};
const GROUP_CONTENTS: Gvr = { ...GROUPS, resource: 'volumegroupsnapshotcontents' };

let world: World;
let ref: Omit<VolumeRef, 'index'>;

beforeAll(async () => {
  world = await createWorld('it-groups');
  await clean();
  await world.kube.create(GVRS.namespaces, undefined, namespaceObject(APP));
  await makeGroup();
  for (const name of MEMBERS) await makeMember(name);
  ref = await makeRun();
});

afterAll(async () => {
  await clean();
  await world.stop();
});

async function clean(): Promise<void> {
  const { kube } = world;
  for (const [gvr, name] of [
    [GROUP_CONTENTS, `${APP}-${GROUP}`] as const,
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
  const content = `${APP}-${GROUP}`;
  await world.kube.create(GROUPS, APP, {
    apiVersion,
    kind: 'VolumeGroupSnapshot',
    metadata: { name: GROUP },
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
      volumeGroupSnapshotRef: { namespace: APP, name: GROUP },
    },
  });
  const status = { boundVolumeGroupSnapshotContentName: content };
  await world.kube.patch(GROUPS, APP, GROUP, { status }, { type: 'merge', subresource: 'status' });
}

async function makeMember(name: string): Promise<void> {
  const { kube } = world;
  const group = await kube.get<KubeObject>(GROUPS, APP, GROUP);
  const content = `${APP}-${name}`;
  const owner = {
    apiVersion: `${GROUPS.group}/${GROUPS.version}`,
    kind: 'VolumeGroupSnapshot',
    name: GROUP,
    uid: group.metadata.uid,
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

async function makeRun(): Promise<Omit<VolumeRef, 'index'>> {
  const spec = { includedNamespaces: [APP], csiSnapshotTimeout: '1s', itemOperationTimeout: '2s' };
  const run = await createBackup(world, 'kept', spec);
  const metadata = { name: run.name, namespace: world.name, uid: run.uid };
  const context = await storeContext(depsOf(world), world.store, run, {
    resource: { apiVersion: 'velero.io/v1', kind: 'Backup', metadata, spec },
    location: 'default',
    startedAt: new Date().toISOString(),
    cluster: await world.kube.version(),
  });
  const volumes = MEMBERS.map((claim) => ({ namespace: APP, claim }));
  const doc = { volumes } as unknown as VolumePlans;
  return { run, context, volumes: await putDoc(world.store, `${scratchPrefix(run)}volumes.json`, doc) };
}

const cutOf = (name: string): VolumeCut => ({
  snapshot: name,
  content: `${APP}-${name}`,
  handle: name,
  driver: 'nobody.example',
  snapshotClass: 'none',
  restoreSize: 0,
  takenAt: new Date().toISOString(),
  group: GROUP,
});

const keep = (index: number) =>
  keepSnapshot(
    depsOf(world),
    { ...ref, index, cut: cutOf(MEMBERS[index] ?? '') },
    AbortSignal.timeout(60_000),
  );

async function policyOfGroup(): Promise<string> {
  const { spec } = await world.kube.get<KubeObject & { spec: { deletionPolicy: string } }>(
    GROUP_CONTENTS,
    undefined,
    `${APP}-${GROUP}`,
  );
  return spec.deletionPolicy;
}

test('none is kept when one of them cannot be, so that the storage may drop all', async () => {
  const message = `the pool is full ${randomUUID()}`;
  await setStatus('wal', { readyToUse: false, error: { message } });
  const outcomes = await Promise.allSettled([keep(0), keep(1)]);
  for (const outcome of outcomes)
    expect(outcome).toMatchObject({
      status: 'rejected',
      reason: { code: 'SnapshotFailed', message: `snapshot wal: ${message}` },
    });
  expect(await policyOfGroup()).toBe('Delete');
});

test('all are kept as soon as the last of them is ready', async () => {
  await setStatus('wal', { readyToUse: false, error: null });
  const kept = Promise.all([keep(0), keep(1)]);
  await setStatus('wal', { readyToUse: true, error: null });
  await kept;
  expect(await policyOfGroup()).toBe('Retain');
});
