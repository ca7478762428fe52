import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { TransferSummary, VolumeRef } from '../../contracts/activities.ts';
import type { DocRef } from '../../contracts/run.ts';
import { LIMITS } from '../../contracts/settings.ts';
import { long, short } from '../support/proxies.ts';
import { causeOf } from '../support/failures.ts';
import type { Cause } from '../support/failures.ts';
import { withSlot } from '../support/slots.ts';
import { Stages } from '../support/stages.ts';
import { failedOutcome, goodOutcome } from '../support/outcome.ts';

export interface RecoverInput extends VolumeRef {
  /** Mover slots of the cluster. */
  movers?: number;
}

/**
 * Fills one volume from the repository and hands it to its claim: written, released, handed over, in this order. The
 * run that started it cleans up, in any case.
 */
export async function recoverVolume(input: RecoverInput): Promise<DocRef> {
  const { movers = LIMITS.movers, ...volume } = input;
  const stages = new Stages(`volume ${volume.index}`);
  const startedAt = new Date().toISOString();
  let cause: Cause | undefined;
  let moved: TransferSummary | undefined;
  try {
    moved = await fill(volume, movers, stages);
  } catch (error) {
    if (isCancellation(error)) throw error;
    cause = causeOf(error);
    const reason = `${cause.code}: ${cause.message}`;
    await short.withholdClaim({ ...volume, reason });
  }
  const outcome = moved
    ? goodOutcome(volume.index, moved, startedAt, stages.times)
    : failedOutcome(volume.index, cause, 'recoverVolume', startedAt, stages.times);
  return await CancellationScope.nonCancellable(() => short.recordOutcome({ ...volume, outcome }));
}

async function fill(volume: VolumeRef, movers: number, stages: Stages): Promise<TransferSummary> {
  const queued = Date.now();
  const moved = await withSlot(volume.run.cluster, movers, async () => {
    stages.times['slot'] = Date.now() - queued;
    return await stages.run('transfer', () => long.transferDown(volume));
  });
  // A mover that has written everything takes nothing from those who wait for its slot.
  await stages.run('release', () => long.releaseVolume(volume));
  await stages.run('handOver', () => long.handOverVolume(volume));
  return moved;
}
