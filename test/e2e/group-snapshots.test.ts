import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Backup } from '../../contracts/api/backup.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { Gvr, KubeObject } from '../../platform/kube/types.ts';
import { createApplication, describeVolume, makeVolumeTree, podRuns } from '../support/application.ts';
import { leftovers, nothingLeft } from '../support/leftovers.ts';
import { until } from '../support/processes.ts';
import { lab } from '../support/lab-command.ts';
import { dropGroup, dropSnapshots, storageSnapshots, volumeInfos } from '../support/storage.ts';
import { apply, createWorld, ended, factsOf, removeNamespace, runToEnd } from '../support/world.ts';
import type { World, WorkerProcess } from '../support/world.ts';

/** Claims of one labelled group, which the storage cuts at one moment (VolumeGroupSnapshot). */

const APP = 'e2e-group-app';
const COPY = 'e2e-group-copy';
const DRIVER = 'csi.caravel.dev';
const MEMBERS = ['data', 'wal'];
const GROUP_CONTENTS: Gvr = {
  group: 'groupsnapshot.storage.k8s.io',
  version: 'v1',
  resource: 'volumegroupsnapshotcontents',
};

let world: World;
let worker: WorkerProcess;
let foreign = new Set<string>();

beforeAll(async () => {
  world = await createWorld('e2e-group');
  foreign = new Set((await groupContents()).map(({ metadata }) => metadata.name));
  await removeNamespace(world.kube, COPY);
  await createApplication(world, APP, { data: {}, wal: {}, alone: {} });
  for (const name of MEMBERS) {
    await makeVolumeTree(world, APP, name);
    await patch(name, { 'velero.io/volume-group': 'db' });
  }
  worker = await world.startWorker();
});

beforeEach(() => lab(world, 'fault', 'clear'));

afterAll(async () => {
  await lab(world, 'fault', 'clear');
  await world?.stop([APP, COPY]);
});

const patch = (claim: string, labels: Record<string, string | null>) =>
  world.kube.patch(GVRS.persistentvolumeclaims, APP, claim, { metadata: { labels } }, { type: 'merge' });

const spec = { includedNamespaces: [APP] };
const fault = (value: object) => lab(world, 'fault', 'set', JSON.stringify(value));
/** Those that were not there before. */
const groupContents = async () =>
  (await world.kube.list<KubeObject>(GROUP_CONTENTS)).filter(({ metadata }) => !foreign.has(metadata.name));

/** Calls of the storage driver since the last question. */
let seen = 0;
async function calls(): Promise<string[]> {
  const lines = (await lab(world, 'logs', 'csi-driver', '--tail', '2000')).split('\n');
  const all = lines.flatMap((line) =>
    line.startsWith('{') ? [JSON.parse(line) as { at: string; call: string }] : [],
  );
  const fresh = all.filter(({ at }) => Date.parse(at) > seen).map(({ call }) => call);
  seen = Date.now();
  return fresh;
}

async function nothingOfUs(): Promise<void> {
  expect(await leftovers(world)).toEqual([]);
  expect(await groupContents()).toEqual([]);
}

async function expectReasons(backup: Backup, reason: RegExp): Promise<void> {
  const reasons = new Map(
    (factsOf(backup).volumes as { claim: string; reason?: string }[]).map(({ claim, reason: why }) => [
      claim,
      why,
    ]),
  );
  for (const name of MEMBERS) expect(reasons.get(`${APP}/${name}`)).toMatch(reason);
  expect(reasons.get(`${APP}/alone`)).not.toContain('group');
}

