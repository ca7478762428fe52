import type { StageTimes, TransferSummary } from '../../contracts/activities.ts';
import type { VolumeOutcome } from '../../core/model.ts';
import { problem } from '../../core/problems.ts';
import type { Cause } from './failures.ts';

export function goodOutcome(
  index: number,
  moved: TransferSummary,
  startedAt: string,
  stages: StageTimes,
): VolumeOutcome {
  return {
    index,
    ok: true,
    object: '',
    snapshotId: moved.snapshotId,
    bytes: moved.bytesTotal,
    bytesMoved: moved.bytesMoved,
    files: moved.files,
    startedAt,
    completedAt: new Date().toISOString(),
    stagesMs: { ...stages, ...prefixed(moved.stagesMs) },
    notKept: moved.notKept,
  };
}

export function failedOutcome(
  index: number,
  cause: Cause | undefined,
  step: string,
  startedAt: string,
  stages: StageTimes,
): VolumeOutcome {
  const { code, message, hint }: Cause = cause ?? { code: 'Internal', message: 'no cause was recorded' };
  return {
    index,
    ok: false,
    object: '',
    bytes: 0,
    bytesMoved: 0,
    files: 0,
    startedAt,
    completedAt: new Date().toISOString(),
    stagesMs: { ...stages },
    notKept: {},
    problem: { ...problem('error', step, code, message), ...(hint && { hint }) },
  };
}

const prefixed = (times: StageTimes): StageTimes =>
  Object.fromEntries(Object.entries(times).map(([stage, ms]) => [`mover.${stage}`, ms]));
