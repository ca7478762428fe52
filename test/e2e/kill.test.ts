import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DataUpload } from '../../contracts/api/data-movement.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import { RUN_TAG } from '../../platform/kopia/commands.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { createApplication, fillVolume } from '../support/application.ts';
import { lab } from '../support/lab-command.ts';
import { leftovers, nothingLeft } from '../support/leftovers.ts';
import { inRun, processesOf, until } from '../support/processes.ts';
import { snapshotsIn } from '../support/repository.ts';
import { scaled } from '../support/scale.ts';
import { apply, createWorld, ended, factsOf } from '../support/world.ts';
import type { World, WorkerProcess } from '../support/world.ts';

/**
 * Each process that takes part is killed with SIGKILL in the middle of a transfer: checkpoints are frequent, the
 * upload is slow, and the kill comes past half. The run must end Completed, must not send again what was
 * checkpointed, and must leave nothing behind.
 */

const APP = 'e2e-kill-app';
const FILES = scaled(256, 24);
const FILE_BYTES = 4_000_000;
const TOTAL = FILES * FILE_BYTES;
/** About 16 seconds for the whole volume, for that of the proof about 50. */
const LIMIT = scaled('20000000', '6000000');
/** Indexes, directories, and what was on its way. */
const MARGIN = scaled(50_000_000, 4_000_000);
/** Few files at once, so that little is on its way at any moment. */
const SPEC = { includedNamespaces: [APP], uploaderConfig: { parallelFilesUpload: 2 } };

let world: World;
let worker: WorkerProcess;
const settings = { CARAVEL_UPLOAD_LIMIT: LIMIT, CARAVEL_CHECKPOINT_SECONDS: '2' };

beforeAll(async () => {
  world = await createWorld('e2e-kill', settings);
  await createApplication(world, APP, { data: { size: scaled('2Gi', '1Gi') } });
  worker = await world.startWorker();
});

beforeEach(async () => {
  // New random content each time, so that nothing of it is in the repository yet.
  await fillVolume(world, APP, 'data', FILES, FILE_BYTES);
});

afterAll(async () => {
  await world?.stop([APP]);
});

async function pastHalf(uid: string): Promise<DataUpload> {
  return await until(async () => {
    const uploads = await world.kube.list<DataUpload>(GVR.dataUploads, {
      namespace: world.name,
      labelSelector: `velero.io/backup-uid=${uid}`,
    });
    const done = uploads[0]?.status?.progress?.bytesDone ?? 0;
    return done > TOTAL * 0.55 ? uploads[0] : undefined;
  }, 'the transfer is past half');
}

interface Blob {
  key: string;
  size: number;
  lastModified: string;
}

async function blobs(): Promise<Blob[]> {
  const found: Blob[] = [];
  for await (const blob of world.store.list('kopia/')) found.push(blob);
  return found;
}

const bytesOf = (found: Blob[]) => found.reduce((sum, { size }) => sum + size, 0);

/** Bytes of data that a checkpoint has made known: packs that are older than the newest index. */
function checkpointed(found: Blob[]): number {
  const indexes = found.filter(({ key }) => /\/x[ns]/.test(key)).map(({ lastModified }) => lastModified);
  const newest = indexes.sort().at(-1) ?? '';
  return bytesOf(found.filter(({ key, lastModified }) => /\/p[0-9a-f]/.test(key) && lastModified < newest));
}

/** Past half, and with a good part of it behind a checkpoint. */
async function worthKilling(uid: string, old: Set<string>): Promise<Blob[]> {
  await pastHalf(uid);
  return await until(async () => {
    const fresh = (await blobs()).filter(({ key }) => !old.has(key));
    return checkpointed(fresh) > TOTAL * 0.2 ? fresh : undefined;
  }, 'a part of it is behind a checkpoint');
}

async function backUpAndKill(name: string, kill: (uid: string) => Promise<void>) {
  const old = new Set((await blobs()).map(({ key }) => key));
  const { metadata } = await apply(world, 'Backup', name, SPEC);
  const uid = metadata.uid ?? '';
  const known = checkpointed(await worthKilling(uid, old));
  await kill(uid);
  const backup = await ended(world, 'Backup', name);
  return { backup, known, sent: bytesOf((await blobs()).filter(({ key }) => !old.has(key))) };
}

