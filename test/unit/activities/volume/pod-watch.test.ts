import { describe, expect, it } from 'vitest';
import { podFault, PodWatch } from '../../../../activities/volume/pod-watch.ts';
import { KubeWaitTimeout } from '../../../../platform/kube/errors.ts';
import type { KubeClient, KubeObject } from '../../../../platform/kube/types.ts';

const pod = { namespace: 'shop', name: 'web', uid: 'p-1', node: 'n1' };
const object = (metadata: object = {}, phase = 'Running'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', uid: 'p-1', ...metadata },
  status: { phase },
});

describe('a volume can be read through its pod', () => {
  it('as long as the same pod runs', () => {
    expect(podFault(object(), pod)).toBeUndefined();
  });

  it.each([
    ['does not exist', undefined],
    ['was replaced', object({ uid: 'p-2' })],
    ['is being deleted', object({ deletionTimestamp: '2026-01-02T03:04:05Z' })],
    ['is Succeeded', object({}, 'Succeeded')],
    ['is Failed', object({}, 'Failed')],
    ['is Pending', object({}, 'Pending')],
  ])('but not when it %s', (how, found) => {
    const fault = podFault(found, pod);
    expect(fault).toMatchObject({ code: 'PodGone', retryable: false });
    expect(fault?.message).toContain(`pod shop/web ${how}`);
  });
});

describe('the watch over a pod', () => {
  type Test = (found: KubeObject | undefined) => unknown;
  const client = (waitFor: (test: Test, signal?: AbortSignal) => Promise<unknown>) =>
    ({
      waitFor: (_gvr: object, _ns: string, _name: string, test: Test, options: { signal?: AbortSignal }) =>
        waitFor(test, options.signal),
      find: async () => object(),
    }) as unknown as KubeClient;

  it('tells with the reason when the pod goes', async () => {
    let seen: ((found: KubeObject | undefined) => void) | undefined;
    const kube = client((test) => new Promise((resolve) => (seen = (found) => resolve(test(found)))));
    const watch = new PodWatch(kube, pod);
    expect(watch.gone.aborted).toBe(false);
    seen?.(object({ deletionTimestamp: 'now' }));
    await new Promise((resolve) => watch.gone.addEventListener('abort', resolve));
    expect(watch.gone.reason).toMatchObject({ code: 'PodGone' });
  });

  it('that fails says nothing: the question at the end decides', async () => {
    const kube = client(async () => {
      throw new KubeWaitTimeout('pod', 1, undefined);
    });
    const watch = new PodWatch(kube, pod);
    await Promise.resolve();
    expect(watch.gone.aborted).toBe(false);
    expect(await watch.fault()).toBeUndefined();
  });

  it('ends when it is stopped', async () => {
    let signal: AbortSignal | undefined;
    const kube = client((_test, given) => {
      signal = given;
      return new Promise(() => undefined);
    });
    new PodWatch(kube, pod).stop();
    expect(signal?.aborted).toBe(true);
  });
});
