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
 * happened before is missed; `test` is asked for that and for later states, undefined when the object is not there.
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
  let last: KubeObject | undefined;
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
      const verdict = judge(news, last);
      if (verdict === 'old') continue;
      const found = verdict === 'unclear' ? await tryToRead(transport, path, scope.signal) : verdict;
      if (found.type === 'trouble') {
        trouble = found.error;
        await pause(RETRY.longest, scope.signal);
        inbox.put({ type: 'look' });
        continue;
      }
      last = found.object;
      const result = test(last as T | undefined);
      if (result !== undefined) return result;
    }
  } finally {
    leave();
    scope.close();
  }
}

/** What the object is now; undefined when it is not there. */
interface Seen {
  type: 'seen';
  object: KubeObject | undefined;
}

/**
 * A watch may be late: after a read it tells of states, and of objects of the same name, that were before. So the end
 * of an object counts only when that one was seen last, and one that was not seen last is looked at.
 */
function judge(
  news: Exclude<News, { type: 'failed' | 'trouble' }>,
  last: KubeObject | undefined,
): Seen | 'old' | 'unclear' {
  if (news.type === 'look') return 'unclear';
  const known = last !== undefined && last.metadata.uid === news.object.metadata.uid;
  if (news.type === 'gone') return known ? { type: 'seen', object: undefined } : 'old';
  if (!known) return 'unclear';
  return isOlder(news.object, last) ? 'old' : { type: 'seen', object: news.object };
}

/** Versions are numbers that grow, by promise since Kubernetes 1.35, and were before in fact. Others are not compared. */
function isOlder(one: KubeObject, other: KubeObject): boolean {
  const [a = '', b = ''] = [one, other].map(({ metadata }) => metadata.resourceVersion);
  return [a, b].every((version) => /^\d+$/.test(version)) && BigInt(a) < BigInt(b);
}

async function tryToRead(
  transport: Transport,
  path: string,
  signal: AbortSignal,
): Promise<Seen | Extract<News, { type: 'trouble' }>> {
  try {
    return { type: 'seen', object: await read(transport, path, signal) };
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
