import {
  CancellationScope,
  ChildWorkflowCancellationType,
  condition,
  isCancellation,
  ParentClosePolicy,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { ChildWorkflowHandle } from '@temporalio/workflow';
import type { GroupWindow, RunContextRef } from '../../contracts/activities.ts';
import { quietKey, unquiesceWorkflowId, validName } from '../../contracts/ids.ts';
import type { DocRef, Execution } from '../../contracts/run.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import type { ReleaseCause } from '../../core/hooks/report.ts';
import { causeOf } from '../support/failures.ts';
import type { Cause } from '../support/failures.ts';
import { cleanup, short, urgent, urgentCleanup, URGENT } from '../support/proxies.ts';
import type { Locks } from '../support/locks.ts';
import type { Turns } from '../support/turns.ts';
import { release, unquiesce } from './unquiesce.ts';

export interface HookedGroup extends RunContextRef {
  /** Document with the hooks of all groups. */
  hooks: DocRef;
  group: number;
  window: GroupWindow;
  /** Of the run. */
  turns: Turns;
  locks: Locks;
}

interface Quiet {
  unquiesce?: ChildWorkflowHandle<typeof unquiesce>;
  failedPods: string[];
  /** Why pre-hooks were not run, when none of them is to blame. */
  fault?: Cause;
  /** Everything is released. */
  over: boolean;
  /** So long another run had the pods. */
  waitedMs: number;
  cause?: ReleaseCause;
}

/**
 * Does the work while the application is quiesced: pre-hooks, work, post-hooks, the last whatever happens. What must not
 * see a change of the application belongs into the work, and nothing else: the cuts, and the reading of files through
 * pods. Slow post-hooks are not waited for; their report comes by itself.
 */
export async function quiesced<T>(
  group: HookedGroup,
  work: (failedPods: string[]) => Promise<T>,
): Promise<{ done: T; report: Promise<DocRef> }> {
  const quiet = await quiesce(group);
  const working = work(quiet.failedPods);
  // A run that is cancelled has no use for the cut: the application does not wait for its end.
  await settled(Promise.race([working, CancellationScope.current().cancelRequested]));
  const releasing = CancellationScope.nonCancellable(() => letGo(group, quiet));
  // Whatever comes next would take the post-hooks' time.
  await settled(condition(() => quiet.over, TIMEOUTS.releaseFirst));
  group.turns.giveBack();
  try {
    return { done: await working, report: reported(group, quiet, releasing) };
  } catch (error) {
    await releasing;
    await CancellationScope.nonCancellable(() => dropped(group, quiet));
    throw error;
  }
}

const settled = async (promise: Promise<unknown>): Promise<void> =>
  void (await Promise.allSettled([promise]));

/** Throws only when the run is cancelled; what else goes wrong is no reason to leave the volumes out. */
async function quiesce(group: HookedGroup): Promise<Quiet> {
  const { run, context, hooks, group: id, turns } = group;
  const quiet: Quiet = { failedPods: [], over: false, waitedMs: 0 };
  let turn = false;
  try {
    await podsToItself(group, quiet);
    await turns.take();
    turn = true;
    await short.prepareHooks({ run, context, hooks, group: id });
    if (group.window.releases) quiet.unquiesce = await startUnquiesce(group);
    quiet.failedPods = (await urgent.runPreHooks({ run, group: id })).failedPods;
  } catch (error) {
    if (isCancellation(error)) {
      if (turn) turns.giveBack();
      await CancellationScope.nonCancellable(async () => {
        await letGo(group, quiet);
        await dropped(group, quiet);
      });
      throw error;
    }
    quiet.fault = causeOf(error);
    if (!turn) await turns.take();
  }
  return quiet;
}

/** While another run has the application quiesced, this one waits: its post-hooks would end the other's window. */
async function podsToItself({ run, context, hooks, group, locks }: HookedGroup, quiet: Quiet): Promise<void> {
  const asked = Date.now();
  const ask = (holder: Execution) => short.requestQuiet({ run, context, hooks, group, holder });
  await locks.take(quietKey(run, group), ask);
  quiet.waitedMs = Date.now() - asked;
}

async function startUnquiesce({ run, group, window }: HookedGroup) {
  const { workflowId, runId } = workflowInfo();
  const { deadlineMs } = window;
  // Neither the end of the run nor its cancellation may take it along.
  return await CancellationScope.nonCancellable(() =>
    startChild(unquiesce, {
      workflowId: unquiesceWorkflowId(run, group),
      args: [{ run, group, deadlineMs, quiescedBy: { workflowId, runId } }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      cancellationType: ChildWorkflowCancellationType.ABANDON,
      priority: URGENT,
      staticSummary: `post-hooks of group ${group} of ${validName(run.name, 60)}`,
    }),
  );
}

/** Has the application released, and waits until it is; not for ever, since `unquiesce` goes on by itself. */
async function letGo(group: HookedGroup, quiet: Quiet): Promise<void> {
  if (quiet.unquiesce) await untilReleased(group, quiet.unquiesce, quiet);
  else quiet.over = true;
  // Else the limiter gives the pods to others when `unquiesce` and this run have ended.
  if (quiet.over) await group.locks.giveBack(quietKey(group.run, group.group));
}

async function untilReleased(
  { run, group, window }: HookedGroup,
  child: ChildWorkflowHandle<typeof unquiesce>,
  quiet: Quiet,
): Promise<void> {
  child.result().then(
    ({ cause }) => Object.assign(quiet, { cause, over: true }),
    async () => {
      // Somebody ended it: the hooks are run from here.
      await settled(urgentCleanup.runPostHooks({ run, group }));
      quiet.over = true;
    },
  );
  // One that has ended has released already.
  await settled(child.signal(release));
  await condition(() => quiet.over, window.patienceMs);
}

/** While the release goes on, what is written down of it is needed; then garbage collection takes it away. */
async function dropped({ run, group }: HookedGroup, { over }: Quiet): Promise<void> {
  if (over) await cleanup.dropHooks({ run, group });
}

async function reported(group: HookedGroup, quiet: Quiet, releasing: Promise<void>): Promise<DocRef> {
  const { run, context, hooks, group: id } = group;
  await releasing;
  const { fault, cause, waitedMs } = quiet;
  try {
    return await short.collectHooks({
      ...{ run, context, hooks, group: id },
      ...(fault && { fault }),
      ...(cause && { released: cause }),
      ...(waitedMs >= TIMEOUTS.worthTelling && { waitedMs }),
    });
  } finally {
    await CancellationScope.nonCancellable(() => dropped(group, quiet));
  }
}
