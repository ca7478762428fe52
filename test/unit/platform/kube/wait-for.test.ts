import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KubeWaitTimeout } from '../../../../platform/kube/errors.ts';
import { GVRS } from '../../../../platform/kube/gvr.ts';
import { waitForObject } from '../../../../platform/kube/wait-for.ts';
import { startFakeApi, status, type FakeApi } from '../../../support/fake-api.ts';
import { FakeResource } from '../../../support/fake-watch.ts';

interface Thing {
  metadata: { name: string };
  value: string;
}

let api: FakeApi;
let things: FakeResource;
beforeEach(async () => {
  things = new FakeResource();
  api = await startFakeApi((request, response) => things.handle(request, response));
});
afterEach(() => api.close());

const untilWatching = (count = 1) => expect.poll(() => things.watches.length, { interval: 2 }).toBe(count);

function waitFor<R>(
  test: (thing: Thing | undefined) => R | undefined,
  { timeoutMs = 2000, signal = undefined as AbortSignal | undefined } = {},
) {
  const target = { gvr: GVRS.configmaps, namespace: 'app', name: 'a' };
  const waiting = waitForObject<Thing, R>(api.transport, target, test, { timeoutMs, signal });
  waiting.catch(() => undefined);
  return waiting;
}

const gone = (thing: Thing | undefined) => (thing === undefined ? 'gone' : undefined);
const value = (wanted: string) => (thing: Thing | undefined) =>
  thing?.value === wanted ? thing.value : undefined;

describe('waitFor', () => {
  it('takes one request when there is nothing to wait for', async () => {
    things.put('a', 'ready');
    expect(await waitFor(value('ready'))).toBe('ready');
    expect(await waitFor((thing) => (thing ? false : undefined))).toBe(false);
    things.objects.clear();
    expect(await waitFor(gone)).toBe('gone');
    expect(api.requests).toHaveLength(3);
    expect(api.requests[0]?.query.get('fieldSelector')).toBe('metadata.name=a');
    expect(api.requests[0]?.path).toBe('/api/v1/namespaces/app/configmaps');
  });

  it('sees every state on one watch, without asking', async () => {
    const states: (string | undefined)[] = [];
    const waiting = waitFor((thing) => {
      states.push(thing?.value);
      return thing?.value === '3' ? 'done' : undefined;
    });
    await untilWatching();
    things.send('ADDED', things.put('a', '1'));
    things.send('MODIFIED', things.put('a', '2'));
    things.send('DELETED', things.object('a'));
    things.send('ADDED', things.put('a', '3', 'another uid'));
    expect(await waiting).toBe('done');
    expect(states).toEqual([undefined, '1', '2', undefined, '3']);
    expect(api.requests).toHaveLength(2);
    await expect.poll(() => api.open).toBeLessThanOrEqual(1);
  });

  it('sees an end that only a new list shows', async () => {
    things.put('a', '1');
    const waiting = waitFor(gone);
    await untilWatching();
    things.objects.clear();
    things.send('ERROR', { kind: 'Status', code: 410 });
    expect(await waiting).toBe('gone');
  });

  it('gives up in time, with the object last seen and the cause', async () => {
    things.put('a', '1');
    const waiting = waitFor(value('2'), { timeoutMs: 150 });
    await untilWatching();
    things.onWatch = (response) => (status(response, 503, 'ServiceUnavailable'), true);
    things.connection.destroy();
    const error = await waiting.catch((reason: unknown) => reason as KubeWaitTimeout);
    expect(error).toBeInstanceOf(KubeWaitTimeout);
    expect(error).toMatchObject({ last: { value: '1' }, cause: { code: expect.any(Number) as number } });
    expect((error as Error).message).toContain('/api/v1/namespaces/app/configmaps/a');
  });

  it('ends with the reason of the signal, and with what the test throws', async () => {
    const stop = new AbortController();
    const waiting = waitFor(value('2'), { signal: stop.signal });
    await untilWatching();
    stop.abort(new Error('cancelled'));
    await expect(waiting).rejects.toThrow('cancelled');
    things.put('a', '1');
    const failing = waitFor(() => {
      throw new Error('failed pod');
    });
    await expect(failing).rejects.toThrow('failed pod');
  });

  it('passes on what waiting cannot mend', async () => {
    things.onWatch = (response) => (status(response, 403, 'Forbidden'), true);
    await expect(waitFor(value('2'))).rejects.toMatchObject({ code: 403 });
  });

  it('refuses names that cannot be', async () => {
    const target = { gvr: GVRS.configmaps, namespace: 'app', name: '../a' };
    await expect(waitForObject(api.transport, target, () => 1, { timeoutMs: 10 })).rejects.toThrow(TypeError);
  });
});
