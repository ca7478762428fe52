import type { HookActivities } from '../../contracts/activities.ts';
import { quietKey, quietLockName, unquiesceWorkflowId } from '../../contracts/ids.ts';
import { SIGNALS } from '../../contracts/messages.ts';
import type { Execution, RunRef } from '../../contracts/run.ts';
import type { LockClaim } from '../../core/volume/locks.ts';
import { askLimiter } from '../engine/slots.ts';
import { openRun } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { plannedHooks } from './collect.ts';

/**
 * The pods of a group for one run alone: hooks of two runs that overlap would release an application while the other
 * one still cuts its volumes. The claim stands until the application is released, by the run or for it.
 */
export async function requestQuiet(
  deps: Deps,
  input: Parameters<HookActivities['requestQuiet']>[0],
): Promise<void> {
  const { run, group, holder } = input;
  const { store } = await openRun(deps, input);
  const { pods } = await plannedHooks(store, input);
  await askLimiter(deps, run.cluster, SIGNALS.requestLock, quietClaim({ run, group, holder }, pods));
}

export const quietClaim = (
  { run, group, holder }: { run: RunRef; group: number; holder: Execution },
  pods: readonly { namespace: string; name: string }[],
): LockClaim => ({
  holder,
  key: quietKey(run, group),
  names: pods.map(quietLockName),
  keepers: [holder, { workflowId: unquiesceWorkflowId(run, group) }],
});
