import { describe, expect, test } from 'vitest';
import type { MoverEvent, MoverSpec } from '../../../contracts/mover.ts';
import { CaravelError } from '../../../core/errors/catalog.ts';
import { DownloadMeter } from '../../../mover/download-meter.ts';
import { lastWord } from '../../../mover/events.ts';
import { readInputs } from '../../../mover/inputs.ts';
import { Liveness, stallTime } from '../../../mover/liveness.ts';
import { UploadMeter } from '../../../mover/meter.ts';
import { judge } from '../../../mover/persist.ts';
import type { Persistence } from '../../../mover/persist.ts';
import { checkSent, compare } from '../../../mover/proof.ts';
import { prove } from '../../../platform/kopia/facts.ts';
import { cutRanges } from '../../../mover/ranges.ts';
import { emptyScan } from '../../../mover/scan.ts';
import { zeroCounters } from '../../../platform/kopia/metrics.ts';
import type { SnapshotManifest } from '../../../platform/kopia/output.ts';

const collect = () => {
  const events: MoverEvent[] = [];
  return { events, emit: (event: MoverEvent) => void events.push(event) };
};

describe('retries', () => {
  const state = (): Persistence => ({ failures: 0, outages: 0, lastProgress: 0 });
  const outage = new CaravelError('StoreUnavailable', 'away');
  const killed = new CaravelError('MoverLost', 'killed');

  test('what waiting cannot mend is not tried again', () => {
    expect(judge(new CaravelError('RepositoryPassword', ''), true, 0, state())).toEqual({ retry: false });
  });
  test('an outage is waited out for ten minutes after the last progress, with growing pauses', () => {
    const run = state();
    const pauses = [1, 2, 3, 4, 5, 6].map((now) => judge(outage, false, now, run));
    expect(pauses.map((verdict) => (verdict.retry ? verdict.pause : 0))).toEqual([
      500, 1_000, 2_000, 4_000, 8_000, 10_000,
    ]);
    expect(judge(outage, false, 600_000, run)).toEqual({ retry: false });
    expect(judge(outage, true, 700_000, run)).toEqual({ retry: true, pause: 500 });
  });
  test('a kill is tried three times, and only when something was moved', () => {
    expect(judge(killed, false, 0, state())).toEqual({ retry: false });
    const run = state();
    expect([0, 1, 2].map((now) => judge(killed, true, now, run).retry)).toEqual([true, true, false]);
  });
});

describe('upload progress', () => {
  test('joins both accounts, never goes back, and adds up over processes', () => {
    const { events, emit } = collect();
    const meter = new UploadMeter(emit, () => 1_000);
    const line = {
      hashedFiles: 1,
      hashedBytes: 300,
      cachedFiles: 2,
      cachedBytes: 100,
      uploadedBytes: 0,
      errors: 0,
    };
    meter.begin();
    meter.take({ ...zeroCounters(), writtenBytes: 400, knownBytes: 100, hashedBytes: 400, flushes: 1 }, line);
    meter.begin();
    meter.take({ ...zeroCounters(), writtenBytes: 50, hashedBytes: 50 }, undefined);
    meter.take({ ...zeroCounters(), writtenBytes: 5_000, hashedBytes: 5_000 }, line);
    expect(events).toEqual([
      { t: 'progress', bytesDone: 500, bytesTotal: 1_000, filesDone: 3 },
      { t: 'checkpoint', bytesDone: 500 },
      { t: 'progress', bytesDone: 1_000, bytesTotal: 1_000, filesDone: 3 },
    ]);
    expect(meter.newBytes).toBe(5_300);
    expect(meter.moved).toBe(5_400);
  });
  test('without a count of the volume, the estimate is the total', () => {
    const { events, emit } = collect();
    const line = {
      hashedFiles: 0,
      hashedBytes: 5,
      cachedFiles: 0,
      cachedBytes: 0,
      uploadedBytes: 0,
      errors: 0,
    };
    new UploadMeter(emit, () => undefined).take(zeroCounters(), { ...line, estimatedBytes: 70 });
    expect(events).toEqual([{ t: 'progress', bytesDone: 5, bytesTotal: 70, filesDone: 0 }]);
  });
});

test('download progress ends at the exact size', () => {
  const { events, emit } = collect();
  const meter = new DownloadMeter(emit);
  meter.expect({ size: 1_049 });
  meter.take({ ...zeroCounters(), downloadedBytes: 9 }, { done: 2, bytes: 1_100 });
  meter.finish(1_049, 3);
  expect(events).toEqual([
    { t: 'progress', bytesDone: 1_049, bytesTotal: 1_049, filesDone: 2 },
    { t: 'progress', bytesDone: 1_049, bytesTotal: 1_049, filesDone: 3 },
  ]);
});

