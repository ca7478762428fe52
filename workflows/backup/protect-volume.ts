import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { TransferSummary, VolumeRef } from '../../contracts/activities.ts';
import type { DocRef } from '../../contracts/run.ts';
import { LIMITS } from '../../contracts/settings.ts';
import type { VolumeCut } from '../../core/model.ts';
import { cleanup, long, short } from '../support/proxies.ts';
import { causeOf } from '../support/failures.ts';
import type { Cause } from '../support/failures.ts';
import { withSlot } from '../support/slots.ts';
import { Stages } from '../support/stages.ts';
import { failedOutcome, goodOutcome } from '../support/outcome.ts';

export interface ProtectInput extends VolumeRef {
  /** The storage snapshot; absent when it could not be made, and then `failure` says why. */
  cut?: VolumeCut;
  failure?: Cause;
  /** Mover slots of the cluster. */
  movers?: number;
}

/** Moves one volume's snapshot into the repository. A volume that fails is an outcome, not a failed workflow. */
export async function protectVolume(input: ProtectInput): Promise<DocRef> {
  const { cut, failure, movers = LIMITS.movers, ...volume } = input;
  const stages = new Stages(`volume ${volume.index}`);
  const startedAt = new Date().toISOString();
  let cause = failure;
  let moved: TransferSummary | undefined;
  if (cut) {
    try {
      moved = await moveData(volume, cut, movers, stages);
    } catch (error) {
      if (isCancellation(error)) throw error;
      cause = causeOf(error);
    } finally {
      await CancellationScope.nonCancellable(() =>
        stages.run('cleanUp', () => cleanup.cleanUpProtection({ ...volume, cut })),
      );
    }
  }
  const outcome = moved
    ? goodOutcome(volume.index, moved, startedAt, stages.times)
    : failedOutcome(volume.index, cause, 'protectVolume', startedAt, stages.times);
  return await short.recordOutcome({ ...volume, outcome });
}

async function moveData(
  volume: VolumeRef,
  cut: VolumeCut,
  movers: number,
  stages: Stages,
): Promise<TransferSummary> {
  await stages.run('handOver', () => long.handOverSnapshot({ ...volume, cut }));
  await stages.run('repository', () => long.ensureRepository(volume));
  const queued = Date.now();
  return await withSlot(volume.run.cluster, movers, async () => {
    stages.times['slot'] = Date.now() - queued;
    await stages.run('expose', () => short.exposeSnapshot({ ...volume, cut }));
    return await stages.run('transfer', () => long.transferUp(volume));
  });
}
