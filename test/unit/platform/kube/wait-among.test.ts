import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KubeWaitTimeout } from '../../../../platform/kube/errors.ts';
import { GVRS } from '../../../../platform/kube/gvr.ts';
import { SharedWatches } from '../../../../platform/kube/shared-watch.ts';
import { waitAmong } from '../../../../platform/kube/wait-among.ts';
import { startFakeApi, status, type FakeApi } from '../../../support/fake-api.ts';
import { FakeResource } from '../../../support/fake-watch.ts';

interface Thing {
  metadata: { name: string; uid: string };
  value: string;
}

/** Instead of five seconds. */
const LINGER = 300;
const past = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let api: FakeApi;
let things: FakeResource;
let watches: SharedWatches;
beforeEach(async () => {
  things = new FakeResource();
  api = await startFakeApi((request, response) => things.handle(request, response));
  watches = new SharedWatches(api.transport, LINGER);
});
afterEach(async () => {
  watches.close(new Error('the test is over'));
  await api.close();
});

const untilWatching = (count = 1) => expect.poll(() => things.watches.length, { interval: 2 }).toBe(count);

function waitFor<R>(
  name: string,
  test: (thing: Thing | undefined) => R | undefined,
  { timeoutMs = 2000, signal = undefined as AbortSignal | undefined } = {},
) {
  const target = { gvr: GVRS.configmaps, namespace: 'app', name, labelSelector: 'mine=yes' };
  const waiting = waitAmong<Thing, R>(api.transport, watches, target, test, { timeoutMs, signal });
  waiting.catch(() => undefined);
  return waiting;
}

const gone = (thing: Thing | undefined) => (thing === undefined ? 'gone' : undefined);
const value = (wanted: string) => (thing: Thing | undefined) =>
  thing?.value === wanted ? thing.value : undefined;

const watchThatStands = async () => {
  const other = waitFor('other', value('told'));
  await untilWatching();
  return async () => {
    things.send('ADDED', things.put('other', 'told'));
    expect(await other).toBe('told');
  };
};

describe('waiting among others', () => {
  it('shares one watch, each with one look of its own', async () => {
    things.put('a', '1');
    things.put('b', '1');
    const waiting = Promise.all([waitFor('a', value('2')), waitFor('b', value('2')), waitFor('a', gone)]);
    await untilWatching();
    things.send('MODIFIED', things.put('a', '2'));
    things.send('MODIFIED', things.put('b', '2'));
    things.send('DELETED', things.object('a'));
    expect(await waiting).toEqual(['2', '2', 'gone']);
    expect(things.lists).toBe(1);
    expect(things.watches).toHaveLength(1);
    expect(things.watches[0]?.query.get('labelSelector')).toBe('mine=yes');
    expect(api.requests.filter(({ path }) => path.endsWith('/configmaps'))).toHaveLength(2);
    expect(api.requests).toHaveLength(5);
  });

  it('is taken up again by who comes soon after the last', async () => {
    things.put('a', 'ready');
    expect(await waitFor('a', value('ready'))).toBe('ready');
    await untilWatching();
    expect(await waitFor('a', value('ready'))).toBe('ready');
    const long = waitFor('a', value('later'));
    await past(2 * LINGER);
    expect(things.connection.writableFinished || things.connection.destroyed).toBe(false);
    things.send('MODIFIED', things.put('a', 'later'));
    expect(await long).toBe('later');
    expect(things.lists).toBe(1);
    expect(things.watches).toHaveLength(1);
  });

  it('ends when nobody came, and begins anew for who comes later', async () => {
    things.put('a', 'ready');
    expect(await waitFor('a', value('ready'))).toBe('ready');
    await untilWatching();
    expect(things.connection.destroyed).toBe(false);
    await expect.poll(() => things.connection.destroyed, { interval: 5 }).toBe(true);
    expect(await waitFor('a', value('ready'))).toBe('ready');
    expect(things.lists).toBe(2);
  });

  it('is not deceived by what the watch saw before: an object that is there is not gone', async () => {
    const first = waitFor('other', value('never'), { timeoutMs: 500 });
    await untilWatching();
    // The watch is late: it has not told of the new object yet.
    things.put('a', '1');
    let ended = false;
    const waiting = waitFor('a', gone).then((result) => ((ended = true), result));
    await past(50);
    expect(ended).toBe(false);
    things.send('ADDED', things.object('a'));
    things.send('DELETED', things.object('a'));
    expect(await waiting).toBe('gone');
    await expect(first).rejects.toThrow(KubeWaitTimeout);
  });

  it('sees an end that neither list nor watch told', async () => {
    const first = waitFor('other', value('never'), { timeoutMs: 1000 });
    await untilWatching();
    things.put('a', '1');
    const waiting = waitFor('a', gone);
    await past(50);
    things.objects.clear();
    things.send('ERROR', { kind: 'Status', code: 410 });
    expect(await waiting).toBe('gone');
    await expect(first).rejects.toThrow(KubeWaitTimeout);
  });

  it('gives up in time, with the object last seen and the cause', async () => {
    things.put('a', '1');
    const waiting = waitFor('a', value('2'), { timeoutMs: 300 });
    await untilWatching();
    await past(50);
    things.onWatch = (response) => (status(response, 503, 'ServiceUnavailable'), true);
    things.connection.destroy();
    const error = await waiting.catch((reason: unknown) => reason as KubeWaitTimeout);
    expect(error).toBeInstanceOf(KubeWaitTimeout);
    expect(error).toMatchObject({ last: { value: '1' }, cause: { code: expect.any(Number) as number } });
  });

  it('ends with the reason of the signal, with what the test throws, and with the client', async () => {
    const stop = new AbortController();
    const waiting = waitFor('a', value('2'), { signal: stop.signal });
    await untilWatching();
    stop.abort(new Error('cancelled'));
    await expect(waiting).rejects.toThrow('cancelled');
    things.put('a', '1');
    const failing = waitFor('a', () => {
      throw new Error('failed pod');
    });
    await expect(failing).rejects.toThrow('failed pod');
    const last = waitFor('a', value('2'));
    watches.close(new Error('closed'));
    await expect(last).rejects.toThrow('closed');
  });

  it('passes on what waiting cannot mend, and begins anew for the next', async () => {
    things.onWatch = (response) => (status(response, 403, 'Forbidden'), true);
    await expect(waitFor('a', value('2'))).rejects.toMatchObject({ code: 403 });
    things.onWatch = () => false;
    things.put('a', '2');
    expect(await waitFor('a', value('2'))).toBe('2');
  });

  it('leaves its successor alone when it failed', async () => {
    things.onWatch = (response) => (status(response, 403, 'Forbidden'), true);
    await expect(waitFor('a', value('2'))).rejects.toMatchObject({ code: 403 });
    things.onWatch = () => false;
    things.put('a', '1');
    const first = waitFor('a', value('2'));
    await untilWatching(2);
    // As long as the failed one would have lingered.
    await past(2 * LINGER);
    const second = waitFor('a', value('2'));
    await past(50);
    things.send('MODIFIED', things.put('a', '2'));
    expect(await Promise.all([first, second])).toEqual(['2', '2']);
    expect(things.lists).toBe(2);
    expect(things.watches).toHaveLength(2);
  });
});