describe('claims with the label of a group', () => {
  test('are cut by one call to the storage, moved, and come back byte-identical', async () => {
    await calls();
    const backup = (await runToEnd(world, 'Backup', 'moved', spec)) as Backup;
    expect(backup.status).toMatchObject({ phase: 'Completed', backupItemOperationsCompleted: 3 });
    const made = await calls();
    expect(made.filter((call) => call === 'CreateVolumeGroupSnapshot')).toHaveLength(1);
    expect(
      made.filter((call) => call === 'CreateSnapshot' || call === 'DeleteVolumeGroupSnapshot').sort(),
    ).toEqual(['CreateSnapshot', 'DeleteVolumeGroupSnapshot']);
    await expectReasons(backup, /group "db" cut at one moment, by group snapshot of class caravel-csi/);
    await nothingOfUs();
    const restore = await runToEnd(world, 'Restore', 'moved', {
      backupName: 'moved',
      namespaceMapping: { [APP]: COPY },
    });
    expect(restore.status?.phase).toBe('Completed');
    for (const name of MEMBERS) {
      await podRuns(world, COPY, name);
      expect(await describeVolume(world, COPY, name)).toEqual(await describeVolume(world, APP, name));
    }
    await removeNamespace(world.kube, COPY);
  });

  test('have snapshots that outlive the group when they stay in the storage', async () => {
    const before = new Set(await storageSnapshots(world));
    const backup = await runToEnd(world, 'Backup', 'kept', { ...spec, snapshotMoveData: false });
    expect(backup.status).toMatchObject({
      phase: 'Completed',
      csiVolumeSnapshotsAttempted: 3,
      csiVolumeSnapshotsCompleted: 3,
    });
    const infos = await volumeInfos(world, 'kept');
    const handles = infos.map(({ csiSnapshotInfo }) => csiSnapshotInfo?.snapshotHandle ?? '').sort();
    expect((await storageSnapshots(world)).filter((id) => !before.has(id))).toEqual(handles);
    expect(await groupContents()).toEqual([]);
    const groups = infos.map(({ csiSnapshotInfo }) => csiSnapshotInfo?.volumeGroupSnapshotHandle);
    expect(groups.map((group) => group !== undefined)).toEqual([false, true, true]);
    expect(new Set(groups).size).toBe(2);
    const handleOf = (claim: string) =>
      infos.find(({ pvcName }) => pvcName === claim)?.csiSnapshotInfo?.snapshotHandle ?? '';
    await dropSnapshots(world, DRIVER, [handleOf('alone')]);
    await dropGroup(world, DRIVER, { group: groups[1] ?? '', handles: MEMBERS.map(handleOf) });
    await nothingOfUs();
  });

  test('are all errors with the words of the storage when it fails, and the others are kept', async () => {
    const error = { code: 'INVALID_ARGUMENT', message: 'no consistency group' };
    await fault({ call: 'CreateVolumeGroupSnapshot', error });
    const backup = (await runToEnd(world, 'Backup', 'failing', {
      ...spec,
      csiSnapshotTimeout: '5s',
    })) as Backup;
    expect(backup.status).toMatchObject({
      phase: 'PartiallyFailed',
      backupItemOperationsCompleted: 1,
      backupItemOperationsFailed: 2,
    });
    const failed = (await volumeInfos(world, 'failing')).filter(({ result }) => result === 'failed');
    expect(failed.map(({ pvcName }) => pvcName)).toEqual(MEMBERS);
    await lab(world, 'fault', 'clear');
    await nothingOfUs();
  });

  test('are cut in parallel when the storage would take one that is left out, and a warning says so', async () => {
    const labels = { 'velero.io/volume-group': 'db', 'velero.io/exclude-from-backup': 'true' };
    await patch('alone', labels);
    await calls();
    const backup = (await runToEnd(world, 'Backup', 'partial', spec)) as Backup;
    await patch('alone', { 'velero.io/volume-group': null, 'velero.io/exclude-from-backup': null });
    expect(backup.status).toMatchObject({
      phase: 'Completed',
      warnings: 1,
      backupItemOperationsCompleted: 2,
    });
    expect((await calls()).filter((call) => call.startsWith('Create') && call.endsWith('Snapshot'))).toEqual([
      'CreateSnapshot',
      'CreateSnapshot',
    ]);
    await nothingOfUs();
  });
});

describe('a group snapshot is gone with the run', () => {
  test('when the worker is killed while the storage takes its time, the run goes on with the same group', async () => {
    await fault({ call: 'CreateVolumeGroupSnapshot', delayMs: 6_000 });
    await calls();
    await apply(world, 'Backup', 'killed', spec);
    await until(
      async () => ((await groupContents()).length > 0 ? true : undefined),
      'the group is being cut',
    );
    await worker.kill();
    worker = await world.startWorker();
    const backup = await ended(world, 'Backup', 'killed');
    expect(backup.status?.phase).toBe('Completed');
    await nothingOfUs();
  });

  test('when its workflow is terminated', async () => {
    await fault({ call: 'CreateVolumeGroupSnapshot', delayMs: 8_000 });
    await apply(world, 'Backup', 'terminated', spec);
    await until(
      async () => ((await groupContents()).length > 0 ? true : undefined),
      'the group is being cut',
    );
    const prefix = `${world.name}/${world.name}`;
    await world.temporal.workflow.getHandle(`backup/${prefix}/terminated`).terminate('by the test');
    await lab(world, 'fault', 'clear');
    await world.temporal.workflow.start('collectGarbage', {
      workflowId: `collectGarbage/${prefix}`,
      taskQueue: world.name,
      args: [{ cluster: world.name, namespace: world.name }],
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    const also = async () => (await groupContents()).map(({ metadata }) => metadata.name);
    await nothingLeft(world, { timeoutMs: 200_000, also });
  });
});
