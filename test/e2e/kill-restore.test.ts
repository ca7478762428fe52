import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GVR } from '../../contracts/api/gvr.ts';
import type { DataDownload } from '../../contracts/api/data-movement.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { createApplication, describeVolume, fillVolume, podRuns } from '../support/application.ts';
import { leftovers } from '../support/leftovers.ts';
import { inRun, until } from '../support/processes.ts';
import { scaled } from '../support/scale.ts';
import { apply, createWorld, ended, runToEnd } from '../support/world.ts';
import type { World, WorkerProcess } from '../support/world.ts';

/** The same kills in the middle of a restore: the data that arrives is whole all the same. */

const APP = 'e2e-killr-app';
const FILES = scaled(256, 24);
const FILE_BYTES = 4_000_000;
const TOTAL = FILES * FILE_BYTES;
let world: World;
let worker: WorkerProcess;
let before: string[];
const targets: string[] = [];

beforeAll(async () => {
  world = await createWorld('e2e-killr', { CARAVEL_DOWNLOAD_LIMIT: scaled('30000000', '8000000') });
  await createApplication(world, APP, { data: { size: scaled('2Gi', '1Gi') } });
  await fillVolume(world, APP, 'data', FILES, FILE_BYTES);
  before = await describeVolume(world, APP, 'data');
  worker = await world.startWorker();
  const backup = await runToEnd(world, 'Backup', 'source', { includedNamespaces: [APP] });
  expect(backup.status?.phase).toBe('Completed');
});

afterAll(async () => {
  await world?.stop([APP, ...targets]);
});

async function restoreAndKill(name: string, kill: (uid: string) => Promise<void>): Promise<void> {
  const target = `e2e-${name}`;
  targets.push(target);
  const spec = { backupName: 'source', namespaceMapping: { [APP]: target } };
  const { metadata } = await apply(world, 'Restore', name, spec);
  const uid = metadata.uid ?? '';
  await until(async () => {
    const downloads = await world.kube.list<DataDownload>(GVR.dataDownloads, {
      namespace: world.name,
      labelSelector: `velero.io/restore-uid=${uid}`,
    });
    return (downloads[0]?.status?.progress?.bytesDone ?? 0) > TOTAL * 0.4 ? true : undefined;
  }, 'nearly half is restored');
  await kill(uid);
  const restore = await ended(world, 'Restore', name);
  expect(restore.status).toMatchObject({ phase: 'Completed' });
  await podRuns(world, target, 'data');
  expect(await describeVolume(world, target, 'data')).toEqual(before);
  expect(await leftovers(world)).toEqual([]);
}

describe('killed in the middle of a transfer, the restore ends Completed with whole data:', () => {
  test('the worker', async () => {
    await restoreAndKill('killr-worker', async () => {
      await worker.kill();
      worker = await world.startWorker();
    });
  });

  test('the mover pod', async () => {
    await restoreAndKill('killr-pod', async (uid) => {
      const labelSelector = `caravel.dev/run-uid=${uid}`;
      const pods = await world.kube.list<KubeObject>(GVRS.pods, { namespace: world.name, labelSelector });
      await world.kube.remove(GVRS.pods, world.name, pods[0]?.metadata.name ?? '');
    });
  });

  test('kopia', async () => {
    await restoreAndKill('killr-kopia', async (uid) => {
      const found = await until(() => {
        const list = inRun(uid, 'kopia');
        return list.length > 0 ? list : undefined;
      }, 'kopia runs');
      const kopia = found.find(({ command }) => command.includes(' restore '));
      process.kill(kopia?.pid ?? 0, 'SIGKILL');
    });
  });
});

test('a restore that is deleted in the middle leaves no volume, no claim and no pod behind', async () => {
  targets.push('e2e-killr-gone');
  const spec = { backupName: 'source', namespaceMapping: { [APP]: 'e2e-killr-gone' } };
  const { metadata } = await apply(world, 'Restore', 'killr-gone', spec);
  await until(
    () => (inRun(metadata.uid ?? '', 'mover/main.ts').length > 0 ? true : undefined),
    'the mover runs',
  );
  await world.kube.remove(GVR.restores, world.name, 'killr-gone');
  const handle = world.temporal.workflow.getHandle(`restore/${world.name}/${world.name}/killr-gone`);
  await handle.result().catch(() => undefined);
  expect(await leftovers(world)).toEqual([]);
  const claims = await world.kube.list(GVRS.persistentvolumeclaims, { namespace: 'e2e-killr-gone' });
  expect(claims).toEqual([]);
});