describe('a watch that is late', () => {
  /** Everything that was sent before has been told by then. */
  let told: () => Promise<void>;
  beforeEach(async () => {
    told = await watchThatStands();
  });

  it('does not take the end of a predecessor for the end of the object', async () => {
    const old = things.put('a', '1', 'old');
    things.put('a', '1', 'new');
    let ended = false;
    const waiting = waitFor('a', gone).then((result) => ((ended = true), result));
    await past(50);
    for (const type of ['ADDED', 'MODIFIED', 'DELETED']) things.send(type, old);
    await told();
    await past(20);
    expect(ended).toBe(false);
    things.send('ADDED', things.object('a'));
    things.send('DELETED', things.object('a'));
    expect(await waiting).toBe('gone');
  });

  it.each(['its successor is there', 'nothing is there'])(
    'does not take the state of a predecessor for that of the object: %s',
    async (now) => {
      const old = things.put('a', 'ready', 'old');
      if (now === 'nothing is there') things.objects.delete('a');
      else things.put('a', '1', 'new');
      const uids: (string | undefined)[] = [];
      const waiting = waitFor('a', (thing) => {
        uids.push(thing?.metadata.uid);
        return value('ready')(thing);
      });
      await past(50);
      things.send('ADDED', old);
      await told();
      things.send('DELETED', old);
      things.send('ADDED', things.put('a', '2', 'new'));
      things.send('MODIFIED', things.put('a', 'ready', 'new'));
      expect(await waiting).toBe('ready');
      expect(uids).not.toContain('old');
    },
  );

  it('does not go back to a state before the one that was read', async () => {
    const before = things.put('a', 'failed');
    things.put('a', 'mended');
    const values: (string | undefined)[] = [];
    const waiting = waitFor('a', (thing) => {
      values.push(thing?.value);
      return value('ready')(thing);
    });
    await past(50);
    things.send('ADDED', before);
    things.send('MODIFIED', things.object('a'));
    things.send('MODIFIED', things.put('a', 'ready'));
    expect(await waiting).toBe('ready');
    expect(values).toEqual(['mended', 'mended', 'ready']);
    await told();
  });

  it('believes every state where versions are no numbers', async () => {
    things.put('a', '1');
    const waiting = waitFor('a', value('2'));
    await past(50);
    const changed = things.put('a', '2');
    things.send('MODIFIED', { ...changed, metadata: { ...changed.metadata, resourceVersion: 'x-1' } });
    expect(await waiting).toBe('2');
    await told();
  });
});
