import {
  CancellationScope,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type {
  Counted,
  DoorInput,
  GroupRef,
  PlannedGroup,
  RunContextRef,
  VolumeRef,
} from '../../contracts/activities.ts';
import { validName, volumeWorkflowId } from '../../contracts/ids.ts';
import type { DocRef, RunRef, RunResult } from '../../contracts/run.ts';
import { LIMITS } from '../../contracts/settings.ts';
import { cleanup, long, short, urgent } from '../support/proxies.ts';
import { Cleaning } from '../support/cleaning.ts';
import { causeOf } from '../support/failures.ts';
import { Locks } from '../support/locks.ts';
import { inPool, range, settleAll, settleBoth } from '../support/pool.ts';
import { rejected } from '../support/result.ts';
import { Stages } from '../support/stages.ts';
import { Turns } from '../support/turns.ts';
import { keepSnapshots } from './keep-snapshots.ts';
import type { Keeping } from './keep-snapshots.ts';
import { protectVolume } from './protect-volume.ts';
import type { ProtectInput } from './protect-volume.ts';
import { quiesced } from './quiesce.ts';

/** Backs up what a Backup resource says. Any door may start it; the one run lives under its canonical workflow id. */
export async function backup(input: DoorInput): Promise<RunResult> {
  const opened = await short.openDoor({ type: 'backup', input });
  if (opened.workflowId !== workflowInfo().workflowId) return await long.followRun(opened);
  // The controller tells by it whether this run is of the resource that it sees.
  upsertMemo({ uid: opened.run.uid });
  return await runBackup(opened.run);
}

async function runBackup(run: RunRef): Promise<RunResult> {
  const stages = new Stages(`Backup ${run.name}`);
  const cleaning = new Cleaning();
  const keeping: Keeping = { cleaning, kept: false };
  let context: DocRef | undefined;
  let unfinished = true;
  try {
    const adopted = await stages.run('adopt', () => short.adoptBackup(run));
    if (adopted.state === 'ended') return adopted.result;
    if (adopted.state === 'rejected') return rejected(run, adopted.errors);
    context = adopted.context;
    const result = await protectAll({ run, context, movers: adopted.movers, cleaning, keeping }, stages);
    unfinished = result.phase !== 'Completed';
    return result;
  } catch (error) {
    const { message: reason, ...cause } = causeOf(error);
    const phase = isCancellation(error) ? 'Canceled' : 'Failed';
    return await CancellationScope.nonCancellable(() =>
      cleanup.endRun({ run, phase, ...cause, reason, stages: stages.times }),
    );
  } finally {
    await cleaning.finish();
    if (context && keeping.kept) await settle({ run, context });
    const scratch = { run, ...(context && { context }), ...(unfinished && { unfinished }) };
    await CancellationScope.nonCancellable(() => cleanup.removeScratch(scratch));
  }
}

/** What is not settled here is left to collectGarbage. */
const settle = (ref: RunContextRef): Promise<void> =>
  CancellationScope.nonCancellable(() => cleanup.settleKept(ref)).catch(() => undefined);

/** A run that has begun. */
interface Running extends RunContextRef {
  /** Mover slots of the cluster. */
  movers: number;
  cleaning: Cleaning;
  keeping: Keeping;
}

async function protectAll(running: Running, stages: Stages): Promise<RunResult> {
  const { movers: _movers, cleaning: _cleaning, keeping: _keeping, ...ref } = running;
  const { plan, shards } = await stages.run('plan', () => long.planBackup(ref));
  const exported = await stages.run('exportResources', () =>
    inPool(range(shards), LIMITS.exportShards, (shard) => long.exportShard({ ...ref, plan, shard })),
  );
  const docs = exported.map((shard) => shard.doc);
  const related = await stages.run('exportRelated', () => long.exportRelated({ ...ref, plan, shards: docs }));
  const all = [...exported, related];
  const items = sum(all);
  const planned = await stages.run('planVolumes', () => long.planVolumes({ ...ref, shards: all.map(docOf) }));
  const phase = 'WaitingForPluginOperations';
  const reported = planned.count > 0 && report(ref.run, phase, items, items - planned.count);
  const prepared = planned.count > 0 ? preparing(ref, planned.volumes) : () => false;
  const limits = { turns: new Turns(LIMITS.quiescedGroups), locks: new Locks(ref.run.cluster) };
  const protecting = { ...running, ...planned, prepared, ...limits };
  const protect = () => planned.groups.map((group) => protectGroup(protecting, group));
  const [done] = await stages.run('protectVolumes', () =>
    settleBoth(settleAll(protect()), Promise.resolve(reported)),
  );
  const hooks = done.flatMap((group) => group.hooks ?? []);
  const assembled = await stages.run('assemble', () =>
    long.assembleBackup({
      ...ref,
      plan,
      shards: all.map(docOf),
      volumes: planned.volumes,
      outcomes: done.flatMap((group) => group.outcomes),
      ...(hooks.length > 0 && { hooks }),
      stages: stages.times,
    }),
  );
  // A cancellation waits for its end, too: what becomes of kept snapshots depends on whether the backup exists.
  return await stages.run('seal', () => long.sealBackup({ ...ref, ...assembled, stages: stages.times }));
}

/** Readies the repositories while the volumes are cut. A volume that is faster than that, or than its failure, asks again. */
function preparing(ref: RunContextRef, volumes: DocRef): () => boolean {
  let done = false;
  long.prepareRepositories({ ...ref, volumes }).then(
    () => (done = true),
    () => undefined,
  );
  return () => done;
}

interface Protecting extends Running {
  volumes: DocRef;
  hooks?: DocRef;
  prepared: () => boolean;
  turns: Turns;
  locks: Locks;
}

interface Protected {
  outcomes: DocRef[];
  /** What came of the hooks, when the group has any. */
  hooks?: DocRef;
}

/** Snapshots that the storage made together go together, when the last of them is carried away. */
async function protectGroup(protecting: Protecting, group: PlannedGroup): Promise<Protected> {
  const { run, context, volumes, cleaning } = protecting;
  try {
    return await protectMembers(protecting, group);
  } finally {
    for (const members of group.together ?? []) {
      cleaning.later(() => cleanup.cleanUpGroup({ run, context, volumes, members }));
    }
  }
}

/**
 * Every volume of a group is cut at the same moment; moving the data is each volume's own affair. What is read through
 * pods is read while they are quiesced.
 */
async function protectMembers(protecting: Protecting, group: PlannedGroup): Promise<Protected> {
  const { run, context, movers, cleaning, keeping, volumes, hooks, prepared } = protecting;
  const refs = (members: number[]) => members.map((index): VolumeRef => ({ run, context, volumes, index }));
  const cut = (steps: typeof long) => cutAll({ run, context, volumes }, group, steps);
  const carry = async (cuts: Attempt[]) => {
    const sound = soundOf(cuts, cleaning);
    const kept = sound.filter(({ index }) => group.kept.includes(index));
    const moved = sound.filter(({ index }) => !group.kept.includes(index));
    const carried = moved.map((each) => carryAway({ ...each, movers, prepared: prepared() }, cleaning));
    return (await settleBoth(settleAll(carried), keepSnapshots(kept, keeping))).flat();
  };
  const read = (failedPods: string[]) =>
    settleAll(
      refs(group.files).map((volume) =>
        carryAway({ ...volume, movers, prepared: prepared(), files: { failedPods } }, cleaning),
      ),
    );
  if (!hooks || !group.hooks) {
    return { outcomes: (await settleBoth(cut(long).then(carry), read([]))).flat() };
  }
  const { turns, locks } = protecting;
  const quiet = { run, context, hooks, group: group.id, window: group.hooks, turns, locks };
  const early: Promise<DocRef[]>[] = [];
  try {
    const { done, report } = await quiesced(quiet, (failedPods) => {
      const cuts = cut(urgent);
      // Reading takes long, and no cut waits for it. Else nothing is undone before the application is released.
      if (group.files.length > 0) early.push(handled(cuts.then(carry)));
      return settleBoth(cuts, read(failedPods));
    });
    const [cuts, files] = done;
    const [carried, hookReport] = await settleBoth(early[0] ?? carry(cuts), report);
    return { outcomes: [...carried, ...files], hooks: hookReport };
  } finally {
    await Promise.allSettled(early);
  }
}

/** Its failure is met later, and no stray one until then. */
function handled<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  return work;
}

