import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GVR } from '../../contracts/api/gvr.ts';
import type { PodVolumeBackup } from '../../contracts/api/pod-volume.ts';
import type { BackupVolumeInfo } from '../../core/format/volume-info.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { describeVolume, makeVolumeTree, volumeTree } from '../support/application.ts';
import { leftovers, nothingLeft } from '../support/leftovers.ts';
import {
  createClaim,
  createPod,
  describeFolder,
  emptyDirPath,
  podVolumeBackupsOf,
  restoredByKopia,
  snapshotsOfRun,
} from '../support/pod-volumes.ts';
import { until } from '../support/processes.ts';
import {
  apply,
  createWorld,
  ended,
  factsOf,
  namespaceObject,
  removeNamespace,
  runToEnd,
} from '../support/world.ts';
import type { World, WorkerProcess } from '../support/world.ts';

/** Volumes of running pods, claims and emptyDirs, read on their node beside the pods. */

const APP = 'e2e-fsb-app';
const BUSY = 'e2e-fsb-busy';
const COPY = 'e2e-fsb-copy';
const OPT_IN = 'backup.velero.io/backup-volumes';
const OPT_OUT = 'backup.velero.io/backup-volumes-excludes';

let world: World;
let worker: WorkerProcess;

beforeAll(async () => {
  world = await createWorld('e2e-fsb');
  const { kube } = world;
  for (const name of [APP, BUSY, COPY]) await removeNamespace(kube, name);
  for (const name of [APP, BUSY]) await kube.create(GVRS.namespaces, undefined, namespaceObject(name));
  for (const name of ['data', 'db']) await createClaim(world, APP, name);
  await createPod(world, APP, 'web', {
    annotations: { [OPT_IN]: 'files,tmp,ram' },
    volumes: {
      files: { persistentVolumeClaim: { claimName: 'data' } },
      tmp: { emptyDir: {} },
      ram: { emptyDir: { medium: 'Memory' } },
      cache: { emptyDir: {} },
    },
  });
  await createPod(world, APP, 'db', {
    annotations: { [OPT_OUT]: 'spool' },
    volumes: {
      store: { persistentVolumeClaim: { claimName: 'db' } },
      spool: { emptyDir: {} },
      node: { hostPath: { path: '/etc' } },
    },
  });
  await makeVolumeTree(world, APP, 'data');
  await makeVolumeTree(world, APP, 'db');
  await volumeTree(world, 'make', await emptyDirPath(world, APP, 'web', 'tmp'));
  await volumeTree(world, 'random', await emptyDirPath(world, APP, 'web', 'ram'), '3', '100000');
  worker = await world.startWorker();
});

afterAll(async () => {
  await world?.stop([APP, BUSY, COPY]);
});

async function fileOf<T>(backup: string, file: string): Promise<T> {
  const stored = await world.store.get(`backups/${backup}/${backup}-${file}.gz`);
  return JSON.parse(gunzipSync(stored).toString('utf8')) as T;
}

const snapshotOf = (shown: PodVolumeBackup | undefined): string => shown?.status?.snapshotID ?? '';

