import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import { garbageWorkflowId, runWorkflowId } from '../../contracts/ids.ts';
import type { RunInput, RunRef, RunType } from '../../contracts/run.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { messageOf } from '../../core/errors/catalog.ts';
import { isTerminal, now, patchRun } from '../run/status.ts';
import type { RunObject } from '../run/status.ts';
import { GVR_OF } from '../run/door.ts';
import type { Deps } from '../support/deps.ts';
import { pause } from '../support/pause.ts';
import { watchRequests } from '../requests/watch.ts';
import { besideVelero } from './beside-velero.ts';
import { describeRun } from './slots.ts';
import { watchLocations } from './watch-locations.ts';

/**
 * The controller: sees custom resources come and go, and starts or cancels their runs by id. It keeps nothing that
 * the cluster and Temporal do not know, so it may die at any moment and two of it do no harm.
 */
export async function watchResources(
  deps: Deps,
  scope: { cluster: string; namespace: string },
  signal: AbortSignal,
): Promise<void> {
  const types: RunType[] = ['backup', 'restore'];
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  const work = [
    ...types.map((type) => watchType(deps, type, scope, both)),
    watchRequests(deps, scope.namespace, both),
    watchLocations(deps, scope.namespace, both),
    collectRegularly(deps, scope, both),
  ];
  // One that fails ends all: the next attempt begins with all of them.
  const ending = work.map((part) =>
    part.catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  await Promise.all(ending);
}

async function watchType(
  deps: Deps,
  type: RunType,
  { cluster, namespace }: { cluster: string; namespace: string },
  signal: AbortSignal,
): Promise<void> {
  for await (const { type: change, object } of deps.kube.watch<RunObject>(GVR_OF[type], {
    namespace,
    signal,
  })) {
    if (!object) continue;
    const run: RunRef = {
      type,
      cluster,
      namespace,
      name: object.metadata.name,
      uid: object.metadata.uid ?? '',
    };
    if (change === 'DELETED' || object.metadata.deletionTimestamp) await cancelRun(deps, run);
    else if (!isTerminal(object.status?.phase)) await startRun(deps, run, signal);
  }
}

async function startRun(deps: Deps, run: RunRef, signal: AbortSignal): Promise<void> {
  const workflowId = runWorkflowId(run);
  const known = await describeRun(deps.temporal, { workflowId });
  if (known?.status === 'RUNNING') {
    if (known.uid === undefined || known.uid === run.uid) return;
    // The resource was made again while the run of its predecessor goes on: that one ends first.
    await cancelWorkflow(deps, workflowId);
    startLater(deps, run, signal);
    return;
  }
  if (known?.uid === run.uid) {
    await endLostRun(deps, run, known.status);
    return;
  }
  // Of one that came later: what goes on is brought to its end, an application that is quiesced needs that.
  const refused = await besideVelero(deps.kube, run.namespace);
  if (refused) {
    deps.log.warn('run not started', { name: run.name, error: `${refused.message}. ${refused.hint}` });
    startLater(deps, run, signal, TIMEOUTS.besideVelero);
    return;
  }
  await startWorkflow(deps, run);
}

async function startWorkflow(deps: Deps, run: RunRef): Promise<void> {
  const { namespace, name, uid } = run;
  const args: [RunInput] = [{ namespace, name, uid }];
  try {
    await deps.temporal.workflow.start(run.type, {
      workflowId: runWorkflowId(run),
      taskQueue: deps.config.taskQueue,
      args,
      memo: { uid },
      staticSummary: `${run.type} ${name}`,
    });
    deps.log.info('run started', { type: run.type, name, uid });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** Asks again until nothing is in the way. */
function startLater(
  deps: Deps,
  run: RunRef,
  signal: AbortSignal,
  afterMs: number = TIMEOUTS.controllerRetry,
): void {
  const timer = setTimeout(() => {
    if (signal.aborted) return;
    startRunIfWanted(deps, run, signal).catch((error: unknown) => {
      deps.log.warn('run could not be started yet', { name: run.name, error: messageOf(error) });
      startLater(deps, run, signal);
    });
  }, afterMs);
  timer.unref();
}

async function startRunIfWanted(deps: Deps, run: RunRef, signal: AbortSignal): Promise<void> {
  const current = await deps.kube.find<RunObject>(GVR_OF[run.type], run.namespace, run.name);
  if (current?.metadata.uid === run.uid && !isTerminal(current.status?.phase))
    await startRun(deps, run, signal);
}

/** A run that was terminated from outside cannot write its own end. */
async function endLostRun(deps: Deps, run: RunRef, status: string): Promise<void> {
  if (status === 'COMPLETED' || status === 'CONTINUED_AS_NEW') return;
  const failureReason = `${status === 'TERMINATED' ? 'Canceled: ' : ''}the workflow ended as ${status}`;
  await patchRun(deps.kube, run, () => ({
    status: { phase: 'Failed', failureReason, errors: 1, completionTimestamp: now() },
  }));
  await startGarbageCollection(deps, run);
}

async function cancelRun(deps: Deps, run: RunRef): Promise<void> {
  const workflowId = runWorkflowId(run);
  const known = await describeRun(deps.temporal, { workflowId });
  if (known?.status === 'RUNNING' && (known.uid === undefined || known.uid === run.uid)) {
    await cancelWorkflow(deps, workflowId);
  }
}

async function cancelWorkflow(deps: Deps, workflowId: string): Promise<void> {
  try {
    await deps.temporal.workflow.getHandle(workflowId).cancel();
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

async function startGarbageCollection(
  deps: Deps,
  scope: { cluster: string; namespace: string },
): Promise<void> {
  const { cluster, namespace } = scope;
  try {
    await deps.temporal.workflow.start('collectGarbage', {
      workflowId: garbageWorkflowId(cluster, namespace),
      taskQueue: deps.config.taskQueue,
      args: [{ cluster, namespace }],
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/**
 * Looks after runs whose end nobody told: a terminated workflow changes no resource, so no watch event comes. Then
 * garbage is collected.
 */
async function collectRegularly(
  deps: Deps,
  scope: { cluster: string; namespace: string },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await pause(TIMEOUTS.garbage, signal);
    if (signal.aborted) return;
    for (const type of ['backup', 'restore'] as const) {
      const objects = await deps.kube.list<RunObject>(GVR_OF[type], { namespace: scope.namespace, signal });
      for (const object of objects.filter((candidate) => !isTerminal(candidate.status?.phase))) {
        await startRun(
          deps,
          { type, ...scope, name: object.metadata.name, uid: object.metadata.uid ?? '' },
          signal,
        );
      }
    }
    await startGarbageCollection(deps, scope);
  }
}
