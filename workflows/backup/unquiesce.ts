import {
  CancellationScope,
  condition,
  defineSignal,
  isCancellation,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import type { HookGroupRef } from '../../contracts/activities.ts';
import { quietKey } from '../../contracts/ids.ts';
import { SIGNALS } from '../../contracts/messages.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import type { ReleaseCause } from '../../core/hooks/report.ts';
import { giveBackLock } from '../support/locks.ts';
import { cleanup, glance, urgentCleanup } from '../support/proxies.ts';

export interface UnquiesceInput extends HookGroupRef {
  deadlineMs: number;
  /** The execution of the run that quiesces the application. */
  quiescedBy: { workflowId: string; runId: string };
}

export const release = defineSignal(SIGNALS.release);

/**
 * Releases the application of one group: it begins before the first pre-hook, lives on without its run, and runs the
 * post-hooks when it is told that the volumes are cut. When it is not told: as soon as the run has ended, or at the
 * deadline.
 */
export async function unquiesce(input: UnquiesceInput): Promise<{ cause: ReleaseCause }> {
  const { deadlineMs, quiescedBy, ...ref } = input;
  let told = false;
  setHandler(release, () => {
    told = true;
  });
  const cause = await due(quiescedBy, Date.now() + deadlineMs, () => told);
  setCurrentDetails(`**releasing**: ${cause}`);
  await CancellationScope.nonCancellable(async () => {
    await urgentCleanup.runPostHooks(ref);
    // A run that lives does so too, but only if it still waits.
    await giveBackLock(ref.run.cluster, { holder: quiescedBy, key: quietKey(ref.run, ref.group) });
    // A run that lives reads it, and removes it.
    if (cause === 'runEnded') await cleanup.dropHooks(ref);
  });
  return { cause };
}

async function due(
  run: UnquiesceInput['quiescedBy'],
  deadline: number,
  told: () => boolean,
): Promise<ReleaseCause> {
  try {
    for (let pause: number = TIMEOUTS.runCheck; ; pause = Math.min(2 * pause, TIMEOUTS.runCheckLongest)) {
      const left = deadline - Date.now();
      if (left <= 0) return 'deadline';
      if (await condition(told, Math.min(pause, left))) return 'told';
      const ended = await answered(glance.executionEnded(run), told);
      if (told()) return 'told';
      if (ended) return 'runEnded';
    }
  } catch (error) {
    if (isCancellation(error)) return 'cancelled';
    throw error;
  }
}

/** The answer, unless something better than an answer comes first. A question that fails is asked again later. */
async function answered(question: Promise<boolean>, enough: () => boolean): Promise<boolean> {
  let answer: boolean | undefined;
  question.then(
    (yes) => (answer = yes),
    () => (answer = false),
  );
  await condition(() => enough() || answer !== undefined);
  return answer ?? false;
}
