import { randomUUID } from 'node:crypto';
import type { HookGroupRef, PreHooksDone } from '../../contracts/activities.ts';
import { LIMITS, TIMEOUTS } from '../../contracts/settings.ts';
import { podKey } from '../../core/hooks/hook.ts';
import type { GroupHooks } from '../../core/hooks/hook.ts';
import {
  beginPostHook,
  beginPreHook,
  endHook,
  giveUp,
  mustWait,
  podFailed,
  stepsOf,
  takeOver,
} from '../../core/hooks/record.ts';
import type { HookResult, HookStep } from '../../core/hooks/record.ts';
import { pause } from '../../platform/kube/abort.ts';
import type { Deps } from '../support/deps.ts';
import { openBook } from './book.ts';
import type { HookBook } from './book.ts';
import { tryHook } from './exec.ts';

const now = () => new Date().toISOString();

/**
 * Quiesces the application: the pre-hooks of its pods, one after the other, each at most once. An attempt that follows a
 * lost one goes on behind the hook that was under way, which counts as failed.
 */
export async function runPreHooks(
  { kube }: Deps,
  ref: HookGroupRef,
  signal: AbortSignal,
): Promise<PreHooksDone> {
  const by = randomUUID();
  const book = await openBook(kube, ref, signal);
  const limit = outputLimit(book.plan);
  let step = await book.update((record) => {
    takeOver(record, by);
    return beginPreHook(book.plan, record, by, now());
  });
  while (step) {
    const { key } = step;
    const result = await tryPreHook(kube, step, limit);
    step = await book.update((record) => {
      endHook(record, key, by, result, now());
      // Of a run that is cancelled nothing new begins; what was begun is written down.
      return signal.aborted ? undefined : beginPreHook(book.plan, record, by, now());
    });
  }
  signal.throwIfAborted();
  const { plan, record } = book;
  return { failedPods: plan.pods.filter((_, at) => podFailed(plan, record, at)).map(podKey) };
}

/** Only what was certainly not begun may be begun again. */
async function tryPreHook(kube: Deps['kube'], step: HookStep, limit: number): Promise<HookResult> {
  const end = Date.now() + step.hook.timeoutMs;
  for (;;) {
    const { result, unsent, mayPass } = await tryHook(kube, step, limit);
    if (!unsent || !mayPass || Date.now() + TIMEOUTS.postHookPause > end) return result;
    await pause(TIMEOUTS.postHookPause);
  }
}

/**
 * Releases the application: the post-hooks of every pod whose pre-hooks had their turn, whether those succeeded or not,
 * each at least once. It is the same whoever calls it, and how often.
 */
export async function runPostHooks({ kube }: Deps, ref: HookGroupRef, signal: AbortSignal): Promise<void> {
  const by = randomUUID();
  const book = await openBook(kube, ref, signal);
  const limit = outputLimit(book.plan);
  let step = await beginRelease(book, by, signal);
  while (step) {
    const { key } = step;
    const until = Date.parse(book.record.runs[key]?.begunAt ?? now()) + TIMEOUTS.postHookRetry;
    const result = await tryPostHook(kube, step, { limit, until, signal });
    step = await book.update((record) => {
      endHook(record, key, by, result, now());
      return beginPostHook(book.plan, record, by, now());
    });
  }
}

/** The first post-hook, when no pre-hook can be at work any more; whatever it would quiesce nobody would release. */
async function beginRelease(book: HookBook, by: string, signal: AbortSignal): Promise<HookStep | undefined> {
  for (;;) {
    const { rest, step } = await book.update((record) => {
      record.releasing = true;
      const rest = mustWait(book.plan, record, Date.now());
      if (rest > 0) return { rest };
      giveUp(record);
      return { rest, step: beginPostHook(book.plan, record, by, now()) };
    });
    if (rest === 0) return step;
    await pause(Math.min(rest, TIMEOUTS.hookPoll), signal);
    await book.reread();
  }
}

async function tryPostHook(
  kube: Deps['kube'],
  step: HookStep,
  { limit, until, signal }: { limit: number; until: number; signal: AbortSignal },
): Promise<HookResult> {
  for (;;) {
    const { result, mayPass } = await tryHook(kube, step, limit);
    if (!mayPass || Date.now() + TIMEOUTS.postHookPause > until) return result;
    await pause(TIMEOUTS.postHookPause, signal);
  }
}

const outputLimit = (group: GroupHooks): number => {
  const hooks = stepsOf(group, 'pre').length + stepsOf(group, 'post').length;
  return Math.min(LIMITS.hookOutput, Math.floor(LIMITS.hookOutputs / Math.max(1, hooks)));
};
