import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backupKeys } from '../../core/format/keys.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { createApplication, inPod } from '../support/application.ts';
import { leftovers } from '../support/leftovers.ts';
import { createPod } from '../support/pod-volumes.ts';
import { until } from '../support/processes.ts';
import { lab } from '../support/lab-command.ts';
import { claimFromHandle, dropSnapshots, storageSnapshots, volumeInfos } from '../support/storage.ts';
import { readTar } from '../support/tar.ts';
import { apply, createWorld, ended, removeNamespace, runToEnd } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** CSI snapshots that stay in the storage (spec.snapshotMoveData: false). */

const APP = 'e2e-kept-app';
const OTHER = 'e2e-kept-other';
const COPY = 'e2e-kept-copy';
const DRIVER = 'csi.caravel.dev';
const SPEC = { includedNamespaces: [APP], snapshotMoveData: false };

let world: World;

beforeAll(async () => {
  world = await createWorld('e2e-kept');
  await removeNamespace(world.kube, COPY);
  await createApplication(world, APP, { data: {} });
  await createApplication(world, OTHER, { fast: {}, slow: {} });
  await world.startWorker();
});

afterAll(async () => {
  await lab(world, 'fault', 'clear');
  await dropSnapshots(world, DRIVER, await restorePoints());
  await world?.stop([APP, OTHER, COPY]);
});

/** Snapshots of the storage that no object stands for. */
const restorePoints = async () =>
  (await leftovers(world)).flatMap((entry) => /^snapshot (\S+) in the storage$/.exec(entry)?.[1] ?? []);
const others = async () => (await leftovers(world)).filter((entry) => !entry.endsWith('in the storage'));

const write = (text: string) => inPod(world, APP, 'data', ['sh', '-c', `echo ${text} > /data/word; sync`]);
const contents = async (backup: string) => await readTar(await world.store.get(backupKeys(backup).contents));

async function handleOf(backup: string): Promise<string> {
  const infos = await volumeInfos(world, backup);
  return infos[0]?.csiSnapshotInfo?.snapshotHandle ?? '';
}

describe('a backup whose snapshots stay in the storage', () => {
  test('is Completed, twice, and each keeps the data of its time', async () => {
    for (const [name, word] of [
      ['kept-1', 'first'],
      ['kept-2', 'second'],
    ] as const) {
      await write(word);
      const backup = await runToEnd(world, 'Backup', name, SPEC);
      expect(backup.status).toMatchObject({
        phase: 'Completed',
        csiVolumeSnapshotsAttempted: 1,
        csiVolumeSnapshotsCompleted: 1,
        backupItemOperationsCompleted: 1,
      });
    }
    expect(await others()).toEqual([]);
    const handles = [await handleOf('kept-1'), await handleOf('kept-2')];
    expect(await restorePoints()).toEqual(handles.toSorted());

    await write('third');
    for (const [at, handle] of handles.entries()) {
      const claim = `back-${at}`;
      await claimFromHandle(world, { namespace: APP, name: claim, handle, driver: DRIVER });
      await createPod(world, APP, claim, {
        volumes: { data: { persistentVolumeClaim: { claimName: claim } } },
      });
      expect(await inPod(world, APP, claim, ['cat', '/data/word'])).toBe(at === 0 ? 'first\n' : 'second\n');
    }
  });

  test('holds the objects by which Velero restores it, without any mark of ours', async () => {
    const [info] = await volumeInfos(world, 'kept-1');
    expect(info).toMatchObject({
      pvcName: 'data',
      pvcNamespace: APP,
      backupMethod: 'CSISnapshot',
      snapshotDataMoved: false,
      preserveLocalSnapshot: true,
      skipped: false,
      result: 'succeeded',
      csiSnapshotInfo: { driver: DRIVER, ReadyToUse: true },
    });
    const files = await contents('kept-1');
    const objectAt = (part: string) => {
      const found = [...files].find(([path]) => path.startsWith(`resources/${part}`));
      return JSON.parse(found?.[1] ?? 'null') as KubeObject & { spec: { deletionPolicy?: string } };
    };
    const snapshot = objectAt('volumesnapshots.snapshot.storage.k8s.io/namespaces/');
    const content = objectAt('volumesnapshotcontents.snapshot.storage.k8s.io/cluster/');
    const handle = info?.csiSnapshotInfo?.snapshotHandle;
    expect(snapshot.metadata.annotations).toMatchObject({
      'velero.io/csi-volumesnapshot-handle': handle,
      'velero.io/csi-driver-name': DRIVER,
      'velero.io/csi-vsc-deletion-policy': 'Delete',
    });
    expect(snapshot.metadata.labels).toEqual({ app: 'data', 'velero.io/backup-name': 'kept-1' });
    expect(content.spec.deletionPolicy).toBe('Delete');
    const marks = [snapshot, content].flatMap(({ metadata: { labels, annotations } }) =>
      Object.keys({ ...labels, ...annotations }),
    );
    expect(marks.filter((key) => !key.startsWith('velero.io/') && key !== 'app')).toEqual([]);
    expect(objectAt('volumesnapshotclasses.snapshot.storage.k8s.io/cluster/').metadata.name).toBe(
      'caravel-csi',
    );
    const claim = objectAt(`persistentvolumeclaims/namespaces/${APP}/data.json`);
    expect(claim.metadata.annotations).toMatchObject({
      'velero.io/volume-snapshot-name': snapshot.metadata.name,
    });
    const list = gunzipSync(await world.store.get(backupKeys('kept-1').csiVolumeSnapshots)).toString('utf8');
    expect(JSON.parse(list)).toHaveLength(1);
  });

  test('is not restored to an empty volume: the claim is withheld, and the restore says why', async () => {
    const restore = await runToEnd(world, 'Restore', 'from-kept', {
      backupName: 'kept-2',
      namespaceMapping: { [APP]: COPY },
    });
    expect(restore.status?.phase).toBe('PartiallyFailed');
    const claim = await world.kube.find<KubeObject & { status?: { phase?: string } }>(
      GVRS.persistentvolumeclaims,
      COPY,
      'data',
    );
    expect(claim?.status?.phase).toBe('Pending');
    expect(claim?.metadata.annotations?.['caravel.dev/not-restored']).toContain('stayed in the storage');
    expect(await world.kube.find(GVRS.pods, COPY, 'data')).toBeUndefined();
    expect(await world.kube.list(GVRS.volumesnapshots, { namespace: COPY })).toEqual([]);
  });
});

