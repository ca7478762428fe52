import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Backup } from '../../contracts/api/backup.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import { runWorkflowId } from '../../contracts/ids.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import {
  annotated,
  createHooked,
  fault,
  isQuiet,
  newBook,
  POST,
  PRE,
  ranHooks,
  words,
} from '../support/hooked.ts';
import { leftovers, nothingLeft } from '../support/leftovers.ts';
import { until } from '../support/processes.ts';
import { apply, createWorld, ended } from '../support/world.ts';
import type { World, WorkerProcess } from '../support/world.ts';

/**
 * An application is never left quiesced: the worker is killed, the run is cancelled or terminated while the storage
 * takes its time for a snapshot, or while a hook runs.
 */

const APP = 'e2e-hkill-app';
const POD = 'app';

let world: World;
let worker: WorkerProcess;

beforeAll(async () => {
  world = await createWorld('e2e-hkill');
  await createHooked(world, APP, { [POD]: { claims: ['data'] } });
  worker = await world.startWorker();
});

beforeEach(async () => {
  await fault(world, 'clear');
  await hooks(PRE, POST);
  await newBook(world, APP, POD);
});

afterAll(async () => {
  await fault(world, 'clear');
  await world?.stop([APP]);
});

/** The hooks of the pod from now on. */
async function hooks(pre: string, post: string): Promise<void> {
  const annotations = { ...annotated('pre', pre, { timeout: '12s' }), ...annotated('post', post) };
  await world.kube.patch(GVRS.pods, APP, POD, { metadata: { annotations } }, { type: 'merge' });
}

const slowStorage = async (ms: number) =>
  await fault(world, 'set', JSON.stringify({ call: 'CreateSnapshot', delayMs: ms }));

const start = async (name: string) => await apply(world, 'Backup', name, { includedNamespaces: [APP] });
const ran = async () => words(await ranHooks(world, APP, POD));
const quiet = async () =>
  await until(
    async () => ((await isQuiet(world, APP, POD)) ? true : undefined),
    'the application is quiesced',
  );
const wroteBook = async (word: string) =>
  await until(async () => ((await ran()).includes(word) ? true : undefined), `a ${word}-hook has begun`);

/** How long until the application goes on. */
async function untilReleased(timeoutMs: number): Promise<number> {
  const from = Date.now();
  const released = async () =>
    (!(await isQuiet(world, APP, POD)) && (await ran()).includes('post')) || undefined;
  await until(released, 'the application is released', timeoutMs);
  return Date.now() - from;
}

async function killWorker(): Promise<void> {
  await worker.kill();
  worker = await world.startWorker();
}

const errorsOf = async (name: string) =>
  gunzipSync(await world.store.get(`backups/${name}/${name}-results.gz`)).toString('utf8');

describe('the worker is killed', () => {
  test('between the hooks: another one cuts and releases, and each hook has run once', async () => {
    await slowStorage(6_000);
    await start('between');
    await quiet();
    await until(
      async () => (await world.kube.list(GVRS.volumesnapshots, { namespace: APP })).length > 0 || undefined,
      'the volume is being cut: the end of the pre-hook is known',
    );
    await killWorker();
    await untilReleased(60_000);
    const backup = (await ended(world, 'Backup', 'between')) as Backup;
    const complete = { phase: 'Completed', hookStatus: { hooksAttempted: 2 } };
    expect(backup.status, await errorsOf('between')).toMatchObject(complete);
    expect(await ran()).toEqual(['pre', 'post']);
    expect(await leftovers(world)).toEqual([]);
  });

  test('while a pre-hook runs: it is not run again, counts as failed, and the release waits for its time', async () => {
    // Quiesces only at its end: a post-hook that came before that would leave the application so.
    await hooks(`echo "begin 0" >> /state/log; sleep 9; ${PRE}`, POST);
    await start('in-pre');
    await wroteBook('begin');
    await killWorker();
    await until(async () => ((await ran()).includes('pre') ? true : undefined), 'the command ends by itself');
    await untilReleased(60_000);
    const backup = (await ended(world, 'Backup', 'in-pre')) as Backup;
    expect(await ran()).toEqual(['begin', 'pre', 'post']);
    expect(await isQuiet(world, APP, POD)).toBe(false);
    expect(backup.status).toMatchObject({
      phase: 'PartiallyFailed',
      hookStatus: { hooksAttempted: 2, hooksFailed: 1 },
      backupItemOperationsCompleted: 1,
    });
    expect(await errorsOf('in-pre')).toContain('whether it ended is not known');
    expect(await leftovers(world)).toEqual([]);
  });

  test('while a post-hook runs: it is run once more', async () => {
    await hooks(PRE, `echo "begin 0" >> /state/log; sleep 2; ${POST}`);
    await start('in-post');
    await wroteBook('begin');
    await killWorker();
    await untilReleased(60_000);
    const backup = (await ended(world, 'Backup', 'in-post')) as Backup;
    const book = await ran();
    expect(book.filter((word) => word === 'pre')).toHaveLength(1);
    expect(book.filter((word) => word === 'begin')).toHaveLength(2);
    expect(await isQuiet(world, APP, POD)).toBe(false);
    expect(backup.status).toMatchObject({ phase: 'Completed', hookStatus: { hooksAttempted: 2 } });
    expect(await leftovers(world)).toEqual([]);
  });
});

describe('while the storage takes its time,', () => {
  test('a run that is cancelled releases the application at once', async () => {
    await slowStorage(120_000);
    await start('cancelled');
    await quiet();
    await world.kube.remove(GVR.backups, world.name, 'cancelled');
    expect(await untilReleased(15_000)).toBeLessThan(8_000);
    expect(await ran()).toEqual(['pre', 'post']);
    await fault(world, 'clear');
    await nothingLeft(world);
  });

  test('a run that is terminated is noticed, and its application released', async () => {
    await slowStorage(120_000);
    const { metadata } = await start('terminated');
    await quiet();
    const run = { type: 'backup', cluster: world.name, namespace: world.name, name: 'terminated' } as const;
    await world.temporal.workflow.getHandle(runWorkflowId(run)).terminate('by the test');
    expect(await untilReleased(20_000)).toBeLessThan(10_000);
    expect(await ran()).toEqual(['pre', 'post']);
    const workflow = world.temporal.workflow.getHandle(`unquiesce/${metadata.uid}/0`);
    expect(await workflow.result()).toEqual({ cause: 'runEnded' });
    await fault(world, 'clear');
    await nothingLeft(world, { timeoutMs: 300_000 });
    const backup = (await ended(world, 'Backup', 'terminated')) as Backup;
    expect(backup.status?.phase).toBe('Failed');
  });

  test('a run that is terminated while no worker lives is released by the first that comes', async () => {
    await slowStorage(120_000);
    await start('alone');
    await quiet();
    await worker.kill();
    const run = { type: 'backup', cluster: world.name, namespace: world.name, name: 'alone' } as const;
    await world.temporal.workflow.getHandle(runWorkflowId(run)).terminate('by the test');
    worker = await world.startWorker();
    expect(await untilReleased(40_000)).toBeLessThan(30_000);
    expect(await ran()).toEqual(['pre', 'post']);
    await fault(world, 'clear');
    await nothingLeft(world, { timeoutMs: 300_000 });
  });
});
