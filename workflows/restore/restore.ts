import {
  CancellationScope,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { Counted, DoorInput, RunContextRef } from '../../contracts/activities.ts';
import { validName, volumeWorkflowId } from '../../contracts/ids.ts';
import type { DocRef, RunRef, RunResult } from '../../contracts/run.ts';
import { LIMITS } from '../../contracts/settings.ts';
import { rejected } from '../support/result.ts';
import { cleanup, long, short } from '../support/proxies.ts';
import { causeOf } from '../support/failures.ts';
import { inPool, range, settleAll, settleBoth } from '../support/pool.ts';
import { Stages } from '../support/stages.ts';
import { recoverVolume } from './recover-volume.ts';

/** Restores what a Restore resource says. Any door may start it; the one run lives under its canonical workflow id. */
export async function restore(input: DoorInput): Promise<RunResult> {
  const opened = await short.openDoor({ type: 'restore', input });
  if (opened.workflowId !== workflowInfo().workflowId) return await long.followRun(opened);
  // The controller tells by it whether this run is of the resource that it sees.
  upsertMemo({ uid: opened.run.uid });
  return await runRestore(opened.run);
}

async function runRestore(run: RunRef): Promise<RunResult> {
  const stages = new Stages(`Restore ${run.name}`);
  const cleaning: Promise<void>[] = [];
  let context: DocRef | undefined;
  let unfinished = true;
  try {
    const adopted = await stages.run('adopt', () => short.adoptRestore(run));
    if (adopted.state === 'ended') return adopted.result;
    if (adopted.state === 'rejected') return rejected(run, adopted.errors);
    context = adopted.context;
    const result = await restoreAll({ run, context, movers: adopted.movers, cleaning }, stages);
    unfinished = result.phase !== 'Completed';
    return result;
  } catch (error) {
    const { message: reason, ...cause } = causeOf(error);
    const phase = isCancellation(error) ? 'Canceled' : 'Failed';
    return await CancellationScope.nonCancellable(() =>
      cleanup.endRun({ run, phase, ...cause, reason, stages: stages.times }),
    );
  } finally {
    await Promise.allSettled(cleaning);
    const scratch = { run, ...(context && { context }), ...(unfinished && { unfinished }) };
    await CancellationScope.nonCancellable(() => cleanup.removeScratch(scratch));
  }
}

interface Planned {
  plan: DocRef;
  waves: { name: string; chunks: number }[];
  recoveries: number;
}

/** A run that has begun. */
interface Running extends RunContextRef {
  /** Mover slots of the cluster. */
  movers: number;
  /** Clean-ups that go on beside the run; it ends when they have. */
  cleaning: Promise<void>[];
}

async function restoreAll({ movers, cleaning, ...ref }: Running, stages: Stages): Promise<RunResult> {
  const archive = (await stages.run('fetch', () => long.fetchBackup(ref))).doc;
  const planned = await stages.run('plan', () => long.planRestore({ ...ref, archive }));
  if (planned.recoveries > 0) readSnapshots(ref, planned);
  const [namespaces] = await settleBoth(
    stages.run('namespaces', () => long.ensureNamespaces({ ...ref, plan: planned.plan })),
    short.reportStage({ run: ref.run, phase: 'InProgress', totalItems: planned.items, itemsDone: 0 }),
  );

  const early = await applyWaves(ref, planned, stages, EARLY_WAVES, []);
  // Data flows while the objects that pods need are created; pods wait for both.
  const [outcomes, needed] = await settleBoth(
    stages.run('recoverVolumes', () => recoverAll({ ...ref, movers, cleaning }, planned)),
    applyWaves(ref, planned, stages, SUPPORT_WAVES, []),
  );
  const late = await applyWaves(ref, planned, stages, LATE_WAVES, outcomes);
  return await stages.run('finish', () =>
    long.finishRestore({
      ...ref,
      plan: planned.plan,
      archive,
      reports: [namespaces, ...early, ...needed, ...late].map((report) => report.doc),
      outcomes,
      stages: stages.times,
    }),
  );
}

/** Beside everything else; a volume that comes before that, or after its failure, reads its own. */
function readSnapshots(ref: RunContextRef, { plan }: Planned): void {
  long.readSnapshots({ ...ref, plan }).catch(() => undefined);
}

/** What volumes and everything else stand on. */
const EARLY_WAVES = ['crds', 'storage'];
/** What pods refer to. */
const SUPPORT_WAVES = ['claims', 'access', 'configuration'];
/** Only when the volumes of the pods are released and handed over. */
const LATE_WAVES = ['pods', 'replicas', 'workloads', 'last'];

async function applyWaves(
  ref: RunContextRef,
  planned: Planned,
  stages: Stages,
  names: string[],
  outcomes: DocRef[],
): Promise<Counted[]> {
  const reports: Counted[] = [];
  for (const name of names) {
    const wave = planned.waves.findIndex((candidate) => candidate.name === name);
    const chunks = planned.waves[wave]?.chunks ?? 0;
    if (chunks === 0) continue;
    const apply = (chunk: number) => long.applyChunk({ ...ref, plan: planned.plan, wave, chunk, outcomes });
    reports.push(
      ...(await stages.run(`apply.${name}`, () => inPool(range(chunks), LIMITS.applyChunks, apply))),
    );
  }
  return reports;
}

async function recoverAll({ movers, cleaning, ...ref }: Running, planned: Planned): Promise<DocRef[]> {
  const recover = async (index: number) => {
    const volume = { ...ref, volumes: planned.plan, index };
    try {
      return await executeChild(recoverVolume, {
        workflowId: volumeWorkflowId(ref.run, index),
        args: [{ ...volume, movers }],
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        staticSummary: `volume ${index} of ${validName(ref.run.name, 60)}`,
      });
    } finally {
      cleaning.push(CancellationScope.nonCancellable(() => cleanup.cleanUpRecovery(volume)));
    }
  };
  return await settleAll(range(planned.recoveries).map(recover));
}