/** Sets of volumes that the storage cuts at one moment, and the others one by one. */
async function cutAll(
  ref: Omit<GroupRef, 'members'>,
  group: PlannedGroup,
  steps: typeof long,
): Promise<Attempt[]> {
  const { volumes, kept, together = [] } = group;
  const inGroups = new Set(together.flat());
  const alone = [...volumes, ...kept].filter((index) => !inGroups.has(index));
  const [single, grouped] = await settleBoth(
    settleAll(alone.map((index) => tryCut({ ...ref, index }, steps))),
    settleAll(together.map((members) => tryCutGroup({ ...ref, members }, steps))),
  );
  return [...single, ...grouped.flat()];
}

async function tryCutGroup({ members, ...ref }: GroupRef, steps: typeof long): Promise<Attempt[]> {
  const volumes = members.map((index): VolumeRef => ({ ...ref, index }));
  try {
    const cuts = await steps.cutGroup({ ...ref, members });
    return volumes.map((volume, at) => ({ volume: { ...volume, ...(cuts[at] && { cut: cuts[at] }) } }));
  } catch (error) {
    return volumes.map((volume) => ({ volume, error }));
  }
}

interface Attempt {
  volume: ProtectInput;
  /** Why there is no cut. */
  error?: unknown;
}

async function tryCut(volume: VolumeRef, steps: typeof long): Promise<Attempt> {
  try {
    return { volume: { ...volume, cut: await steps.cutVolume(volume) } };
  } catch (error) {
    return { volume, error };
  }
}

/** Each volume with its cut, or with the reason why there is none. Those of a cancelled run are removed at once. */
function soundOf(cuts: readonly Attempt[], cleaning: Cleaning): ProtectInput[] {
  const cancelled = cuts.find(({ volume, error }) => !volume.cut && isCancellation(error));
  if (!cancelled)
    return cuts.map(({ volume, error }) => (volume.cut ? volume : { ...volume, failure: causeOf(error) }));
  for (const { volume } of cuts) cleaning.now(() => cleanup.cleanUpProtection(volume));
  throw cancelled.error;
}

async function carryAway(input: ProtectInput, cleaning: Cleaning): Promise<DocRef> {
  const { run, context, volumes, index, cut } = input;
  const volume = { run, context, volumes, index };
  try {
    return await executeChild(protectVolume, {
      workflowId: volumeWorkflowId(run, index),
      args: [input],
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `volume ${index} of ${validName(run.name, 60)}`,
    });
  } finally {
    cleaning.later(() => cleanup.cleanUpProtection({ ...volume, ...(cut && { cut }) }));
  }
}

const report = (run: RunRef, phase: string, totalItems: number, itemsDone: number) =>
  short.reportStage({ run, phase, totalItems, itemsDone });

const docOf = (counted: Counted) => counted.doc;
const sum = (parts: Counted[]) => parts.reduce((total, part) => total + part.items, 0);
