/** Abort signals without leaks: a worker's signals live for hours, and each request must leave nothing behind on them. */

/** Node fires a longer timer at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A signal that ends with any of its parents, or after a time; `close` lets go of parents and timers. */
export class Scope {
  readonly #controller = new AbortController();
  readonly #parents: AbortSignal[];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #onAbort = (event: Event) => this.abort((event.target as AbortSignal).reason);

  constructor(...parents: (AbortSignal | undefined)[]) {
    this.#parents = parents.filter((parent) => parent !== undefined);
    for (const parent of this.#parents) {
      if (parent.aborted) this.abort(parent.reason);
      else parent.addEventListener('abort', this.#onAbort, { once: true });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** Aborts after `ms` with the error that `reason` makes; returns a function that calls it off. */
  after(ms: number, reason: () => Error): () => void {
    const timer = setTimeout(() => this.abort(reason()), Math.min(ms, LONGEST_TIMER));
    this.#timers.push(timer);
    return () => clearTimeout(timer);
  }

  close(): void {
    for (const parent of this.#parents) parent.removeEventListener('abort', this.#onAbort);
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

/** Waits; throws the signal's reason when it aborts first. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (signal?.aborted) {
    reject(signal.reason as Error);
    return promise;
  }
  const onAbort = () => {
    clearTimeout(timer);
    reject(signal?.reason as Error);
  };
  const timer = setTimeout(() => {
    signal?.removeEventListener('abort', onAbort);
    resolve();
  }, ms);
  signal?.addEventListener('abort', onAbort, { once: true });
  return promise;
}
