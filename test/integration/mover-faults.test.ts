import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MoverEvent, MoverSpec, RepositoryCredentials, RepositorySpec } from '../../contracts/mover.ts';
import {
  deleteIncompleteSnapshots,
  deleteRepositorySnapshots,
  readRunSnapshots,
} from '../../platform/kopia/repository.ts';
import { findKopia, startKopiaLab } from '../support/kopia-lab.ts';
import type { KopiaLab, MoverRun } from '../support/kopia-lab.ts';
import { backupSpec, restoreSpec, resultOf } from '../support/mover-specs.ts';
import { describeTree, fillRandom } from '../support/tree.ts';

let lab: KopiaLab;
let repository: RepositorySpec;

beforeAll(async () => {
  lab = await startKopiaLab();
});
beforeEach(async () => {
  repository = await lab.createRepository();
  lab.gate.limit(RATE);
});
afterAll(() => lab.close());

const MB = 1_000_000;
/** Slow enough to be hit in the middle. */
const RATE = 8 * MB;
const SLOW = { checkpointSeconds: 1 };
const VOLUME = { files: 15, bytes: 4 * MB };
const TOTAL = VOLUME.files * VOLUME.bytes;
/** What may be sent twice: packs that were not flushed yet, and what was written between two checkpoints. */
const SENT_TWICE = 0.4 * TOTAL;

function volume(): string {
  const folder = lab.folder('volume');
  fillRandom(folder, VOLUME.files, VOLUME.bytes);
  return folder;
}

const start = (folder: string, changes: Partial<MoverSpec> = {}, environment: Record<string, string> = {}) =>
  lab.startMover(backupSpec(repository, changes), { volume: folder, environment });

/** Waits until a good part is safe at the store; from there on it goes slowly, so that it is not over before the kill. */
async function halfWay(run: MoverRun): Promise<void> {
  const [before, slow] = [lab.gate.bytesUp, RATE / 4];
  const isSafe = (event: MoverEvent) => event.t === 'checkpoint' && event.bytesDone > 0.6 * TOTAL;
  while (!run.events.some(isSafe)) {
    if (lab.gate.bytesUp - before > 0.7 * TOTAL) lab.gate.limit(slow);
    await delay(20);
  }
}

async function restored(snapshotId: string): Promise<string[]> {
  const target = lab.folder('target');
  lab.gate.limit(0);
  const run = lab.startMover(restoreSpec(repository, snapshotId), { volume: target });
  await run.waitFor('result');
  run.signal('SIGTERM');
  await run.done;
  return describeTree(target);
}

const logs = (run: MoverRun) =>
  run.events.flatMap((event) => (event.t === 'log' ? [event.message] : [])).join('\n');

const bytesDone = (events: MoverEvent[]) =>
  events.flatMap((event) => (event.t === 'progress' ? [event.bytesDone] : []));

describe('a killed process goes on where it was', () => {
  test('kopia dies by SIGKILL: the same mover starts it again, and flushed data is not sent again', async () => {
    const folder = volume();
    const before = lab.gate.bytesUp;
    const run = start(folder, SLOW);
    await halfWay(run);
    const kopias = run.kopias();
    expect(kopias).not.toEqual([]);
    for (const pid of kopias) process.kill(pid, 'SIGKILL');
    lab.gate.limit(RATE);
    const result = await resultOf(run);
    expect(logs(run)).toMatch(/SIGKILL; trying again/);
    expect(lab.gate.bytesUp - before).toBeLessThan(TOTAL + SENT_TWICE);
    const progress = bytesDone(run.events);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(await restored(result.snapshotId)).toEqual(describeTree(folder));
  });

  test('the whole pod dies: the next attempt goes on, in an empty scratch folder', async () => {
    const folder = volume();
    const before = lab.gate.bytesUp;
    const first = start(folder, SLOW);
    await halfWay(first);
    first.killAll();
    lab.gate.limit(RATE);
    await first.done;
    const result = await resultOf(start(folder, { ...SLOW, attempt: 2 }));
    expect(lab.gate.bytesUp - before).toBeLessThan(TOTAL + SENT_TWICE);
    expect(await restored(result.snapshotId)).toEqual(describeTree(folder));
  });

  test('SIGTERM: kopia flushes, the error can be retried, and the next attempt leaves one snapshot', async () => {
    const folder = volume();
    const before = lab.gate.bytesUp;
    const first = start(folder, { ...SLOW, checkpointSeconds: 600 });
    while (lab.gate.bytesUp - before < 0.6 * TOTAL) await delay(50);
    first.signal('SIGTERM');
    const { code, last } = await first.done;
    expect(code).toBe(1);
    expect(last).toMatchObject({ t: 'error', code: 'MoverLost', retryable: true });
    expect(
      (await readRunSnapshots(lab.access(repository), 'run-1')).map(({ incomplete }) => incomplete),
    ).toEqual(['canceled']);
    const result = await resultOf(start(folder, { attempt: 2 }));
    expect(lab.gate.bytesUp - before).toBeLessThan(TOTAL + SENT_TWICE);
    const left = await readRunSnapshots(lab.access(repository), 'run-1');
    expect(left.map(({ id }) => id)).toEqual([result.snapshotId]);
    expect(await restored(result.snapshotId)).toEqual(describeTree(folder));
  });

  test('kopia dies when the snapshot is stored, before it could say so: that one is taken, and there is no second', async () => {
    lab.gate.limit(0);
    const folder = volume();
    const script = join(lab.folder('program'), 'kopia');
    const mark = join(lab.folder('mark'), 'died');
    const die = `case "$*" in *'snapshot create'*) [ -e ${mark} ] || { touch ${mark}; kill -9 $$; } ;; esac`;
    writeFileSync(script, `#!/bin/sh\n${findKopia()} "$@"\ncode=$?\n${die}\nexit $code\n`, { mode: 0o755 });
    const run = start(folder, {}, { CARAVEL_MOVER_KOPIA: script });
    const result = await resultOf(run);
    expect(logs(run)).toMatch(/SIGKILL; trying again/);
    const left = await readRunSnapshots(lab.access(repository), 'run-1');
    expect(left.map(({ id }) => id)).toEqual([result.snapshotId]);
    expect(await restored(result.snapshotId)).toEqual(describeTree(folder));
  });

  test('a restore whose kopia is killed does not load finished files again', async () => {
    const folder = volume();
    lab.gate.limit(0);
    const { snapshotId } = await resultOf(start(folder));
    lab.gate.limit(RATE);
    const target = lab.folder('target');
    const run = lab.startMover(restoreSpec(repository, snapshotId, { parallel: 2 }), { volume: target });
    while ((bytesDone(run.events).at(-1) ?? 0) < 0.4 * TOTAL) await delay(50);
    for (const pid of run.kopias()) process.kill(pid, 'SIGKILL');
    await run.waitFor('result');
    run.signal('SIGTERM');
    expect(logs(run)).toMatch(/skipped [1-9]/);
    expect(describeTree(target)).toEqual(describeTree(folder));
  });
});

