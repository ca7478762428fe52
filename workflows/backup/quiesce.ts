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
import { unquiesceWorkflowId, validName } from '../../contracts/ids.ts';
import type { DocRef } from '../../contracts/run.ts';
import type { ReleaseCause } from '../../core/hooks/report.ts';
import { causeOf } from '../support/failures.ts';
import type { Cause } from '../support/failures.ts';
import { cleanup, short, urgent, urgentCleanup, URGENT } from '../support/proxies.ts';
import type { Turns } from '../support/turns.ts';
import { release, unquiesce } from './unquiesce.ts';

export interface HookedGroup extends RunContextRef {
  /** Document with the hooks of all groups. */
  hooks: DocRef;
  group: number;
  window: GroupWindow;
  /** Of the run. */
  turns: Turns;
}

interface Quiet {
  unquiesce?: ChildWorkflowHandle<typeof unquiesce>;
  failedPods: string[];
  /** Why pre-hooks were not run, when none of them is to blame. */
  fault?: Cause;
}

/**
 * Does the work while the application is quiesced: pre-hooks, work, post-hooks, the last whatever happens. What must not
 * see a change of the application belongs into the work, and nothing else: the cuts, and the reading of files through
 * pods. The post-hooks are not waited for; their report comes by itself.
 */
export async function quiesced<T>(
  group: HookedGroup,
  work: (failedPods: string[]) => Promise<T>,
): Promise<{ done: T; report: Promise<DocRef> }> {
  const quiet = await quiesce(group);
  const working = work(quiet.failedPods);
  try {
    // A run that is cancelled has no use for the cut: the application does not wait for its end.
    await Promise.race([working, CancellationScope.current().cancelRequested]);
  } catch {
    // Whatever it was, `working` says it below.
  }
  await CancellationScope.nonCancellable(() => tell(quiet));
  group.turns.giveBack();
  try {
    return { done: await working, report: reported(group, quiet) };
  } catch (error) {
    await CancellationScope.nonCancellable(() => letGo(group, quiet));
    throw error;
  }
}

/** Throws only when the run is cancelled; what else goes wrong is no reason to leave the volumes out. */
async function quiesce(group: HookedGroup): Promise<Quiet> {
  const { run, context, hooks, group: id, turns } = group;
  const quiet: Quiet = { failedPods: [] };
  await turns.take();
  try {
    await short.prepareHooks({ run, context, hooks, group: id });
    if (group.window.releases) quiet.unquiesce = await startUnquiesce(group);
    quiet.failedPods = (await urgent.runPreHooks({ run, group: id })).failedPods;
  } catch (error) {
    if (isCancellation(error)) {
      turns.giveBack();
      await CancellationScope.nonCancellable(async () => {
        await tell(quiet);
        await letGo(group, quiet);
      });
      throw error;
    }
    quiet.fault = causeOf(error);
  }
  return quiet;
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

/** One that has ended has released already. */
const tell = async (quiet: Quiet) => await quiet.unquiesce?.signal(release).catch(() => undefined);

/** How it was released; undefined when there is nothing to release, or when that is still going on. */
async function released({ run, group, window }: HookedGroup, { unquiesce: child }: Quiet) {
  if (!child) return { over: true };
  let cause: ReleaseCause | undefined;
  let over = false;
  child.result().then(
    (result) => {
      cause = result.cause;
      over = true;
    },
    async () => {
      // Somebody ended it: the hooks are run from here.
      await urgentCleanup.runPostHooks({ run, group }).catch(() => undefined);
      over = true;
    },
  );
  await condition(() => over, window.patienceMs);
  return { over, ...(cause && { cause }) };
}

/** Of a run that ends: waits for the release, and leaves nothing behind. */
async function letGo(group: HookedGroup, quiet: Quiet): Promise<void> {
  const { over } = await released(group, quiet);
  // Else garbage collection takes it away when the release is over.
  if (over) await cleanup.dropHooks({ run: group.run, group: group.group });
}

async function reported(group: HookedGroup, quiet: Quiet): Promise<DocRef> {
  const { run, context, hooks, group: id } = group;
  const { over, cause } = await CancellationScope.nonCancellable(() => released(group, quiet));
  const { fault } = quiet;
  try {
    const input = { run, context, hooks, group: id, ...(fault && { fault }) };
    return await short.collectHooks({ ...input, ...(cause && { released: cause }) });
  } finally {
    if (over) await CancellationScope.nonCancellable(() => cleanup.dropHooks({ run, group: id }));
  }
}
