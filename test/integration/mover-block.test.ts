import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, readFileSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MoverSpec, RepositorySpec } from '../../contracts/mover.ts';
import { startKopiaLab } from '../support/kopia-lab.ts';
import type { KopiaLab } from '../support/kopia-lab.ts';
import { backupSpec, restoreSpec, resultOf } from '../support/mover-specs.ts';

let lab: KopiaLab;
let repository: RepositorySpec;
const loops: string[] = [];

beforeAll(async () => {
  lab = await startKopiaLab();
  repository = await lab.createRepository();
});
afterAll(async () => {
  for (const loop of loops) execFileSync('losetup', ['-d', loop]);
  await lab.close();
});

const MB = 1024 * 1024;
const SIZE = 96 * MB;

/** A file that stands for a device: data, a hole, data, and an odd end. */
function image(size = SIZE): string {
  const path = join(lab.folder('device'), 'image');
  const fd = openSync(path, 'w');
  writeSync(fd, randomBytes(30 * MB), 0, 30 * MB, 0);
  writeSync(fd, randomBytes(10 * MB), 0, 10 * MB, 60 * MB);
  ftruncateSync(fd, size);
  closeSync(fd);
  return path;
}

/** A device that was used before: nothing on it may shine through. */
function used(size = SIZE): string {
  const path = join(lab.folder('device'), 'image');
  const fd = openSync(path, 'w');
  writeSync(fd, randomBytes(SIZE), 0, SIZE, 0);
  ftruncateSync(fd, size);
  closeSync(fd);
  return path;
}

function loop(path: string): string {
  const device = execFileSync('losetup', ['--find', '--show', path]).toString().trim();
  loops.push(device);
  return device;
}

const source = (claim: string) => `default@default:snapshot-data-upload-download/kopia/shop/${claim}`;
const block = (claim: string): Partial<MoverSpec> => ({
  volumeMode: 'Block',
  blockEntry: '/du-1234',
  source: source(claim),
});
const digest = (path: string, size = SIZE) =>
  createHash('sha256').update(readFileSync(path).subarray(0, size)).digest('hex');

const backUp = (volume: string, claim: string, changes: Partial<MoverSpec> = {}) =>
  resultOf(lab.startMover(backupSpec(repository, { ...block(claim), ...changes }), { volume }));

const restoreTo = (volume: string, claim: string, snapshotId: string, changes: Partial<MoverSpec> = {}) =>
  lab.startMover(restoreSpec(repository, snapshotId, { ...block(claim), ...changes }), { volume });

describe('block volumes', () => {
  test('a round trip over real devices is identical, whatever the target held', async () => {
    const [from, to] = [image(), used()];
    const result = await backUp(loop(from), 'loop');
    expect(result).toMatchObject({ bytesTotal: SIZE, files: 1, dirs: 1 });
    expect(result.bytesUploaded).toBeLessThan(60 * MB);
    const run = restoreTo(loop(to), 'loop', result.snapshotId);
    await run.waitFor('result');
    run.signal('SIGTERM');
    expect((await run.done).code).toBe(0);
    expect(digest(to)).toBe(digest(from));
    expect(run.events.findLast(({ t }) => t === 'progress')).toMatchObject({
      bytesDone: SIZE,
      bytesTotal: SIZE,
    });
  });

  test('an unchanged device sends almost nothing; a larger target is fine, a smaller one is refused', async () => {
    const from = image(SIZE - 1_234_567);
    const size = statSync(from).size;
    const first = await backUp(from, 'file');
    const second = await backUp(from, 'file', { runUid: 'run-2' });
    expect(second.bytesUploaded).toBeLessThan(MB);
    const larger = used(SIZE + 5 * MB);
    const run = restoreTo(larger, 'file', first.snapshotId);
    await run.waitFor('result');
    run.signal('SIGTERM');
    expect(digest(larger, size)).toBe(digest(from, size));
    const smaller = used();
    truncateSync(smaller, size - 1);
    const refused = await restoreTo(smaller, 'file', first.snapshotId).done;
    expect(refused.last).toMatchObject({
      t: 'error',
      retryable: false,
      message: expect.stringMatching(/needs/),
    });
  });

  test('a kopia that is killed in a restore is replaced, and written ranges are not read again', async () => {
    const from = image();
    const { snapshotId } = await backUp(from, 'killed');
    lab.gate.limit(12 * MB);
    const to = used();
    const run = restoreTo(to, 'killed', snapshotId, { parallel: 2 });
    while (!run.events.some((event) => event.t === 'progress' && event.bytesDone > 20 * MB)) await delay(20);
    for (const pid of run.kopias()) process.kill(pid, 'SIGKILL');
    await run.waitFor('result');
    lab.gate.limit(0);
    run.signal('SIGTERM');
    expect(run.text()).toMatch(/SIGKILL; trying again/);
    expect(digest(to)).toBe(digest(from));
  });

  test('a snapshot of files cannot be written to a device', async () => {
    const folder = lab.folder('files');
    const { snapshotId } = await resultOf(lab.startMover(backupSpec(repository), { volume: folder }));
    const { last } = await restoreTo(used(), 'data', snapshotId).done;
    expect(last).toMatchObject({ t: 'error', code: 'SnapshotMissing', retryable: false });
  });

  test('SIGTERM during a backup ends it with an error that can be retried', async () => {
    const from = image();
    lab.gate.limit(8 * MB);
    const run = lab.startMover(backupSpec(repository, block('stopped')), { volume: from });
    while (!run.events.some((event) => event.t === 'progress' && event.bytesDone > 20 * MB)) await delay(20);
    run.signal('SIGTERM');
    const { code, last } = await run.done;
    lab.gate.limit(0);
    expect(code).toBe(1);
    expect(last).toMatchObject({ code: 'MoverLost', retryable: true });
    const result = await backUp(from, 'stopped', { attempt: 2 });
    expect(result.bytesTotal).toBe(SIZE);
  });
});
