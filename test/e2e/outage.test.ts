import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Backup } from '../../contracts/api/backup.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import type { DataUpload } from '../../contracts/api/data-movement.ts';
import { RUN_TAG } from '../../platform/kopia/commands.ts';
import type { SnapshotManifest } from '../../platform/kopia/output.ts';
import { createApplication, fillVolume } from '../support/application.ts';
import { lab } from '../support/lab-command.ts';
import { leftovers } from '../support/leftovers.ts';
import { until } from '../support/processes.ts';
import { snapshotsIn } from '../support/repository.ts';
import { apply, createWorld, ended } from '../support/world.ts';
import type { World } from '../support/world.ts';

const APP = 'e2e-outage-app';
let world: World;

beforeAll(async () => {
  world = await createWorld('e2e-outage', {
    CARAVEL_UPLOAD_LIMIT: '6000000',
    CARAVEL_CHECKPOINT_SECONDS: '2',
  });
  await createApplication(world, APP, { data: {} });
  await world.startWorker();
});

afterAll(async () => {
  await world?.stop([APP]);
});

/** The store goes away when a quarter of the volume is sent. */
async function loseStore(name: string): Promise<string> {
  // New random content each time, so that nothing of it is in the repository yet.
  await fillVolume(world, APP, 'data', 20, 4_000_000);
  const { metadata } = await apply(world, 'Backup', name, { includedNamespaces: [APP] });
  await until(async () => {
    const [upload] = await world.kube.list<DataUpload>(GVR.dataUploads, {
      namespace: world.name,
      labelSelector: `velero.io/backup-name=${name}`,
    });
    return (upload?.status?.progress?.bytesDone ?? 0) > 20_000_000 ? true : undefined;
  }, 'a quarter is sent');
  await lab(world, 'stop', 's3');
  return metadata.uid ?? '';
}

test('the object store is away for 60 seconds during a transfer: the run waits and completes', async () => {
  await loseStore('outage');
  await delay(60_000);
  await lab(world, 'start', 's3');
  const backup = await ended(world, 'Backup', 'outage');
  expect(backup.status).toMatchObject({ phase: 'Completed', backupItemOperationsCompleted: 1 });
  expect(await leftovers(world)).toEqual([]);
});

test('a run that is cancelled while the store is away ends at once, and is cleaned up when it is back', async () => {
  const uid = await loseStore('given-up');
  const workflow = world.temporal.workflow.getHandle(`backup/${world.name}/${world.name}/given-up`);
  await workflow.cancel();
  await until(
    async () =>
      (await world.kube.get<Backup>(GVR.backups, world.name, 'given-up')).status?.phase === 'Failed' ||
      undefined,
    'the resource says so',
    10_000,
  );
  await lab(world, 'start', 's3');
  await workflow.result();
  expect(await leftovers(world)).toEqual([]);
  const ofRun = ({ tags }: SnapshotManifest) => tags?.[`tag:${RUN_TAG}`] === uid;
  expect((await snapshotsIn(world, APP)).filter(ofRun)).toEqual([]);
});
