import { CaravelError } from '../core/errors/catalog.ts';
import { isNoise } from '../platform/kopia/errors.ts';
import { zeroCounters } from '../platform/kopia/metrics.ts';
import type { Counters } from '../platform/kopia/metrics.ts';
import { isProgress } from '../platform/kopia/process.ts';
import type { KopiaProcess, Outcome, StartOptions } from '../platform/kopia/process.ts';
import type { Mover } from './context.ts';
import { stopped, warn } from './context.ts';
import { asCaravelError } from './persist.ts';
import { Liveness, stalled } from './liveness.ts';
import { GRACE_RESERVE, OUTPUT, WATCH } from './limits.ts';
import { TIMEOUTS } from '../contracts/settings.ts';

/** Where a long kopia process stands; the caller turns it into progress. */
export interface Reading {
  counters: Counters;
  /** Last progress line, or an empty text. */
  line: string;
}

export interface WatchOptions extends Pick<StartOptions, 'stdin' | 'environment'> {
  /** Each second. Returns what must change as long as all is well. */
  tick: (reading: Reading) => string;
  /** Ends kopia so that its work is kept; without it kopia is killed. */
  flushOnStop?: boolean;
  onLine?: (line: string) => void;
  /** Ends kopia with the signal's reason. */
  signal?: AbortSignal;
}

/** One long kopia process: progress each second, and an end to it when it hangs, is refused, or the pod must go. */
export async function watchKopia(
  mover: Mover,
  args: string[],
  options: WatchOptions,
): Promise<Outcome & Reading> {
  const reading: Reading = { counters: zeroCounters(), line: '' };
  const log = lineLog(mover);
  const heardBefore = mover.metrics.bytes;
  let said = 0;
  mover.metrics.listen((counters) => (reading.counters = counters));
  const child = mover.kopia.start(args, {
    ...(options.stdin !== undefined && { stdin: options.stdin }),
    environment: { ...mover.metrics.environment, ...options.environment },
    onLine: (line) => {
      said += line.length + 1;
      if (isProgress(line)) reading.line = line;
      else log(line);
      options.onLine?.(line);
    },
  });
  const guard = new Guard(mover, child);
  const timer = setInterval(() => {
    const state = options.tick(reading);
    const chatter = said + mover.metrics.bytes - heardBefore;
    void guard.look(state, { errors: reading.counters.errors, chatter });
  }, WATCH.interval);
  const unstop = onStop(mover, () => end(child, options.flushOnStop ?? false));
  options.signal?.addEventListener('abort', () => guard.end(asCaravelError(options.signal?.reason)));
  try {
    const outcome = await child.done;
    if (guard.verdict) throw guard.verdict;
    if (mover.stop.requested) throw stopped();
    return { ...outcome, ...reading };
  } finally {
    clearInterval(timer);
    unstop();
    options.tick(reading);
  }
}

function onStop({ stop }: Mover, act: () => () => void): () => void {
  let undo: (() => void) | undefined;
  const heard = () => (undo = act());
  if (stop.requested) heard();
  else stop.signal.addEventListener('abort', heard, { once: true });
  return () => {
    stop.signal.removeEventListener('abort', heard);
    undo?.();
  };
}

function end(child: KopiaProcess, flush: boolean): () => void {
  child.kill(flush ? 'SIGTERM' : 'SIGKILL');
  const grace = TIMEOUTS.moverGraceSeconds * 1_000 - GRACE_RESERVE;
  const timer = setTimeout(() => child.kill('SIGKILL'), grace);
  return () => clearTimeout(timer);
}

/** Notices that a process does nothing any more, and why. */
class Guard {
  verdict: CaravelError | undefined;
  readonly #mover: Mover;
  readonly #child: KopiaProcess;
  readonly #liveness: Liveness;
  #errors = 0;
  #probed = 0;

  constructor(mover: Mover, child: KopiaProcess) {
    this.#mover = mover;
    this.#child = child;
    this.#liveness = new Liveness(child.pid, mover.stallMs);
  }

  async look(state: string, { errors, chatter }: { errors: number; chatter: number }): Promise<void> {
    const silence = this.#liveness.look(state, chatter);
    if (this.#liveness.isDead(silence)) return this.end(stalled(silence));
    const failing = errors > this.#errors;
    this.#errors = errors;
    const now = performance.now();
    const suspicious = silence >= WATCH.suspicious || failing;
    if (!suspicious || now - this.#probed < WATCH.probeEvery) return;
    this.#probed = now;
    await this.#ask();
  }

  async #ask(): Promise<void> {
    const found = await this.#mover.kopia.probe();
    if (found.state !== 'error' || this.verdict) return;
    if (!found.error.retryable) this.end(found.error);
    else warn(this.#mover, `${found.error.message}; kopia keeps trying`);
  }

  end(error: CaravelError): void {
    if (this.#mover.stop.requested) return;
    this.verdict ??= error;
    this.#child.kill('SIGKILL');
  }
}

/** Passes on what kopia says besides progress, a bounded number of lines. */
function lineLog({ emit }: Mover): (line: string) => void {
  let lines = 0;
  return (line) => {
    if (isNoise(line) || lines > OUTPUT.logLines) return;
    lines++;
    const text = lines > OUTPUT.logLines ? 'more lines are left out' : line.trim();
    emit({ t: 'log', level: /error|fatal|failed/i.test(line) ? 'error' : 'info', message: text });
  };
}
