/**
 * Joins readings of the same thing that are wanted close together: one reading that begins after all of them were asked
 * for serves them all.
 */
export class Gathering<T> {
  readonly #longestMs: number;
  /** How many more questions may come soon. */
  readonly #expected = new Map<string, number>();
  /** Not begun yet. */
  readonly #gathered = new Map<string, { begin: () => void; answer: Promise<T> }>();

  constructor(longestMs: number) {
    this.#longestMs = longestMs;
  }

  /** A question will come, or not; call the result when nobody need wait for it any longer. */
  expect(key: string): () => void {
    this.#expected.set(key, (this.#expected.get(key) ?? 0) + 1);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      const left = (this.#expected.get(key) ?? 1) - 1;
      if (left > 0) this.#expected.set(key, left);
      else this.#expected.delete(key);
    };
  }

  /** Begins at once when no more questions are expected, else when the last of these has come, or after a while. */
  async read(key: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { begin, answer } = this.#gathered.get(key) ?? this.#gather(key, work);
    if (!this.#expected.has(key)) begin();
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([answer, promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #gather(key: string, work: () => Promise<T>): { begin: () => void; answer: Promise<T> } {
    const start = Promise.withResolvers<void>();
    const timer = setTimeout(start.resolve, this.#longestMs);
    const answer = start.promise.then(() => {
      clearTimeout(timer);
      this.#gathered.delete(key);
      return work();
    });
    // Everybody who asked may have gone.
    answer.catch(() => undefined);
    const gathered = { begin: start.resolve, answer };
    this.#gathered.set(key, gathered);
    return gathered;
  }
}
