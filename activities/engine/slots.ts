import { WorkflowNotFoundError } from '@temporalio/client';
import type { SlotActivities } from '../../contracts/activities.ts';
import { limiterWorkflowId } from '../../contracts/ids.ts';
import type { Execution } from '../../contracts/run.ts';
import { SIGNALS } from '../../contracts/messages.ts';
import type { SlotRequest } from '../../contracts/messages.ts';
import type { LockClaim } from '../../core/volume/locks.ts';
import type { Deps } from '../support/deps.ts';
import { activity } from '../support/step.ts';

export function slotActivities({ temporal, config }: Deps): SlotActivities {
  async function requestSlot({ cluster, holder, limit }: { cluster: string; holder: string; limit: number }) {
    await askLimiter({ temporal, config }, cluster, SIGNALS.requestSlot, { holder, limit });
  }

  async function endedWorkflows(executions: Execution[]): Promise<Execution[]> {
    const running = await Promise.all(executions.map((each) => isRunning(temporal, each)));
    return executions.filter((_, at) => !running[at]);
  }

  return { requestSlot: activity(requestSlot), endedWorkflows: activity(endedWorkflows) };
}

/** The limiter lives as long as somebody has or wants something of it. */
export async function askLimiter(
  { temporal, config }: Pick<Deps, 'temporal' | 'config'>,
  cluster: string,
  signal: string,
  request: SlotRequest | LockClaim,
): Promise<void> {
  await temporal.workflow.signalWithStart('limiter', {
    workflowId: limiterWorkflowId(cluster),
    taskQueue: config.taskQueue,
    args: [],
    signal,
    signalArgs: [request],
    staticSummary: 'mover slots and locks of the cluster',
  });
}

/** An execution and the uid that it was started for; undefined when no such workflow is known. */
export async function describeRun(temporal: Deps['temporal'], { workflowId, runId }: Execution) {
  try {
    const { memo, status } = await temporal.workflow.getHandle(workflowId, runId).describe();
    return { uid: (memo as { uid?: string } | undefined)?.uid, status: status.name };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** Does it run now? One that the server does not know has long ended. */
export const isRunning = async (temporal: Deps['temporal'], execution: Execution): Promise<boolean> =>
  (await describeRun(temporal, execution))?.status === 'RUNNING';

/**
 * Is it over with the run of this uid? When its resource was made again, another one may run under its workflow id; a
 * workflow that has not said which run it is may be this one.
 */
export async function isOver(
  temporal: Deps['temporal'],
  { workflowId, uid }: { workflowId: string; uid: string },
): Promise<boolean> {
  const known = await describeRun(temporal, { workflowId });
  return known?.status !== 'RUNNING' || (known.uid !== undefined && known.uid !== uid);
}
