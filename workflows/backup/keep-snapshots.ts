import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { DocRef } from '../../contracts/run.ts';
import type { VolumeCut } from '../../core/model.ts';
import type { Cleaning } from '../support/cleaning.ts';
import { causeOf } from '../support/failures.ts';
import { failedOutcome } from '../support/outcome.ts';
import { settleAll } from '../support/pool.ts';
import { cleanup, long, short } from '../support/proxies.ts';
import { Stages } from '../support/stages.ts';
import type { ProtectInput } from './protect-volume.ts';

/** What becomes of the snapshots that stay in the storage, for the end of the run. */
export interface Keeping {
  cleaning: Cleaning;
  /** Is there one that was kept? */
  kept: boolean;
}

/**
 * Makes snapshots a part of the backup, those of a group together. One that cannot be is removed, and is an outcome, not
 * a failed run.
 */
export async function keepSnapshots(inputs: readonly ProtectInput[], keeping: Keeping): Promise<DocRef[]> {
  const sets = new Map<string, ProtectInput[]>();
  for (const input of inputs) {
    const set = input.cut?.group ?? `alone ${input.index}`;
    sets.set(set, [...(sets.get(set) ?? []), input]);
  }
  return (await settleAll([...sets.values()].map((set) => keepSet(set, keeping)))).flat();
}

/** A single one, or the members of one group. */
async function keepSet(set: readonly ProtectInput[], keeping: Keeping): Promise<DocRef[]> {
  const stages = new Stages(`volumes ${set.map(({ index }) => index).join(', ')}`);
  const startedAt = new Date().toISOString();
  try {
    return await stages.run('keep', () => kept(set, keeping));
  } catch (error) {
    for (const input of set) keeping.cleaning.now(() => cleanup.cleanUpProtection(volumeOf(input)));
    if (isCancellation(error)) throw error;
    return await settleAll(
      set.map((input) => {
        const cause = input.failure ?? causeOf(error);
        const outcome = failedOutcome(input.index, cause, 'keepSnapshot', startedAt, stages.times);
        return CancellationScope.nonCancellable(() => short.recordOutcome({ ...volumeOf(input), outcome }));
      }),
    );
  }
}

async function kept(set: readonly ProtectInput[], keeping: Keeping): Promise<DocRef[]> {
  const [first] = set;
  const cuts = set.flatMap(({ cut }): VolumeCut[] => (cut ? [cut] : []));
  if (!first?.cut || cuts.length < set.length) throw first?.failure;
  const { run, context, volumes, index, cut } = first;
  keeping.kept = true;
  if (!cut.group) return [await long.keepSnapshot({ run, context, volumes, index, cut })];
  return await long.keepGroup({ run, context, volumes, members: set.map((each) => each.index), cuts });
}

const volumeOf = ({ run, context, volumes, index, cut }: ProtectInput) => ({
  run,
  context,
  volumes,
  index,
  ...(cut && { cut }),
});
