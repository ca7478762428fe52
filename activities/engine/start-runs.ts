import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import { garbageWorkflowId, runWorkflowId } from '../../contracts/ids.ts';
import type { RunInput, RunRef } from '../../contracts/run.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { messageOf } from '../../core/errors/catalog.ts';
import { GVR_OF, isTerminal, now, patchRun } from '../run/status.ts';
import type { RunObject } from '../run/status.ts';
import type { Deps } from '../support/deps.ts';
import { besideVelero } from './beside-velero.ts';
import { describeRun, isRunning } from './slots.ts';

/** Starts and cancels runs by the ids of their workflows. One for each controller: it knows which starts are put off. */
export class RunStarts {
  readonly #deps: Deps;
  readonly #signal: AbortSignal;
  /** Uids of the resources whose runs are to be started later. */
  readonly #later = new Set<string>();
  /** Runs that are not over, by the uids of their resources. */
  readonly #open = new Map<string, RunRef>();

  constructor(deps: Deps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  /** Whether the resource is there and its run is not over. */
  note(run: RunRef, open: boolean): void {
    if (open) this.#open.set(run.uid, run);
    else this.#open.delete(run.uid);
  }

  /** Starts what is not over once more: a run that goes on is left alone, one that was lost is ended. */
  async again(): Promise<void> {
    for (const run of this.#open.values()) {
      if (this.#later.has(run.uid)) continue;
      const execution = { workflowId: runWorkflowId(run) };
      if (!(await isRunning(this.#deps.temporal, execution))) await this.#startIfWanted(run);
    }
  }

  async start(run: RunRef): Promise<void> {
    const deps = this.#deps;
    const workflowId = runWorkflowId(run);
    const known = await describeRun(deps.temporal, { workflowId });
    if (known?.status === 'RUNNING') {
      if (known.uid === undefined || known.uid === run.uid) return;
      // The resource was made again while the run of its predecessor goes on: that one ends first.
      await cancelWorkflow(deps, workflowId);
      this.#startLater(run);
      return;
    }
    // Beside a Velero that came later: what goes on is brought to its end, an application that is quiesced needs that.
    const refused = await besideVelero(deps.kube, run.namespace);
    if (refused) {
      deps.log.warn('run not started', { name: run.name, error: `${refused.message}. ${refused.hint}` });
      this.#startLater(run, TIMEOUTS.besideVelero);
      return;
    }
    if (known?.uid === run.uid) await endLostRun(deps, run, known.status);
    else await startWorkflow(deps, run);
  }

  async cancel(run: RunRef): Promise<void> {
    const workflowId = runWorkflowId(run);
    const known = await describeRun(this.#deps.temporal, { workflowId });
    if (known?.status === 'RUNNING' && (known.uid === undefined || known.uid === run.uid)) {
      await cancelWorkflow(this.#deps, workflowId);
    }
  }

  /** Asks again until nothing is in the way. */
  #startLater(run: RunRef, afterMs: number = TIMEOUTS.controllerRetry): void {
    // Each event of the resource, and each round of the controller, would begin another row of questions.
    if (this.#later.has(run.uid)) return;
    this.#later.add(run.uid);
    const timer = setTimeout(() => {
      this.#later.delete(run.uid);
      if (this.#signal.aborted) return;
      this.#startIfWanted(run).catch((error: unknown) => {
        this.#deps.log.warn('run could not be started yet', { name: run.name, error: messageOf(error) });
        this.#startLater(run);
      });
    }, afterMs);
    timer.unref();
  }

  async #startIfWanted(run: RunRef): Promise<void> {
    const { kube } = this.#deps;
    const current = await kube.find<RunObject>(GVR_OF[run.type], run.namespace, run.name);
    if (current?.metadata.uid === run.uid && !isTerminal(current.status?.phase)) await this.start(run);
  }
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

/** A run that was terminated from outside cannot write its own end. */
async function endLostRun(deps: Deps, run: RunRef, status: string): Promise<void> {
  if (status === 'COMPLETED' || status === 'CONTINUED_AS_NEW') return;
  const failureReason = `${status === 'TERMINATED' ? 'Canceled: ' : ''}the workflow ended as ${status}`;
  await patchRun(deps.kube, run, () => ({
    status: { phase: 'Failed', failureReason, errors: 1, completionTimestamp: now() },
  }));
  await startGarbageCollection(deps, run);
}

async function cancelWorkflow(deps: Deps, workflowId: string): Promise<void> {
  try {
    await deps.temporal.workflow.getHandle(workflowId).cancel();
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

export async function startGarbageCollection(
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
