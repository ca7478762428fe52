import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { DocRef } from '../../contracts/run.ts';
import { causeOf } from '../support/failures.ts';
import { failedOutcome } from '../support/outcome.ts';
import { cleanup, long, short } from '../support/proxies.ts';
import { Stages } from '../support/stages.ts';
import type { ProtectInput } from './protect-volume.ts';

/** What becomes of the snapshots that stay in the storage, for the end of the run. */
export interface Keeping {
  /** Clean-ups that go on beside the run. */
  cleaning: Promise<void>[];
  /** Is there one that was kept? */
  kept: boolean;
}

/** Makes one snapshot a part of the backup. One that cannot be is removed, and is an outcome, not a failed run. */
export async function keepSnapshot(
  { run, context, volumes, index, cut, failure }: ProtectInput,
  keeping: Keeping,
): Promise<DocRef> {
  const volume = { run, context, volumes, index };
  const stages = new Stages(`volume ${index}`);
  const startedAt = new Date().toISOString();
  const cleanUp = () => cleanup.cleanUpProtection({ ...volume, ...(cut && { cut }) });
  try {
    if (!cut) throw failure;
    keeping.kept = true;
    return await stages.run('keep', () => long.keepSnapshot({ ...volume, cut }));
  } catch (error) {
    keeping.cleaning.push(CancellationScope.nonCancellable(cleanUp));
    if (isCancellation(error)) throw error;
    const cause = failure ?? causeOf(error);
    const outcome = failedOutcome(index, cause, 'keepSnapshot', startedAt, stages.times);
    return await CancellationScope.nonCancellable(() => short.recordOutcome({ ...volume, outcome }));
  }
}