describe('what a run left behind', () => {
  test('is removed by the worker: broken-off snapshots of a cancelled run, snapshots by id', async () => {
    const folder = volume();
    const first = start(folder, SLOW);
    await first.waitFor('checkpoint');
    first.signal('SIGTERM');
    await first.done;
    lab.gate.limit(0);
    const whole = await resultOf(start(folder));
    const access = lab.access(repository);
    expect(await deleteIncompleteSnapshots(access, 'run-1')).toBe(1);
    expect((await readRunSnapshots(access, 'run-1')).map(({ id }) => id)).toEqual([whole.snapshotId]);
    await deleteRepositorySnapshots(access, [whole.snapshotId]);
    await deleteRepositorySnapshots(access, [whole.snapshotId]);
    expect(await readRunSnapshots(access, 'run-1')).toEqual([]);
  });
});

describe('an outage is waited out', () => {
  test('the store goes away in the middle and comes back', async () => {
    const folder = volume();
    const run = start(folder, SLOW);
    const before = lab.gate.bytesUp;
    while (lab.gate.bytesUp - before < 0.3 * TOTAL) await delay(50);
    await lab.gate.shut();
    await delay(12_000);
    expect(logs(run)).toMatch(/does not answer/);
    await lab.gate.open();
    const result = await resultOf(run);
    expect(await restored(result.snapshotId)).toEqual(describeTree(folder));
  });

  test('the store is away when the mover starts', async () => {
    const folder = lab.folder('volume');
    fillRandom(folder, 1, 1_000);
    await lab.gate.shut();
    const run = start(folder);
    await delay(7_000);
    await lab.gate.open();
    expect((await resultOf(run)).files).toBe(1);
  });

  test('a connection that hangs is cut and the transfer begun again', async () => {
    const folder = volume();
    const before = lab.gate.bytesUp;
    const run = start(folder, SLOW, { CARAVEL_MOVER_STALL_MS: '4000' });
    while (lab.gate.bytesUp - before < 0.4 * TOTAL) await delay(50);
    lab.gate.freeze(true);
    while (!/no byte moved for/.test(logs(run))) await delay(100);
    lab.gate.freeze(false);
    const result = await resultOf(run);
    expect(await restored(result.snapshotId)).toEqual(describeTree(folder));
  });
});

describe('what waiting cannot mend ends at once, by its own code', () => {
  const expectError = async (run: MoverRun, code: string) => {
    const from = performance.now();
    const { code: exit, last } = await run.done;
    expect(last).toMatchObject({ t: 'error', code, retryable: false });
    expect(exit).toBe(1);
    expect(performance.now() - from).toBeLessThan(15_000);
    return last as Extract<MoverEvent, { t: 'error' }>;
  };
  const withKeys = (credentials: Partial<RepositoryCredentials>, spec = backupSpec(repository)) =>
    lab.startMover(spec, { volume: lab.folder('volume'), credentials });

  test('wrong access key', () => expectError(withKeys({ accessKeyId: 'nobody' }), 'StoreAccessDenied'));
  test('wrong secret key', () => expectError(withKeys({ secretAccessKey: 'nothing' }), 'StoreAccessDenied'));
  test('wrong password', () => expectError(withKeys({ password: 'guessed' }), 'RepositoryPassword'));
  test('missing bucket', async () => {
    const spec = backupSpec({ ...repository, bucket: 'no-such-bucket' });
    await expectError(withKeys({}, spec), 'StoreBucketMissing');
  });
  test('missing repository', async () => {
    const spec = backupSpec({ ...repository, prefix: 'else/kopia/where/' });
    await expectError(withKeys({}, spec), 'RepositoryMissing');
  });
  test('missing snapshot', async () => {
    const spec = restoreSpec(repository, '0123456789abcdef0123456789abcdef');
    await expectError(withKeys({}, spec), 'SnapshotMissing');
  });
  test('a file that kopia cannot take is named, and nothing broken-off stays', async () => {
    const folder = lab.folder('volume');
    writeFileSync(`${folder}/data.kopia-entry`, 'taken for a placeholder');
    chmodSync(folder, 0o755);
    const { message } = await expectError(start(folder), 'VolumeUnreadable');
    expect(message).toContain('data');
    expect(await readRunSnapshots(lab.access(repository), 'run-1')).toEqual([]);
  });
});