describe('a process is alive', () => {
  test('while its counters or its connections move, reports to us not counted', () => {
    let io = 0;
    const liveness = new Liveness(1, 1_000, () => io);
    liveness.look('a', 0, 0);
    io = 30_000;
    expect(liveness.look('a', 30_000, 500)).toBe(500);
    io = 200_000;
    expect(liveness.look('a', 60_000, 900)).toBe(0);
    expect(liveness.look('a', 60_000, 1_500)).toBe(600);
    expect(liveness.look('b', 60_000, 1_600)).toBe(0);
    expect(liveness.isDead(liveness.look('b', 60_000, 2_600))).toBe(true);
  });
  test('a limit of speed makes it silent for longer', () => {
    const limits = { uploadLimit: 100_000, downloadLimit: 0 };
    expect(stallTime(180_000, limits, false)).toBe(600_000);
    expect(stallTime(180_000, limits, true)).toBe(180_000);
  });
});

test('ranges cover a device exactly once', () => {
  for (const size of [1, 4_096, 96 * 1024 * 1024 - 7, 3_000_000_000, 10 * 1024 ** 4]) {
    const ranges = cutRanges(size);
    expect(ranges[0]?.start).toBe(0);
    expect(ranges.at(-1)?.end).toBe(size);
    expect(ranges.every(({ start }, index) => index === 0 || ranges[index - 1]?.end === start)).toBe(true);
  }
  expect(cutRanges(0)).toEqual([]);
});

describe('last words', () => {
  test('fit the termination log and stay JSON', () => {
    const event = {
      t: 'error',
      code: 'MoverFailed',
      message: '"ü\n'.repeat(3_000),
      retryable: true,
    } as const;
    const text = lastWord(event);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4_096);
    expect(JSON.parse(text)).toMatchObject({ code: 'MoverFailed', retryable: true });
  });
});

describe('proof', () => {
  const summary = { size: 5, files: 2, dirs: 1, symlinks: 1, maxTime: '', numFailed: 0 };
  const manifest = (changes: Partial<SnapshotManifest> = {}): SnapshotManifest => ({
    id: 'a1',
    source: { userName: 'u', host: 'h', path: 'p' },
    ...{ startTime: '', endTime: '' },
    rootEntry: { name: 'v', obj: 'k1', summ: summary },
    ...changes,
  });
  const spec = { source: 'u@h:p' } as MoverSpec;
  const codeOf = (work: () => unknown) => {
    try {
      work();
      return '';
    } catch (error) {
      return (error as CaravelError).code;
    }
  };

  test('accepts only what is stored whole and as it was sent', () => {
    const proven = (stored: SnapshotManifest) => codeOf(() => prove(stored, { ...summary, root: 'k1' }));
    const withRoot = (obj: string, summ: typeof summary) => manifest({ rootEntry: { name: 'v', obj, summ } });
    expect(proven(manifest())).toBe('');
    expect(proven(manifest({ incomplete: 'canceled' }))).toBe('SnapshotMissing');
    expect(proven(withRoot('k1', { ...summary, files: 1 }))).toBe('RepositoryCorrupt');
    expect(proven(withRoot('k2', summary))).toBe('RepositoryCorrupt');
  });

  test('begins with what kopia says that it has sent', () => {
    const checked = (sent: SnapshotManifest) => codeOf(() => checkSent(sent, spec));
    expect(checked(manifest())).toBe('');
    expect(checked(manifest({ incomplete: 'canceled' }))).toBe('SnapshotMissing');
    expect(checked(manifest({ source: { userName: 'u', host: 'h', path: 'q' } }))).toBe('Internal');
    expect(checked(manifest({ stats: { excludedDirCount: 1 } }))).toBe('MoverFailed');
    expect(checked(manifest({ stats: { errorCount: 1 } }))).toBe('VolumeUnreadable');
  });

  test('a file that is in the volume but not in the snapshot is an error', () => {
    const { events, emit } = collect();
    const scan = { ...emptyScan(), files: 2, symlinks: 1, dirs: 1 };
    expect(() => compare({ emit }, summary, scan)).not.toThrow();
    expect(() => compare({ emit }, summary, { ...scan, files: 3 })).toThrow(/the volume has 4/);
    expect(() => compare({ emit }, summary, { ...scan, dirs: 2 })).toThrow();
    // Two names of a socket: one may be missing, with a word about it.
    expect(() => compare({ emit }, summary, { ...scan, hardLinks: 1 })).not.toThrow();
    expect(events).toHaveLength(1);
  });
});

test('inputs: every fault of a spec is named at once', () => {
  const read = (spec: unknown) => () => readInputs({ CARAVEL_MOVER_SPEC: JSON.stringify(spec) });
  expect(() => readInputs({})).toThrow(/CARAVEL_MOVER_SPEC/);
  expect(() => readInputs({ CARAVEL_MOVER_SPEC: '{' })).toThrow(/no JSON/);
  expect(read({ version: 2 })).toThrow(/version.*direction.*volumeMode.*runUid.*repository.*source/);
  expect(read({ version: 1, direction: 'restore', restore: { snapshotId: '../x' } })).toThrow(/no id/);
});
