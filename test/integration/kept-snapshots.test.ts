import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { settleKept } from '../../activities/volume/settle-kept.ts';
import { KEPT_ANNOTATION, LABELS, WORKFLOW_ANNOTATION } from '../../contracts/ids.ts';
import { backupKeys } from '../../core/format/keys.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { createApplication } from '../support/application.ts';
import { depsOf } from '../support/backup-run.ts';
import { until } from '../support/processes.ts';
import { dropSnapshots, storageSnapshots } from '../support/storage.ts';
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
}

/** A snapshot as keepSnapshot leaves it. */
async function taken(backup: string): Promise<Taken> {
  const uid = randomUUID();
  const marks = {
    labels: { [LABELS.runUid]: uid, [LABELS.component]: 'kept-snapshot' },
    annotations: { [WORKFLOW_ANNOTATION]: 'backup/x/y/z', [KEPT_ANNOTATION]: `default/${backup}` },
  };
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

const sealAs = async (backup: string, uid: string) =>
  await world.store.put(
    backupKeys(backup).metadata,
    JSON.stringify({
      apiVersion: 'velero.io/v1',
      kind: 'Backup',
      metadata: { name: backup, namespace: world.name, uid },
      spec: {},
      status: { phase: 'Completed' },
    }),
  );

async function objectsOf({ backup, content }: Taken): Promise<unknown[]> {
  const found = [
    await world.kube.find(GVRS.volumesnapshots, APP, backup),
    await world.kube.find(GVRS.volumesnapshotcontents, undefined, content),
  ];
  return found.filter((object) => object !== undefined);
}

test('the snapshot of a sealed backup stays in the storage, and its objects go', async () => {
  const snapshot = await taken('sealed');
  await sealAs('sealed', snapshot.uid);
  await settled(snapshot);
  expect(await objectsOf(snapshot)).toEqual([]);
  expect(await storageSnapshots(world)).toContain(snapshot.handle);
  await dropSnapshots(world, DRIVER, [snapshot.handle]);
});

test('of a sealed backup whose application is gone, the content goes and the snapshot stays', async () => {
  const snapshot = await taken('homeless');
  await sealAs('homeless', snapshot.uid);
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
  await sealAs('namesake', randomUUID());
  await settled(snapshot);
  expect(await storageSnapshots(world)).not.toContain(snapshot.handle);
});

test('settling twice is settling once', async () => {
  const snapshot = await taken('twice');
  await sealAs('twice', snapshot.uid);
  await settled(snapshot);
  await settled(snapshot);
  expect(await storageSnapshots(world)).toContain(snapshot.handle);
  await dropSnapshots(world, DRIVER, [snapshot.handle]);
});
