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

/** Does it run now? One that the server does not know has long ended. */
export async function isRunning(
  temporal: Deps['temporal'],
  { workflowId, runId }: Execution,
): Promise<boolean> {
  try {
    return (await temporal.workflow.getHandle(workflowId, runId).describe()).status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
