import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GVR } from '../../contracts/api/gvr.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import { createApplication, describeVolume, inPod, makeVolumeTree, podRuns } from '../support/application.ts';
import { leftovers } from '../support/leftovers.ts';
import { repositoryPassword } from '../support/repository.ts';
import { dropSnapshots, volumeInfos } from '../support/storage.ts';
import {
  createBackup,
  createRestore,
  hasVelero,
  startVelero,
  waitBackup,
  waitRestore,
} from '../support/velero.ts';
import type { Velero } from '../support/velero.ts';
import { createWorld, removeNamespace, runToEnd } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** Backups between Caravel and stock Velero on one location, both ways. Needs `lab up --with velero`. */

const APP = 'e2e-inter-app';
const COPIES = { moved: 'e2e-inter-moved', kept: 'e2e-inter-kept', theirs: 'e2e-inter-theirs' };
const CLAIMS = ['files', 'late', 'disk'];
const run = promisify(execFile);

let world: World;
let velero: Velero;
/** What each volume holds. */
let before: Record<string, string[]>;

const written = async (namespace: string): Promise<Record<string, string[]>> => ({
  files: await describeVolume(world, namespace, 'files'),
  late: await describeVolume(world, namespace, 'late'),
  disk: [(await inPod(world, namespace, 'disk', ['sha256sum', '/data'])).split(' ')[0] ?? ''],
});

async function expectSame(namespace: string): Promise<void> {
  for (const pod of CLAIMS) await podRuns(world, namespace, pod);
  expect(await written(namespace)).toEqual(before);
}

/** Velero looks into its location once a minute. */
const synced = (name: string) =>
  world.kube.waitFor<Backup, true>(
    GVR.backups,
    velero.namespace,
    name,
    (found) => (found?.status?.phase === 'Completed' ? true : undefined),
    { timeoutMs: 120_000 },
  );

describe.skipIf(!hasVelero())('on one location with stock Velero,', () => {
  beforeAll(async () => {
    world = await createWorld('e2e-inter');
    for (const name of Object.values(COPIES)) await removeNamespace(world.kube, name);
    await createApplication(world, APP, {
      files: {},
      late: { storageClass: 'caravel-csi-wffc' },
      disk: { block: true, size: '64Mi' },
    });
    for (const name of ['files', 'late']) await makeVolumeTree(world, APP, name);
    const fill = 'head -c 20000000 /dev/urandom | dd of=/data bs=1M seek=7 conv=notrunc,fsync';
    await inPod(world, APP, 'disk', ['sh', '-c', fill]);
    before = await written(APP);
    await world.startWorker();
    for (const [name, snapshotMoveData] of [
      ['moved', true],
      ['kept', false],
    ] as const) {
      const backup = await runToEnd(world, 'Backup', name, { includedNamespaces: [APP], snapshotMoveData });
      expect(backup.status?.phase).toBe('Completed');
    }
    velero = await startVelero(world, {
      namespace: 'e2e-inter-velero',
      sharedLocation: {
        bucket: world.env.S3_BUCKET,
        prefix: world.name,
        repositoryPassword: await repositoryPassword(world),
      },
    });
  });

  afterAll(async () => {
    try {
      await velero?.stop();
      const kept = (await leftovers(world)).flatMap(
        (entry) => /^snapshot (\S+) in the storage$/.exec(entry)?.[1] ?? [],
      );
      await dropSnapshots(world, 'csi.caravel.dev', kept);
    } finally {
      await world?.stop([APP, ...Object.values(COPIES)]);
    }
  });

  test('it lists and describes our backups', async () => {
    await synced('moved');
    const cli = (...args: string[]) =>
      run('velero', ['--namespace', velero.namespace, '--kubeconfig', world.env.KUBECONFIG, ...args], {
        env: { ...process.env, PATH: `${world.env.LAB_PATH}:${process.env['PATH']}` },
      });
    expect((await cli('backup', 'get')).stdout).toMatch(/moved +Completed +0 +0/);
    const { stdout } = await cli('backup', 'describe', 'moved', '--details');
    for (const claim of CLAIMS) expect(stdout).toContain(`${APP}/${claim}`);
    expect(stdout).toMatch(/Data Mover: velero/);
  });

  test('it restores what our data mover moved, file-system and block volumes, byte-identical', async () => {
    await synced('moved');
    await createRestore(velero, 'moved', { backupName: 'moved', namespaceMapping: { [APP]: COPIES.moved } });
    const restore = await waitRestore(velero, 'moved');
    expect(restore.status).toMatchObject({ phase: 'Completed', restoreItemOperationsCompleted: 3 });
    await expectSame(COPIES.moved);
  });

  test('it restores from the snapshots that we kept in the storage', async () => {
    await synced('kept');
    await createRestore(velero, 'kept', { backupName: 'kept', namespaceMapping: { [APP]: COPIES.kept } });
    const restore = await waitRestore(velero, 'kept');
    expect(restore.status).toMatchObject({ phase: 'Completed' });
    await expectSame(COPIES.kept);
    expect((await volumeInfos(world, 'kept')).map(({ result }) => result)).toEqual(
      CLAIMS.map(() => 'succeeded'),
    );
  });

  test('we restore what it moved, byte-identical', async () => {
    // By these Velero leaves files out of its own backups.
    for (const pod of ['files', 'late'])
      await inPod(world, APP, pod, ['rm', '/data/.kopiaignore', '/data/cache/CACHEDIR.TAG']);
    before = await written(APP);
    await createBackup(velero, 'theirs', { includedNamespaces: [APP], snapshotMoveData: true });
    const backup = await waitBackup(velero, 'theirs');
    expect(backup.status).toMatchObject({ phase: 'Completed', backupItemOperationsCompleted: 3 });
    const restore = await runToEnd(world, 'Restore', 'theirs', {
      backupName: 'theirs',
      namespaceMapping: { [APP]: COPIES.theirs },
    });
    expect(restore.status).toMatchObject({ phase: 'Completed' });
    await expectSame(COPIES.theirs);
  });
});