describe('a backup that does not come to its end', () => {
  const cutSlowly = (name: string) =>
    lab(world, 'fault', 'set', JSON.stringify({ call: 'CreateSnapshot', match: name, delayMs: 60_000 }));

  /** Waits until one snapshot is kept already while the other one is not even taken. */
  const oneIsKept = async (uid: string) =>
    await until(async () => {
      const kept = await world.kube.list<KubeObject & { spec: { deletionPolicy: string } }>(
        GVRS.volumesnapshotcontents,
        { labelSelector: `caravel.dev/run-uid=${uid}` },
      );
      return kept.some(({ spec }) => spec.deletionPolicy === 'Retain') ? true : undefined;
    }, 'one snapshot is kept');

  async function volumeOf(claim: string): Promise<string> {
    const found = await world.kube.get<{ spec: { volumeName: string } }>(
      GVRS.persistentvolumeclaims,
      OTHER,
      claim,
    );
    return found.spec.volumeName;
  }

  test('keeps no snapshot when it is cancelled', async () => {
    const before = await storageSnapshots(world);
    await cutSlowly(await volumeOf('slow'));
    const { metadata } = await apply(world, 'Backup', 'cancelled', { ...SPEC, includedNamespaces: [OTHER] });
    await oneIsKept(metadata.uid ?? '');
    await world.temporal.workflow.getHandle(`backup/${world.name}/${world.name}/cancelled`).cancel();
    await lab(world, 'fault', 'clear');
    const backup = await ended(world, 'Backup', 'cancelled');
    expect(backup.status?.failureReason).toContain('Canceled');
    await until(async () => ((await others()).length === 0 ? true : undefined), 'nothing is left', 60_000);
    expect(await storageSnapshots(world)).toEqual(before);
  });

  test('keeps no snapshot when its workflow is terminated', async () => {
    const before = await storageSnapshots(world);
    await cutSlowly(await volumeOf('slow'));
    const { metadata } = await apply(world, 'Backup', 'terminated', { ...SPEC, includedNamespaces: [OTHER] });
    await oneIsKept(metadata.uid ?? '');
    const prefix = `${world.name}/${world.name}`;
    await world.temporal.workflow.getHandle(`backup/${prefix}/terminated`).terminate('by the test');
    await lab(world, 'fault', 'clear');
    await world.temporal.workflow.start('collectGarbage', {
      workflowId: `collectGarbage/${prefix}`,
      taskQueue: world.name,
      args: [{ cluster: world.name, namespace: world.name }],
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    await until(
      async () =>
        (await others()).length === 0 && (await storageSnapshots(world)).length <= before.length
          ? true
          : undefined,
      'garbage is collected',
      200_000,
    );
    expect(await storageSnapshots(world)).toEqual(before);
  });

  test('of one of two volumes says which, and keeps the other', async () => {
    const error = { code: 'INVALID_ARGUMENT', message: 'no such thing' };
    const fault = { call: 'CreateSnapshot', match: await volumeOf('slow'), error };
    await lab(world, 'fault', 'set', JSON.stringify(fault));
    const backup = await runToEnd(world, 'Backup', 'half', {
      ...SPEC,
      includedNamespaces: [OTHER],
      csiSnapshotTimeout: '5s',
    });
    await lab(world, 'fault', 'clear');
    expect(backup.status).toMatchObject({
      phase: 'PartiallyFailed',
      csiVolumeSnapshotsAttempted: 2,
      csiVolumeSnapshotsCompleted: 1,
    });
    const infos = await volumeInfos(world, 'half');
    expect(infos.map(({ pvcName, result }) => [pvcName, result])).toEqual([
      ['fast', 'succeeded'],
      ['slow', 'failed'],
    ]);
    expect(await others()).toEqual([]);
  });
});
