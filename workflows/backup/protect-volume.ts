import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { TransferSummary, VolumeRef } from '../../contracts/activities.ts';
import type { DocRef } from '../../contracts/run.ts';
import { LIMITS } from '../../contracts/settings.ts';
import type { VolumeCut } from '../../core/model.ts';
import { long, short } from '../support/proxies.ts';
import { causeOf } from '../support/failures.ts';
import type { Cause } from '../support/failures.ts';
import { settleAll } from '../support/pool.ts';
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
  /** The run has prepared the repository. */
  prepared?: boolean;
}

/**
 * Moves one volume's snapshot, or the files of a volume in use, into the repository. A volume that fails is an outcome,
 * not a failed workflow. The run that started it cleans up, in any case.
 */
export async function protectVolume(input: ProtectInput): Promise<DocRef> {
  const { cut, failure, files, movers = LIMITS.movers, prepared = false, ...volume } = input;
  const stages = new Stages(`volume ${volume.index}`);
  const moving = { volume, movers, prepared, stages };
  const startedAt = new Date().toISOString();
  let cause = failure;
  let moved: TransferSummary | undefined;
  try {
    if (cut) moved = await moveData(moving, cut);
    else if (files) moved = await readFiles(moving, files.failedPods);
  } catch (error) {
    if (isCancellation(error)) throw error;
    cause = causeOf(error);
  }
  const outcome = moved
    ? goodOutcome(volume.index, moved, startedAt, stages.times)
    : failedOutcome(volume.index, cause, 'protectVolume', startedAt, stages.times);
  const record = { ...volume, outcome };
  return await CancellationScope.nonCancellable(() =>
    moved ? long.recordOutcome({ ...record, sent: moved }) : short.recordOutcome(record),
  );
}

interface Moving {
  volume: VolumeRef;
  movers: number;
  prepared: boolean;
  stages: Stages;
}

const moveData = (moving: Moving, cut: VolumeCut): Promise<TransferSummary> =>
  inSlot(moving, {
    first: ({ volume, stages }) => stages.run('handOver', () => long.handOverSnapshot({ ...volume, cut })),
    transfer: ({ volume }) => long.transferUp({ ...volume, cut }),
  });

const readFiles = (moving: Moving, failedPods: string[]): Promise<TransferSummary> =>
  inSlot(moving, {
    first: ({ volume, stages }) =>
      stages.run('accept', () => short.acceptPodVolume({ ...volume, failedPods })),
    transfer: ({ volume }) => long.transferPodVolume(volume),
  });

interface Movement {
  /** What cannot wait for a slot. */
  first: (moving: Moving) => Promise<void>;
  transfer: (moving: Moving) => Promise<TransferSummary>;
}

async function inSlot(moving: Moving, { first, transfer }: Movement): Promise<TransferSummary> {
  const { volume, movers, prepared, stages } = moving;
  const prepare = () => stages.run('repository', () => long.prepareRepository(volume));
  await settleAll([first(moving), ...(prepared ? [] : [prepare()])]);
  const queued = Date.now();
  return await withSlot(volume.run.cluster, movers, async () => {
    stages.times['slot'] = Date.now() - queued;
    return await stages.run('transfer', () => transfer(moving));
  });
}