describe('volumes that their pod names in its annotation', () => {
  let shown: Record<string, PodVolumeBackup>;

  beforeAll(async () => {
    const backup = await runToEnd(world, 'Backup', 'opt-in', { includedNamespaces: [APP] });
    expect(backup.status).toMatchObject({ phase: 'Completed', backupItemOperationsCompleted: 1 });
    shown = await podVolumeBackupsOf(world, 'opt-in');
  });

  test('are shown by one PodVolumeBackup each, and the others are not read', () => {
    expect(Object.keys(shown).sort()).toEqual(['web/files', 'web/ram', 'web/tmp']);
    for (const { status } of Object.values(shown)) {
      expect(status).toMatchObject({
        phase: 'Completed',
        progress: { bytesDone: status?.progress?.totalBytes },
      });
      expect(status?.snapshotID).toMatch(/^[0-9a-f]{32}$/);
      expect(status?.path).toMatch(/^\/var\/lib\/kubelet\/pods\//);
      expect(Date.parse(status?.completionTimestamp ?? '')).not.toBeNaN();
    }
  });

  test('come out of the repository byte by byte, dot-ignored and cached files included', async () => {
    const restored = async (name: string) => await restoredByKopia(world, APP, snapshotOf(shown[name]));
    expect(await restored('web/files')).toEqual(await describeVolume(world, APP, 'data'));
    for (const volume of ['tmp', 'ram']) {
      const path = await emptyDirPath(world, APP, 'web', volume);
      expect(await restored(`web/${volume}`)).toEqual(await describeFolder(world, path));
    }
  });

  test('stand in the files of the backup as a restore by Velero wants them', async () => {
    const stored = await fileOf<PodVolumeBackup[]>('opt-in', 'podvolumebackups.json');
    expect(stored.map(({ spec }) => spec.volume).sort()).toEqual(['files', 'ram', 'tmp']);
    const files = stored.find(({ spec }) => spec.volume === 'files');
    expect(files).toMatchObject({
      metadata: {
        annotations: { 'velero.io/pvc-name': 'data' },
        labels: { 'velero.io/backup-name': 'opt-in' },
      },
      spec: { uploaderType: 'kopia', backupStorageLocation: 'default', pod: { name: 'web', namespace: APP } },
      status: { phase: 'Completed', snapshotID: snapshotOf(shown['web/files']) },
    });
    const infos = await fileOf<BackupVolumeInfo[]>('opt-in', 'volumeinfo.json');
    const methods = infos.map(
      ({ pvcName, pvbInfo, backupMethod, result }) =>
        `${pvcName ?? pvbInfo?.volumeName}: ${backupMethod} ${result}`,
    );
    expect(methods.sort()).toEqual([
      'data: PodVolumeBackup succeeded',
      'db: CSISnapshot succeeded',
      'ram: PodVolumeBackup succeeded',
      'tmp: PodVolumeBackup succeeded',
    ]);
    expect(await fileOf<object[]>('opt-in', 'itemoperations.json')).toHaveLength(1);
  });

  test('leave nothing behind, and no snapshot was made of them', async () => {
    expect(await leftovers(world)).toEqual([]);
    const uploads = await world.kube.list<KubeObject & { spec: { sourcePVC: string } }>(GVR.dataUploads, {
      namespace: world.name,
    });
    expect(uploads.map(({ spec }) => spec.sourcePVC)).toEqual(['db']);
  });

  test('are errors in a restore, which cannot bring them back yet, and no claim comes up empty', async () => {
    const restore = await runToEnd(world, 'Restore', 'back', {
      backupName: 'opt-in',
      namespaceMapping: { [APP]: COPY },
    });
    expect(restore.status?.phase).toBe('PartiallyFailed');
    const stored = await world.store.get('restores/back/restore-back-results.gz');
    const results = gunzipSync(stored).toString('utf8');
    expect(results.match(/file-system backup \(PodVolumeBackup\)/g)?.length).toBeGreaterThanOrEqual(3);
    const claim = await world.kube.get<KubeObject & { status: { phase: string } }>(
      GVRS.persistentvolumeclaims,
      COPY,
      'data',
    );
    expect(claim.status.phase).toBe('Pending');
    expect(await world.kube.find(GVRS.pods, COPY, 'web')).toBeUndefined();
  });
});

test('by default all volumes of pods are read but excluded ones and those of the node, and only what is new is sent', async () => {
  const backup = await runToEnd(world, 'Backup', 'all', {
    includedNamespaces: [APP],
    defaultVolumesToFsBackup: true,
  });
  expect(backup.status?.phase).toBe('Completed');
  const shown = await podVolumeBackupsOf(world, 'all');
  expect(Object.keys(shown).sort()).toEqual(['db/store', 'web/cache', 'web/files', 'web/ram', 'web/tmp']);
  expect(shown['web/files']?.status?.incrementalBytes).toBeLessThan(50_000);
  expect(shown['web/files']?.status?.progress?.totalBytes).toBeGreaterThan(20_000_000);
  expect(await restoredByKopia(world, APP, snapshotOf(shown['db/store']))).toEqual(
    await describeVolume(world, APP, 'db'),
  );
  expect(await leftovers(world)).toEqual([]);
});

test('a folder that the node does not have is an error with the kubelet’s words, and nothing waits for it', async () => {
  await worker.stop();
  worker = await world.startWorker({ CARAVEL_KUBELET_ROOT: '/nowhere/kubelet' });
  const backup = await runToEnd(world, 'Backup', 'nowhere', {
    includedNamespaces: [APP],
    labelSelector: { matchLabels: { app: 'web' } },
  });
  expect(backup.status?.phase).toBe('PartiallyFailed');
  const shown = await podVolumeBackupsOf(world, 'nowhere');
  expect(shown['web/tmp']?.status).toMatchObject({ phase: 'Failed' });
  expect(shown['web/tmp']?.status?.message).toContain('is not a directory');
  expect(await leftovers(world)).toEqual([]);
});

describe('in the middle of the reading', () => {
  const SETTINGS = { CARAVEL_UPLOAD_LIMIT: '4000000', CARAVEL_CHECKPOINT_SECONDS: '2' };
  const TOTAL = 48_000_000;

  async function busyPod(name: string): Promise<void> {
    await createPod(world, BUSY, name, {
      annotations: { [OPT_IN]: 'tmp' },
      volumes: { tmp: { emptyDir: {} } },
    });
    await volumeTree(world, 'random', await emptyDirPath(world, BUSY, name, 'tmp'), '12', '4000000');
  }

  const started = async (backup: string, volume: string) =>
    await until(async () => {
      const shown = (await podVolumeBackupsOf(world, backup))[volume];
      return (shown?.status?.progress?.bytesDone ?? 0) > TOTAL * 0.3 ? shown : undefined;
    }, `${volume} is being read`);

  beforeAll(async () => {
    await worker.stop();
    worker = await world.startWorker(SETTINGS);
    await busyPod('stays');
    await busyPod('goes');
  });

  test('the worker is killed: another one finds the mover and ends the backup', async () => {
    await apply(world, 'Backup', 'killed', { includedNamespaces: [BUSY] });
    await started('killed', 'stays/tmp');
    await worker.kill();
    worker = await world.startWorker(SETTINGS);
    const backup = await ended(world, 'Backup', 'killed');
    expect(backup.status?.phase).toBe('Completed');
    expect(factsOf(backup).volumes.map(({ ok, bytes }) => ({ ok, bytes }))).toEqual([
      { ok: true, bytes: TOTAL },
      { ok: true, bytes: TOTAL },
    ]);
    expect(await snapshotsOfRun(world, BUSY, backup.metadata.uid ?? '')).toEqual(
      ['goes', 'stays'].map((pod) => `snapshot-pod-volume/kopia/${BUSY}/${pod}/tmp`),
    );
    expect(await leftovers(world)).toEqual([]);
  });

  test('a pod goes away: an error for its volume, nothing of it stays, and the rest is kept', async () => {
    for (const pod of ['stays', 'goes'])
      await volumeTree(world, 'random', await emptyDirPath(world, BUSY, pod, 'tmp'), '12', '4000000');
    await apply(world, 'Backup', 'gone', { includedNamespaces: [BUSY] });
    await started('gone', 'goes/tmp');
    const before = Date.now();
    await world.kube.remove(GVRS.pods, BUSY, 'goes');
    await world.kube.waitFor(GVRS.pods, BUSY, 'goes', (found) => (found ? undefined : true), {
      timeoutMs: 60_000,
    });
    // Its volume is not held on to.
    expect(Date.now() - before).toBeLessThan(30_000);
    const backup = await ended(world, 'Backup', 'gone');
    expect(backup.status).toMatchObject({ phase: 'PartiallyFailed', errors: 1 });
    const shown = await podVolumeBackupsOf(world, 'gone');
    expect(shown['stays/tmp']?.status).toMatchObject({ phase: 'Completed' });
    expect(shown['goes/tmp']?.status).toMatchObject({ phase: 'Failed' });
    expect(shown['goes/tmp']?.status?.message).toContain(`pod ${BUSY}/goes`);
    const snapshots = await snapshotsOfRun(world, BUSY, backup.metadata.uid ?? '');
    expect(snapshots).toEqual([`snapshot-pod-volume/kopia/${BUSY}/stays/tmp`]);
    expect(await leftovers(world)).toEqual([]);
  });

  test('the run is terminated from outside: nothing is left, and its resources say so', async () => {
    await volumeTree(world, 'random', await emptyDirPath(world, BUSY, 'stays', 'tmp'), '12', '4000000');
    const { metadata } = await apply(world, 'Backup', 'terminated', { includedNamespaces: [BUSY] });
    await started('terminated', 'stays/tmp');
    const prefix = `${world.name}/${world.name}`;
    for (const id of [`protectVolume/${metadata.uid}/0`, `backup/${prefix}/terminated`])
      await world.temporal.workflow.getHandle(id).terminate('by the test');
    await world.temporal.workflow.start('collectGarbage', {
      workflowId: `collectGarbage/${prefix}`,
      taskQueue: world.name,
      args: [{ cluster: world.name, namespace: world.name }],
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    await nothingLeft(world, { timeoutMs: 180_000 });
    const shown = await podVolumeBackupsOf(world, 'terminated');
    expect(shown['stays/tmp']?.status).toMatchObject({ phase: 'Canceled' });
    const backup = await ended(world, 'Backup', 'terminated', 200_000);
    expect(backup.status?.phase).toBe('Failed');
  });
});
