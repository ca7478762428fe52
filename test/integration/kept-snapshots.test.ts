import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collectGarbage } from '../../activities/engine/collect-garbage.ts';
import { markGroupKept } from '../../activities/volume/group-snapshot.ts';
import { settleKept } from '../../activities/volume/settle-kept.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import { KEPT_ANNOTATION, LABELS, WORKFLOW_ANNOTATION } from '../../contracts/ids.ts';
import { backupKeys } from '../../core/format/keys.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { Gvr, KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { createApplication } from '../support/application.ts';
import { createBackup, depsOf } from '../support/backup-run.ts';
import { until } from '../support/processes.ts';
import { dropGroup, dropSnapshots, storageSnapshots } from '../support/storage.ts';
import { createWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** What becomes of a kept snapshot whose run ended between any two of its steps: the bucket decides. */

const APP = 'it-kept-app';
const DRIVER = 'csi.caravel.dev';
let world: World;

beforeAll(async () => {
  world = await createWorld('it-kept');
  await createApplication(world, APP, { data: {} });
});

afterAll(async () => {
  await world?.stop([APP]);
});

interface Taken {
  uid: string;
  backup: string;
  handle: string;
  content: string;
  /** What the storage calls the group. */
  group?: string;
}

const GROUPS: Gvr = {
  group: 'groupsnapshot.storage.k8s.io',
  version: 'v1',
  resource: 'volumegroupsnapshots',
};
const GROUP_CONTENTS: Gvr = { ...GROUPS, resource: 'volumegroupsnapshotcontents' };

interface Group extends KubeObject {
  status?: { readyToUse?: boolean; boundVolumeGroupSnapshotContentName: string };
}

interface GroupContent extends KubeObject {
  status: {
    volumeGroupSnapshotHandle: string;
    volumeSnapshotInfoList: { snapshotHandle?: string }[];
  };
}

const marksOf = (backup: string, uid: string) => ({
  labels: { [LABELS.runUid]: uid, [LABELS.component]: 'kept-snapshot' },
  annotations: {
    [WORKFLOW_ANNOTATION]: `backup/local/${world.name}/${backup}`,
    [KEPT_ANNOTATION]: `default/${backup}`,
  },
});

/** A snapshot as keepSnapshot leaves it. */
async function taken(backup: string, uid: string = randomUUID()): Promise<Taken> {
  const marks = marksOf(backup, uid);
  await world.kube.create(GVRS.volumesnapshots, APP, {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: { name: backup, ...marks },
    spec: { source: { persistentVolumeClaimName: 'data' }, volumeSnapshotClassName: 'caravel-csi' },
  });
  const { status } = await until(async () => {
    const found = await world.kube.find<
      KubeObject & { status?: { readyToUse?: boolean; boundVolumeSnapshotContentName: string } }
    >(GVRS.volumesnapshots, APP, backup);
    return found?.status?.readyToUse ? found : undefined;
  }, 'the snapshot is ready');
  const content = status?.boundVolumeSnapshotContentName ?? '';
  const { status: held } = await world.kube.patch<{ status: { snapshotHandle: string } }>(
    GVRS.volumesnapshotcontents,
    undefined,
    content,
    { metadata: marks, spec: { deletionPolicy: 'Retain' } },
  );
  return { uid, backup, handle: held.snapshotHandle, content };
}

const settled = async ({ uid, backup }: Taken) => {
  const run = { namespace: world.name, name: backup, uid, location: 'default' };
  await settleKept(depsOf(world), run, AbortSignal.timeout(60_000));
};

/** The backup as it stands in the bucket, with the snapshots that are a part of it. */
async function sealAs(backup: string, uid: string, handles: readonly string[]): Promise<void> {
  const keys = backupKeys(backup);
  const infos = handles.map((snapshotHandle) => ({ csiSnapshotInfo: { snapshotHandle } }));
  await world.store.put(keys.volumeInfo, gzipSync(JSON.stringify(infos)));
  await world.store.put(
    keys.metadata,
    JSON.stringify({
      apiVersion: 'velero.io/v1',
      kind: 'Backup',
      metadata: { name: backup, namespace: world.name, uid },
      spec: {},
      status: { phase: 'Completed' },
    }),
  );
}

async function objectsOf({ backup, content }: Taken): Promise<unknown[]> {
  const found = [
    await world.kube.find(GVRS.volumesnapshots, APP, backup),
    await world.kube.find(GVRS.volumesnapshotcontents, undefined, content),
  ];
  return found.filter((object) => object !== undefined);
}

test('the snapshot of a sealed backup stays in the storage, and its objects go', async () => {
  const snapshot = await taken('sealed');
  await sealAs('sealed', snapshot.uid, [snapshot.handle]);
  await settled(snapshot);
  expect(await objectsOf(snapshot)).toEqual([]);
  expect(await storageSnapshots(world)).toContain(snapshot.handle);
  await dropSnapshots(world, DRIVER, [snapshot.handle]);
});

test('of a sealed backup whose application is gone, the content goes and the snapshot stays', async () => {
  const snapshot = await taken('homeless');
  await sealAs('homeless', snapshot.uid, [snapshot.handle]);
  await world.kube.remove(GVRS.volumesnapshots, APP, 'homeless');
  await settled(snapshot);
  expect(await objectsOf(snapshot)).toEqual([]);
  expect(await storageSnapshots(world)).toContain(snapshot.handle);
  await dropSnapshots(world, DRIVER, [snapshot.handle]);
});

test('the snapshot of a backup that was never sealed goes with its objects', async () => {
  const snapshot = await taken('unsealed');
  await settled(snapshot);
  expect(await objectsOf(snapshot)).toEqual([]);
  expect(await storageSnapshots(world)).not.toContain(snapshot.handle);
});

test('a backup of the same name that is another one keeps nothing alive', async () => {
  const snapshot = await taken('namesake');
  await sealAs('namesake', randomUUID(), [snapshot.handle]);
  await settled(snapshot);
  expect(await storageSnapshots(world)).not.toContain(snapshot.handle);
});

test('a sealed backup keeps no snapshot alive that could not be made a part of it', async () => {
  const snapshot = await taken('incomplete');
  await sealAs('incomplete', snapshot.uid, ['another']);
  await settled(snapshot);
  expect(await objectsOf(snapshot)).toEqual([]);
  expect(await storageSnapshots(world)).not.toContain(snapshot.handle);
});

test('a sealed backup whose list of volumes somebody deleted loses no snapshot', async () => {
  const snapshot = await taken('damaged');
  await sealAs('damaged', snapshot.uid, []);
  await world.store.remove([backupKeys('damaged').volumeInfo]);
  await settled(snapshot);
  expect(await storageSnapshots(world)).toContain(snapshot.handle);
  await dropSnapshots(world, DRIVER, [snapshot.handle]);
});

test('a location that points elsewhere meanwhile says nothing of a backup that is Completed', async () => {
  const setPhase = async (phase: string) =>
    await world.kube.patch(GVR.backups, world.name, 'moved-away', { status: { phase } }, { type: 'merge' });
  const { uid } = await createBackup(world, 'moved-away', { includedNamespaces: [APP] });
  await setPhase('Completed');
  const snapshot = await taken('moved-away', uid);
  await expect(settled(snapshot)).rejects.toMatchObject({ code: 'BackupNotFound' });
  expect(await objectsOf(snapshot)).toHaveLength(2);
  await setPhase('Failed');
  await settled(snapshot);
  expect(await storageSnapshots(world)).not.toContain(snapshot.handle);
});

/** Lists as they were when nothing was kept. */
function seenEarlier(): KubeClient {
  const list: KubeClient['list'] = async <T>(...args: Parameters<KubeClient['list']>) => {
    const found = await world.kube.list<KubeObject>(...args);
    if (args[0].resource === 'volumesnapshotcontents') return [] as T[];
    for (const { metadata } of found)
      if (metadata.labels?.[LABELS.component] === 'kept-snapshot')
        metadata.labels[LABELS.component] = 'source-snapshot';
    return found as T[];
  };
  return new Proxy(world.kube, {
    get(target, property) {
      const value: unknown = property === 'list' ? list : Reflect.get(target, property);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

test('garbage collection that saw a snapshot before it was kept leaves it alone', async () => {
  const snapshot = await taken('kept-late');
  await sealAs('kept-late', snapshot.uid, [snapshot.handle]);
  const scope = { cluster: 'local', namespace: world.name };
  await collectGarbage(depsOf(world, { kube: seenEarlier() }), scope, AbortSignal.timeout(60_000));
  expect(await objectsOf(snapshot)).toHaveLength(2);
  await collectGarbage(depsOf(world), scope, AbortSignal.timeout(60_000));
  expect(await objectsOf(snapshot)).toEqual([]);
  expect(await storageSnapshots(world)).toContain(snapshot.handle);
  await dropSnapshots(world, DRIVER, [snapshot.handle]);
});

test('settling twice is settling once', async () => {
  const snapshot = await taken('twice');
  await sealAs('twice', snapshot.uid, [snapshot.handle]);
  await settled(snapshot);
  await settled(snapshot);
  expect(await storageSnapshots(world)).toContain(snapshot.handle);
  await dropSnapshots(world, DRIVER, [snapshot.handle]);
});

describe('the content of a group that is gone', () => {
  /** A group as keepGroup leaves it, and then somebody deletes its object. */
  async function takenGroup(backup: string): Promise<Taken> {
    const uid = randomUUID();
    const { kube } = world;
    const labels = { group: backup };
    await kube.patch(GVRS.persistentvolumeclaims, APP, 'data', { metadata: { labels } }, { type: 'merge' });
    await kube.create(GROUPS, APP, {
      apiVersion: 'groupsnapshot.storage.k8s.io/v1',
      kind: 'VolumeGroupSnapshot',
      metadata: { name: backup },
      spec: {
        source: { selector: { matchLabels: labels } },
        volumeGroupSnapshotClassName: 'caravel-csi',
      },
    });
    const content = await until(async () => {
      const { status } = await kube.get<Group>(GROUPS, APP, backup);
      return status?.readyToUse ? status.boundVolumeGroupSnapshotContentName : undefined;
    }, 'the group is cut');
    const { status } = await kube.get<GroupContent>(GROUP_CONTENTS, undefined, content);
    await markGroupKept(kube, { namespace: APP, name: backup }, marksOf(backup, uid));
    await kube.remove(GROUPS, APP, backup);
    await kube.waitFor(GROUPS, APP, backup, (found) => (found ? undefined : true), { timeoutMs: 60_000 });
    // As of a group that did not know its content yet.
    const annotations = { 'groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-being-deleted': null };
    await kube.patch(GROUP_CONTENTS, undefined, content, { metadata: { annotations } }, { type: 'merge' });
    expect(await kube.find(GROUP_CONTENTS, undefined, content)).toBeDefined();
    const handle = status.volumeSnapshotInfoList[0]?.snapshotHandle ?? '';
    return { uid, backup, handle, content, group: status.volumeGroupSnapshotHandle };
  }

  const contentOf = async ({ content }: Taken) => await world.kube.find(GROUP_CONTENTS, undefined, content);

  test('goes, and its snapshots stay when they are a part of the backup', async () => {
    const group = await takenGroup('kept-group');
    await sealAs('kept-group', group.uid, [group.handle]);
    await settled(group);
    expect(await contentOf(group)).toBeUndefined();
    expect(await storageSnapshots(world)).toContain(group.handle);
    await dropGroup(world, DRIVER, { group: group.group ?? '', handles: [group.handle] });
    expect(await storageSnapshots(world)).not.toContain(group.handle);
  });

  test('is found by garbage collection, and its snapshots go when the backup was never sealed', async () => {
    const group = await takenGroup('lost-group');
    const scope = { cluster: 'local', namespace: world.name };
    const { problems } = await collectGarbage(depsOf(world), scope, AbortSignal.timeout(60_000));
    expect(problems).toEqual([]);
    expect(await contentOf(group)).toBeUndefined();
    expect(await storageSnapshots(world)).not.toContain(group.handle);
  });
});
