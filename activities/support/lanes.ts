/**
 * Works on items in several lanes at once, and takes the results in the order of the items: whoever takes them knows
 * at any moment that everything before is done. The first error ends all lanes and is thrown.
 */
export async function inLanes<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  lanes: number,
  work: (item: T) => Promise<R>,
  take: (result: R) => void | Promise<void>,
): Promise<void> {
  const source = iterate(items);
  const waiting = new Map<number, R>();
  let taken = 0;
  const state = { stopped: false };
  let taking: Promise<void> = Promise.resolve();

  const takeReady = async () => {
    while (waiting.has(taken)) {
      const result = waiting.get(taken) as R;
      waiting.delete(taken);
      taken += 1;
      await take(result);
    }
  };
  const lane = async () => {
    while (!state.stopped) {
      const next = await source.next();
      if (next.done) return;
      const [at, item] = next.value;
      waiting.set(at, await work(item));
      taking = taking.then(takeReady);
      await taking;
    }
  };
  const guarded = async () => {
    try {
      await lane();
    } finally {
      // Reached by an error, or when there is nothing left; the other lanes end with what they are at.
      state.stopped = true;
    }
  };
  const settled = await Promise.allSettled(Array.from({ length: lanes }, guarded));
  await source.return?.(undefined);
  for (const result of settled) if (result.status === 'rejected') throw result.reason;
}

/** One item after the other, with its number, whoever asks; generators queue the questions. */
async function* iterate<T>(
  items: Iterable<T> | AsyncIterable<T>,
): AsyncGenerator<[number, T], void, undefined> {
  let at = 0;
  for await (const item of items) yield [at++, item];
}
