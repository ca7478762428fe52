import { pause, Scope } from './abort.ts';
import { isNotFound, KubeWaitTimeout } from './errors.ts';
import { objectPath } from './gvr.ts';
import { RETRY } from './limits.ts';
import type { News, SharedWatches, WatchedObjects } from './shared-watch.ts';
import type { Transport } from './transport.ts';
import type { KubeObject } from './types.ts';
import { isPermanent } from './watch.ts';

/** News in their order, for one reader that takes its time. */
class Inbox {
  readonly #news: News[] = [];
  #wake: (() => void) | undefined;

  readonly put = (news: News): void => {
    this.#news.push(news);
    this.#wake?.();
  };

  async take(signal: AbortSignal): Promise<News> {
    for (;;) {
      signal.throwIfAborted();
      const news = this.#news.shift();
      if (news) return news;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      signal.addEventListener('abort', this.#wake, { once: true });
      await promise;
      signal.removeEventListener('abort', this.#wake);
    }
  }
}

/**
 * Waits for an object among others that are watched together. It is read once when the watch stands, so nothing that
 * happened before is missed; `test` is asked for that and for each later state, undefined when the object is not there.
 */
export async function waitAmong<T, R>(
  transport: Transport,
  watches: SharedWatches,
  { name, ...objects }: WatchedObjects & { name: string },
  test: (object: T | undefined) => R | undefined,
  options: { timeoutMs: number; signal?: AbortSignal | undefined },
): Promise<R> {
  const path = objectPath(objects.gvr, objects.namespace, name);
  const scope = new Scope(options.signal);
  const inbox = new Inbox();
  let last: T | undefined;
  let trouble: unknown;
  scope.after(options.timeoutMs, () => new KubeWaitTimeout(path, options.timeoutMs, last, trouble));
  const leave = watches.listen(objects, name, inbox.put);
  try {
    for (;;) {
      const news = await inbox.take(scope.signal);
      if (news.type === 'failed') throw news.error;
      if (news.type === 'trouble') {
        trouble = news.error;
        continue;
      }
      const found = news.type === 'state' ? news : await tryToRead(transport, path, scope.signal);
      if (found.type === 'trouble') {
        trouble = found.error;
        await pause(RETRY.longest, scope.signal);
        inbox.put({ type: 'look' });
        continue;
      }
      last = found.object as T | undefined;
      const result = test(last);
      if (result !== undefined) return result;
    }
  } finally {
    leave();
    scope.close();
  }
}

async function tryToRead(
  transport: Transport,
  path: string,
  signal: AbortSignal,
): Promise<Extract<News, { type: 'state' | 'trouble' }>> {
  try {
    return { type: 'state', object: await read(transport, path, signal) };
  } catch (error) {
    signal.throwIfAborted();
    if (isPermanent(error)) throw error;
    return { type: 'trouble', error };
  }
}

async function read(
  transport: Transport,
  path: string,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  try {
    return await transport.json<KubeObject>({ path, signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
