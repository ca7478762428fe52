import { setTimeout as delay } from 'node:timers/promises';
import { CaravelError, messageOf } from '../core/errors/catalog.ts';
import type { Mover } from './context.ts';
import { stopped, warn } from './context.ts';
import { RETRY } from './limits.ts';

/** What is known about the tries of a step so far. */
export interface Persistence {
  /** Failures other than an outage. */
  failures: number;
  /** When a byte moved last, or the step began. */
  lastProgress: number;
  outages: number;
}

export type Verdict = { retry: false } | { retry: true; pause: number };

/**
 * Whether a step is tried again inside this pod. An outage is waited out for a while; anything else that is worth a
 * retry gets three tries, as long as each gets further than the one before.
 */
export function judge(error: CaravelError, moved: boolean, now: number, state: Persistence): Verdict {
  if (!error.retryable) return { retry: false };
  if (moved) Object.assign(state, { lastProgress: now, outages: 0 });
  if (error.code === 'StoreUnavailable') {
    state.outages++;
    if (now - state.lastProgress >= RETRY.outage) return { retry: false };
    return { retry: true, pause: pauseFor(state.outages) };
  }
  state.failures++;
  if (!moved || state.failures >= RETRY.tries) return { retry: false };
  return { retry: true, pause: pauseFor(state.failures) };
}

const pauseFor = (count: number) => Math.min(RETRY.longestPause, RETRY.firstPause * 2 ** (count - 1));

export interface Step<T> {
  name: string;
  /** `round` counts from 0. */
  work: (round: number) => Promise<T>;
  /** Grows when bytes move; a short command moves none. */
  moved?: () => number;
}

export async function persist<T>(mover: Pick<Mover, 'stop' | 'emit'>, step: Step<T>): Promise<T> {
  const state: Persistence = { failures: 0, outages: 0, lastProgress: performance.now() };
  for (let round = 0; ; round++) {
    if (mover.stop.requested) throw stopped();
    const before = step.moved?.() ?? 0;
    try {
      return await step.work(round);
    } catch (thrown) {
      if (mover.stop.requested) throw stopped();
      const error = asCaravelError(thrown);
      const moved = (step.moved?.() ?? 0) > before;
      const verdict = judge(error, moved, performance.now(), state);
      if (!verdict.retry) throw error;
      warn(mover, `${step.name}: ${error.message}; trying again in ${verdict.pause / 1000} s`);
      await delay(verdict.pause, undefined, { signal: mover.stop.signal }).catch(() => undefined);
    }
  }
}

export const asCaravelError = (thrown: unknown): CaravelError =>
  thrown instanceof CaravelError
    ? thrown
    : new CaravelError('Internal', messageOf(thrown), { cause: thrown });
