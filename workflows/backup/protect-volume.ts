import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { TransferSummary, VolumeRef } from '../../contracts/activities.ts';
import type { DocRef } from '../../contracts/run.ts';
import { LIMITS } from '../../contracts/settings.ts';
import type { VolumeCut } from '../../core/model.ts';
import { long, short } from '../support/proxies.ts';
import { causeOf } from '../support/failures.ts';
import type { Cause } from '../support/failures.ts';
import { settleAll, settleBoth } from '../support/pool.ts';
import { withSlot } from '../support/slots.ts';
import { Stages } from '../support/stages.ts';
import { failedOutcome, goodOutcome } from '../support/outcome.ts';

export interface ProtectInput extends VolumeRef {
  /** The storage snapshot; absent when it could not be made, and then `failure` says why. */
  cut?: VolumeCut;
  failure?: Cause;
  /** For a volume that is read through its pod, without a cut: pods with a failed hook, which are not backed up. */
  files?: { failedPods: string[] };
  /** Mover slots of the cluster. */
  movers?: number;
}

/**
 * Moves one volume's snapshot, or the files of a volume in use, into the repository. A volume that fails is an outcome, not a failed workflow. The run
 * that started it cleans up, in any case.
 */
export async function protectVolume(input: ProtectInput): Promise<DocRef> {
  const { cut, failure, files, movers = LIMITS.movers, ...volume } = input;
  const stages = new Stages(`volume ${volume.index}`);
  const startedAt = new Date().toISOString();
  let cause = failure;
  let moved: TransferSummary | undefined;
  try {
    if (cut) moved = await moveData(volume, cut, movers, stages);
    else if (files) moved = await readFiles({ ...volume, ...files }, movers, stages);
  } catch (error) {
    if (isCancellation(error)) throw error;
    cause = causeOf(error);
  }
  const outcome = moved
    ? goodOutcome(volume.index, moved, startedAt, stages.times)
    : failedOutcome(volume.index, cause, 'protectVolume', startedAt, stages.times);
  return await CancellationScope.nonCancellable(() => short.recordOutcome({ ...volume, outcome }));
}

async function moveData(
  volume: VolumeRef,
  cut: VolumeCut,
  movers: number,
  stages: Stages,
): Promise<TransferSummary> {
  await settleAll([
    stages.run('handOver', () => long.handOverSnapshot({ ...volume, cut })),
    stages.run('repository', () => long.prepareRepository(volume)),
  ]);
  const queued = Date.now();
  return await withSlot(volume.run.cluster, movers, async () => {
    stages.times['slot'] = Date.now() - queued;
    const transfer = stages.run('transfer', () => long.transferUp({ ...volume, cut }));
    return (await settleBoth(transfer, long.dropOriginal({ ...volume, cut })))[0];
  });
}

async function readFiles(
  { failedPods, ...volume }: VolumeRef & { failedPods: string[] },
  movers: number,
  stages: Stages,
): Promise<TransferSummary> {
  await settleAll([
    stages.run('accept', () => short.acceptPodVolume({ ...volume, failedPods })),
    stages.run('repository', () => long.prepareRepository(volume)),
  ]);
  const queued = Date.now();
  return await withSlot(volume.run.cluster, movers, async () => {
    stages.times['slot'] = Date.now() - queued;
    return await stages.run('transfer', () => long.transferPodVolume(volume));
  });
}