describe('killed in the middle of a transfer, the backup ends Completed and sends nothing twice:', () => {
  async function check(name: string, kill: (uid: string) => Promise<void>): Promise<void> {
    const { backup, known, sent } = await backUpAndKill(name, kill);
    expect(backup.status).toMatchObject({ phase: 'Completed', backupItemOperationsCompleted: 1 });
    expect(factsOf(backup).volumes[0]).toMatchObject({ ok: true, bytes: TOTAL });
    // Everything but what was behind the checkpoint may go again; of that, nothing: a second copy of all of it
    // would make the sum larger than this.
    expect(sent).toBeLessThan(TOTAL + (TOTAL - known) + MARGIN);
    expect(await leftovers(world)).toEqual([]);
  }

  test('the worker', async () => {
    await check('kill-worker', async () => {
      await worker.kill();
      worker = await world.startWorker();
    });
  });

  test('the mover pod', async () => {
    await check('kill-pod', async (uid) => {
      const pods = await world.kube.list<KubeObject>(GVRS.pods, {
        namespace: world.name,
        labelSelector: `caravel.dev/run-uid=${uid}`,
      });
      await world.kube.remove(GVRS.pods, world.name, pods[0]?.metadata.name ?? '', { gracePeriodSeconds: 0 });
    });
  });

  test('the mover process', async () => {
    await check('kill-mover', async (uid) => {
      const [mover] = await until(() => nonEmpty(inRun(uid, 'mover/main.ts')), 'the mover runs');
      process.kill(mover?.pid ?? 0, 'SIGKILL');
    });
  });

  test('kopia', async () => {
    await check('kill-kopia', async (uid) => {
      const [kopia] = await until(() => nonEmpty(inRun(uid, 'snapshot create')), 'kopia runs');
      process.kill(kopia?.pid ?? 0, 'SIGKILL');
    });
  });

  test('the Temporal server', async () => {
    await check('kill-temporal', async () => {
      const [server] = inLabTemporal();
      process.kill(server, 'SIGKILL');
      await lab(world, 'start', 'temporal');
    });
  });

  test('the worker and the Temporal server, away while the transfer ends', async () => {
    await check('kill-both', async (uid) => {
      await worker.kill();
      const [server] = inLabTemporal();
      process.kill(server, 'SIGKILL');
      // The mover goes on by itself to its end.
      await until(
        () => (inRun(uid, 'snapshot create').length === 0 ? true : undefined),
        'the transfer ends alone',
      );
      await lab(world, 'start', 'temporal');
      worker = await world.startWorker();
    });
  });
});

const nonEmpty = <T>(list: T[]): T[] | undefined => (list.length > 0 ? list : undefined);

function inLabTemporal(): [number] {
  const [ip] = world.env.TEMPORAL_ADDRESS.split(':');
  const found = inRunCommand(`temporal server start-dev --ip ${ip}`);
  return [found];
}

function inRunCommand(text: string): number {
  const found = processesOf((command) => command.includes(text))[0];
  if (!found) throw new Error(`no process "${text}"`);
  return found.pid;
}

test('a workflow that is terminated from outside leaves nothing, and its backup says so', async () => {
  const { metadata } = await apply(world, 'Backup', 'terminated', SPEC);
  const uid = metadata.uid ?? '';
  await pastHalf(uid);
  const prefix = `${world.name}/${world.name}`;
  for (const id of [`protectVolume/${uid}/0`, `backup/${prefix}/terminated`]) {
    await world.temporal.workflow.getHandle(id).terminate('by the test');
  }
  await world.temporal.workflow.start('collectGarbage', {
    workflowId: `collectGarbage/${prefix}`,
    taskQueue: world.name,
    args: [{ cluster: world.name, namespace: world.name }],
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  await nothingLeft(world, { timeoutMs: 180_000 });
  const broken = (await snapshotsIn(world, APP)).filter(({ tags }) => tags?.[`tag:${RUN_TAG}`] === uid);
  expect(broken).toEqual([]);
  const backup = await ended(world, 'Backup', 'terminated', 200_000);
  expect(backup.status).toMatchObject({ phase: 'Failed' });
  expect(backup.status?.failureReason).toContain('TERMINATED');
});
