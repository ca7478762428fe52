import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GVR } from '../../contracts/api/gvr.ts';
import type { DataUpload } from '../../contracts/api/data-movement.ts';
import { createApplication, fillVolume } from '../support/application.ts';
import { leftovers } from '../support/leftovers.ts';
import { until } from '../support/processes.ts';
import { apply, createWorld, ended } from '../support/world.ts';
import type { World } from '../support/world.ts';

const run = promisify(execFile);
const APP = 'e2e-outage-app';
let world: World;

beforeAll(async () => {
  world = await createWorld('e2e-outage', {
    CARAVEL_UPLOAD_LIMIT: '6000000',
    CARAVEL_CHECKPOINT_SECONDS: '2',
  });
  await createApplication(world, APP, { data: {} });
  await fillVolume(world, APP, 'data', 20, 4_000_000);
  await world.startWorker();
});

afterAll(async () => {
  await world?.stop([APP]);
});

test('the object store is away for 60 seconds during a transfer: the run waits and completes', async () => {
  await apply(world, 'Backup', 'outage', { includedNamespaces: [APP] });
  await until(async () => {
    const [upload] = await world.kube.list<DataUpload>(GVR.dataUploads, { namespace: world.name });
    return (upload?.status?.progress?.bytesDone ?? 0) > 20_000_000 ? true : undefined;
  }, 'a quarter is sent');
  const lab = (verb: string) => run('node', ['lab/main.ts', verb, 's3', '--name', world.env.CARAVEL_LAB]);
  await lab('stop');
  await delay(60_000);
  await lab('start');
  const backup = await ended(world, 'Backup', 'outage');
  expect(backup.status).toMatchObject({ phase: 'Completed', backupItemOperationsCompleted: 1 });
  expect(await leftovers(world)).toEqual([]);
});
