import { describe, expect, it } from 'vitest';
import type { TransferSummary } from '../../../../contracts/activities.ts';
import type { RunRef } from '../../../../contracts/run.ts';
import { failedOutcome, goodOutcome } from '../../../../workflows/support/outcome.ts';
import { rejected } from '../../../../workflows/support/result.ts';

const STARTED = '2026-01-02T03:04:05.678Z';
const moved: TransferSummary = {
  snapshotId: 'k1',
  bytesTotal: 100,
  bytesMoved: 10,
  files: 3,
  dirs: 1,
  symlinks: 0,
  notKept: { xattrs: 1 },
  stagesMs: { kopia: 5 },
};

describe('the outcome of a volume', () => {
  it('that was moved has its proof, and the times of all steps', () => {
    expect(goodOutcome(2, moved, STARTED, { slot: 1, transfer: 9 })).toEqual({
      index: 2,
      ok: true,
      object: '',
      snapshotId: 'k1',
      bytes: 100,
      bytesMoved: 10,
      files: 3,
      startedAt: STARTED,
      completedAt: expect.stringMatching(/Z$/),
      stagesMs: { slot: 1, transfer: 9, 'mover.kopia': 5 },
      notKept: { xattrs: 1 },
    });
  });

  it('that failed has its problem and nothing of a snapshot', () => {
    const cause = { code: 'MoverFailed' as const, message: 'kopia said no', hint: 'say yes' };
    const outcome = failedOutcome(2, cause, 'protectVolume', STARTED, { slot: 1 });
    expect(outcome).toMatchObject({ index: 2, ok: false, bytes: 0, files: 0, stagesMs: { slot: 1 } });
    expect(outcome).not.toHaveProperty('snapshotId');
    expect(outcome.problem).toMatchObject({ severity: 'error', step: 'protectVolume', ...cause });
  });

  it('that failed without a cause says at least that', () => {
    const { problem } = failedOutcome(0, undefined, 'recoverVolume', STARTED, {});
    expect(problem).toMatchObject({ code: 'Internal', message: 'no cause was recorded' });
  });
});

it('a run that is refused has all errors counted, and the first as its reason', () => {
  const run: RunRef = { type: 'backup', cluster: 'local', namespace: 'velero', name: 'b', uid: 'u' };
  const nothing = {
    name: 'b',
    uid: 'u',
    phase: 'FailedValidation',
    items: 0,
    volumes: 0,
    bytes: 0,
    warnings: 0,
  };
  expect(rejected(run, ['one', 'two'])).toEqual({ ...nothing, errors: 2, reason: 'one' });
  expect(rejected(run, [])).toEqual({ ...nothing, errors: 0 });
});
