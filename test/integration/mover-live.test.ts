import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MoverSpec, RepositorySpec } from '../../contracts/mover.ts';
import { readRunSnapshots } from '../../platform/kopia/repository.ts';
import { findKopia, startKopiaLab } from '../support/kopia-lab.ts';
import type { KopiaLab } from '../support/kopia-lab.ts';
import { backupSpec, restoreSpec, resultOf } from '../support/mover-specs.ts';
import { describeTree, fillRandom, makeTree } from '../support/tree.ts';

/** A volume that its pod goes on writing to while the mover reads it. */

let lab: KopiaLab;
let repository: RepositorySpec;

beforeAll(async () => {
  lab = await startKopiaLab();
  repository = await lab.createRepository();
});
afterAll(() => lab.close());

const SOURCE = 'default@default:snapshot-pod-volume/kopia/shop';
const liveSpec = (name: string, changes: Partial<MoverSpec> = {}) =>
  backupSpec(repository, { source: `${SOURCE}/${name}`, runUid: `run-${name}`, live: true, ...changes });

async function restored(snapshotId: string): Promise<string[]> {
  const target = lab.folder('target');
  const run = lab.startMover(restoreSpec(repository, snapshotId), { volume: target });
  await run.waitFor('result');
  run.signal('SIGTERM');
  await run.done;
  return describeTree(target);
}

test('a volume at rest comes back with all that it has, dot-ignored and cached files included', async () => {
  const folder = lab.folder('rest');
  makeTree(folder);
  const before = describeTree(folder);
  const result = await resultOf(lab.startMover(liveSpec('web/rest'), { volume: folder }));
  expect(result).toMatchObject({ files: 14, symlinks: 2, notKept: {} });
  expect(await restored(result.snapshotId)).toEqual(before);
});

test('files that come and go while it is read are no failure, and the others are whole', async () => {
  const folder = lab.folder('busy');
  mkdirSync(join(folder, 'kept'));
  fillRandom(join(folder, 'kept'), 6, 4_000_000);
  const before = describeTree(folder).filter((line) => line.includes('kept/'));
  const churn = join(folder, 'churn');
  let round = 0;
  const timer = setInterval(() => {
    rmSync(churn, { recursive: true, force: true });
    mkdirSync(churn);
    for (let file = 0; file < 50; file++) writeFileSync(join(churn, `${round}-${file}`), `${round}`);
    round++;
  }, 5);
  const run = lab.startMover(liveSpec('web/busy', { uploadLimit: 8_000_000 }), { volume: folder });
  const result = await resultOf(run).finally(() => clearInterval(timer));
  rmSync(churn, { recursive: true, force: true });
  expect(round).toBeGreaterThan(20);
  expect(before).toHaveLength(6);
  expect((await restored(result.snapshotId)).filter((line) => line.includes('kept/'))).toEqual(before);
});

test('an unchanged volume in use sends almost nothing', async () => {
  const folder = lab.folder('again');
  fillRandom(folder, 3, 3_000_000);
  await resultOf(lab.startMover(liveSpec('web/again'), { volume: folder }));
  const spec = liveSpec('web/again', { runUid: 'run-later' });
  const second = await resultOf(lab.startMover(spec, { volume: folder }));
  expect(second.bytesUploaded).toBeLessThan(50_000);
});

test('a later attempt takes no snapshot of another volume that has the same source', async () => {
  const [first, second] = [lab.folder('claim'), lab.folder('scratch')];
  fillRandom(first, 1, 1_000);
  fillRandom(second, 2, 1_000);
  const spec = (volume: string, attempt: number) =>
    liveSpec('web/twin', { attempt, tags: { volume, 'snapshot-uploader': 'kopia' } });
  const one = await resultOf(lab.startMover(spec('claim', 1), { volume: first }));
  const other = await resultOf(lab.startMover(spec('scratch', 2), { volume: second }));
  expect(other.snapshotId).not.toBe(one.snapshotId);
  expect(other.files).toBe(2);
  const again = await resultOf(lab.startMover(spec('claim', 2), { volume: first }));
  expect(again.snapshotId).toBe(one.snapshotId);
});

const hasStrace = spawnSync('strace', ['-V']).status === 0;

/** The real kopia, whose opening of one file fails. */
function failingKopia(file: string, error: string): Record<string, string> {
  const script = join(lab.folder('bin'), 'kopia');
  const strace = `strace -f -qq -o /dev/null -P '${file}' -e trace=openat -e inject=openat:error=${error}`;
  writeFileSync(script, `#!/bin/sh\nexec ${strace} ${findKopia()} "$@"\n`);
  chmodSync(script, 0o755);
  return { CARAVEL_MOVER_KOPIA: script };
}

describe.skipIf(!hasStrace)('a file that cannot be opened', () => {
  const volume = () => {
    const folder = lab.folder('volume');
    fillRandom(folder, 3, 10_000);
    writeFileSync(join(folder, 'odd'), 'here now');
    return folder;
  };

  test('because it is gone again: counted, and all others are in the snapshot', async () => {
    const folder = volume();
    const environment = failingKopia(join(folder, 'odd'), 'ENOENT');
    const run = lab.startMover(liveSpec('web/gone'), { volume: folder, environment });
    const result = await resultOf(run);
    expect(result).toMatchObject({ files: 3, notKept: { vanished: 1 } });
    unlinkSync(join(folder, 'odd'));
    const content = (lines: string[]) => lines.slice(1);
    expect(content(await restored(result.snapshotId))).toEqual(content(describeTree(folder)));
    const later = await resultOf(
      lab.startMover(liveSpec('web/gone', { attempt: 2 }), { volume: folder, environment }),
    );
    expect(later).toMatchObject({ snapshotId: result.snapshotId, notKept: { vanished: 1 } });
  });

  test('for any other reason: an error that names it, and no snapshot is left', async () => {
    const folder = volume();
    const environment = failingKopia(join(folder, 'odd'), 'EIO');
    const run = lab.startMover(liveSpec('web/broken'), { volume: folder, environment });
    const { last } = await run.done;
    expect(last).toMatchObject({ t: 'error', code: 'VolumeUnreadable', retryable: false });
    expect((last as { message: string }).message).toContain('odd');
    expect(await readRunSnapshots(lab.access(repository), 'run-web/broken')).toEqual([]);
  });

  test('in a volume that is a snapshot, where nothing can vanish: an error', async () => {
    const folder = volume();
    const environment = failingKopia(join(folder, 'odd'), 'ENOENT');
    const run = lab.startMover(liveSpec('web/still', { live: false }), { volume: folder, environment });
    expect((await run.done).last).toMatchObject({ t: 'error', code: 'VolumeUnreadable' });
  });
});
