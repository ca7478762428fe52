import {
  CancellationScope,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { Counted, DoorInput, RunContextRef, VolumeRef } from '../../contracts/activities.ts';
import { validName, volumeWorkflowId } from '../../contracts/ids.ts';
import type { DocRef, RunRef, RunResult } from '../../contracts/run.ts';
import { LIMITS } from '../../contracts/settings.ts';
import { cleanup, long, short } from '../support/proxies.ts';
import { causeOf } from '../support/failures.ts';
import { inPool, range, settleAll } from '../support/pool.ts';
import { rejected } from '../support/result.ts';
import { Stages } from '../support/stages.ts';
import { protectVolume } from './protect-volume.ts';
import type { ProtectInput } from './protect-volume.ts';

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
  let context: DocRef | undefined;
  try {
    const adopted = await stages.run('adopt', () => short.adoptBackup(run));
    if (adopted.state === 'ended') return adopted.result;
    if (adopted.state === 'rejected') return rejected(run, adopted.errors);
    context = adopted.context;
    return await protectAll({ run, context, movers: adopted.movers }, stages);
  } catch (error) {
    const cause = causeOf(error);
    const phase = isCancellation(error) ? 'Canceled' : 'Failed';
    return await CancellationScope.nonCancellable(() =>
      cleanup.endRun({ run, phase, code: cause.code, reason: cause.message, stages: stages.times }),
    );
  } finally {
    const scratch = { run, ...(context && { context }) };
    await CancellationScope.nonCancellable(() => cleanup.removeScratch(scratch));
  }
}

/** A run that has begun. */
interface Running extends RunContextRef {
  /** Mover slots of the cluster. */
  movers: number;
}

async function protectAll({ movers, ...ref }: Running, stages: Stages): Promise<RunResult> {
  const { plan, shards } = await stages.run('plan', () => long.planBackup(ref));
  const exported = await stages.run('exportResources', () =>
    inPool(range(shards), LIMITS.exportShards, (shard) => long.exportShard({ ...ref, plan, shard })),
  );
  const docs = exported.map((shard) => shard.doc);
  const related = await stages.run('exportRelated', () => long.exportRelated({ ...ref, plan, shards: docs }));
  const all = [...exported, related];
  const items = sum(all);
  const planned = await stages.run('planVolumes', () => long.planVolumes({ ...ref, shards: all.map(docOf) }));
  if (planned.count > 0) await report(ref.run, 'WaitingForPluginOperations', items, items - planned.count);
  const outcomes = await stages.run('protectVolumes', () =>
    settleAll(
      planned.groups.map((group) => protectGroup({ ...ref, movers }, planned.volumes, group.volumes)),
    ),
  );
  const assembled = await stages.run('assemble', () =>
    long.assembleBackup({
      ...ref,
      plan,
      shards: all.map(docOf),
      volumes: planned.volumes,
      outcomes: outcomes.flat(),
      stages: stages.times,
    }),
  );
  return await stages.run('seal', () => short.sealBackup({ ...ref, ...assembled, stages: stages.times }));
}

/** Every volume of a group is cut at the same moment; moving the data is each volume's own affair. */
async function protectGroup(
  { movers, ...ref }: Running,
  volumes: DocRef,
  members: number[],
): Promise<DocRef[]> {
  // Pre-hooks belong here, and post-hooks behind the cuts.
  const cuts = await settleAll(members.map((index) => cutOne({ ...ref, volumes, index })));
  return await settleAll(cuts.map((cut) => carryAway({ ...cut, movers })));
}

async function cutOne(volume: VolumeRef): Promise<ProtectInput> {
  try {
    return { ...volume, cut: await long.cutVolume(volume) };
  } catch (error) {
    await CancellationScope.nonCancellable(() => cleanup.cleanUpProtection(volume));
    if (isCancellation(error)) throw error;
    return { ...volume, failure: causeOf(error) };
  }
}

async function carryAway(input: ProtectInput): Promise<DocRef> {
  const { run, index } = input;
  try {
    return await executeChild(protectVolume, {
      workflowId: volumeWorkflowId(run, index),
      args: [input],
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `volume ${index} of ${validName(run.name, 60)}`,
    });
  } catch (error) {
    // The child cleans up after itself; this is for one that never began.
    const { cut, failure: _failure, movers: _movers, ...volume } = input;
    await CancellationScope.nonCancellable(() =>
      cleanup.cleanUpProtection({ ...volume, ...(cut && { cut }) }),
    );
    throw error;
  }
}

const report = (run: RunRef, phase: string, totalItems: number, itemsDone: number) =>
  short.reportStage({ run, phase, totalItems, itemsDone });

const docOf = (counted: Counted) => counted.doc;
const sum = (parts: Counted[]) => parts.reduce((total, part) => total + part.items, 0);
