import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GVR } from '../../contracts/api/gvr.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import type { PodVolumeRestore } from '../../contracts/api/pod-volume.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { describeVolume, makeVolumeTree, podRuns, volumeTree } from '../support/application.ts';
import {
  createClaim,
  createPod,
  describeFolder,
  emptyDirPath,
  podVolumeBackupsOf,
} from '../support/pod-volumes.ts';
import { repositoryPassword } from '../support/repository.ts';
import {
  createBackup,
  createRestore,
  hasVelero,
  startVelero,
  waitBackup,
  waitRestore,
} from '../support/velero.ts';
import type { Velero } from '../support/velero.ts';
import { createWorld, namespaceObject, removeNamespace, runToEnd } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** File-system backups, between Caravel and stock Velero on one location. Needs `lab up --with velero`. */

const APP = 'e2e-fsbv-app';
const COPY = 'e2e-fsbv-copy';
let world: World;
let velero: Velero;

/** Velero marks the end of its work in the volume, and may lack the right to take the mark away again. */
const withoutMark = (lines: string[]) => lines.slice(1).filter((line) => !line.includes('"./.velero'));

describe.skipIf(!hasVelero())('a file-system backup by Caravel', () => {
  beforeAll(async () => {
    world = await createWorld('e2e-fsbv');
    for (const name of [APP, COPY]) await removeNamespace(world.kube, name);
    await world.kube.create(GVRS.namespaces, undefined, namespaceObject(APP));
    await createClaim(world, APP, 'data');
    await createPod(world, APP, 'web', {
      annotations: { 'backup.velero.io/backup-volumes': 'files,tmp' },
      volumes: { files: { persistentVolumeClaim: { claimName: 'data' } }, tmp: { emptyDir: {} } },
    });
    await makeVolumeTree(world, APP, 'data');
    await volumeTree(world, 'make', await emptyDirPath(world, APP, 'web', 'tmp'));
    await world.startWorker();
    const backup = await runToEnd(world, 'Backup', 'ours', { includedNamespaces: [APP] });
    expect(backup.status?.phase).toBe('Completed');
    velero = await startVelero(world, {
      namespace: 'e2e-fsbv-velero',
      sharedLocation: {
        bucket: world.env.S3_BUCKET,
        prefix: world.name,
        repositoryPassword: await repositoryPassword(world),
      },
    });
  });

  afterAll(async () => {
    await velero?.stop();
    await world?.stop([APP, COPY]);
  });

  test('is restored by stock Velero, claim and emptyDir alike', async () => {
    await world.kube.waitFor<Backup, true>(
      GVR.backups,
      velero.namespace,
      'ours',
      (found) => (found?.status?.phase === 'Completed' ? true : undefined),
      { timeoutMs: 120_000 },
    );
    await createRestore(velero, 'copy', { backupName: 'ours', namespaceMapping: { [APP]: COPY } });
    const restore = await waitRestore(velero, 'copy');
    expect(restore.status).toMatchObject({ phase: 'Completed' });
    const restores = await world.kube.list<PodVolumeRestore>(GVR.podVolumeRestores, {
      namespace: velero.namespace,
    });
    expect(restores.map(({ spec, status }) => `${spec.volume} ${status?.phase}`).sort()).toEqual([
      'files Completed',
      'tmp Completed',
    ]);
    await podRuns(world, COPY, 'web');
    expect(withoutMark(await describeVolume(world, COPY, 'data'))).toEqual(
      withoutMark(await describeVolume(world, APP, 'data')),
    );
    const [copy, original] = await Promise.all(
      [COPY, APP].map(
        async (app) => await describeFolder(world, await emptyDirPath(world, app, 'web', 'tmp')),
      ),
    );
    expect(withoutMark(copy ?? [])).toEqual(withoutMark(original ?? []));
    expect(withoutMark(copy ?? [])).toHaveLength(24);
  });

  test('goes on where a file-system backup by Velero ended', async () => {
    await createBackup(velero, 'theirs', { includedNamespaces: [APP] });
    expect((await waitBackup(velero, 'theirs')).status?.phase).toBe('Completed');
    const backup = await runToEnd(world, 'Backup', 'ours-again', { includedNamespaces: [APP] });
    expect(backup.status?.phase).toBe('Completed');
    const shown = await podVolumeBackupsOf(world, 'ours-again');
    expect(shown['web/files']?.status?.progress?.totalBytes).toBeGreaterThan(20_000_000);
    expect(shown['web/files']?.status?.incrementalBytes).toBeLessThan(50_000);
  });
});
