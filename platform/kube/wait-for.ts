import { Scope } from './abort.ts';
import { KubeWaitTimeout } from './errors.ts';
import { objectPath } from './gvr.ts';
import type { Transport } from './transport.ts';
import type { Gvr } from './types.ts';
import { watchObjects } from './watch.ts';

/**
 * Waits on a watch of one object. `test` is asked for each state of it, undefined when it does not exist, and ends
 * the wait with anything but undefined. An outage is waited out like anything else; its cause stands in the timeout.
 */
export async function waitForObject<T, R>(
  transport: Transport,
  target: { gvr: Gvr; namespace: string | undefined; name: string },
  test: (object: T | undefined) => R | undefined,
  options: { timeoutMs: number; signal?: AbortSignal | undefined },
): Promise<R> {
  const { gvr, namespace, name } = target;
  const path = objectPath(gvr, namespace, name);
  const scope = new Scope(options.signal);
  let last: T | undefined;
  let trouble: unknown;
  scope.after(options.timeoutMs, () => new KubeWaitTimeout(path, options.timeoutMs, last, trouble));
  const events = watchObjects(transport, gvr, {
    ...(namespace !== undefined && { namespace }),
    // Names of roles may hold the characters that mean something in a selector.
    fieldSelector: `metadata.name=${name.replace(/[\\,=]/g, '\\$&')}`,
    signal: scope.signal,
    onRetry: (error) => (trouble = error),
  });
  try {
    for await (const { type, object } of events) {
      // SYNCED has news only when the list was empty; otherwise its object was just tested.
      if (type === 'SYNCED' && last !== undefined) continue;
      last = type === 'DELETED' ? undefined : (object as T | undefined);
      const result = test(last);
      if (result !== undefined) return result;
    }
    throw scope.signal.reason;
  } finally {
    scope.close();
  }
}
