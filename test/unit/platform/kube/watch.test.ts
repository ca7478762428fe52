import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GVRS } from '../../../../platform/kube/gvr.ts';
import type { WatchEvent } from '../../../../platform/kube/types.ts';
import { watchObjects } from '../../../../platform/kube/watch.ts';
import { startFakeApi, status, type FakeApi } from '../../../support/fake-api.ts';
import { FakeResource } from '../../../support/fake-watch.ts';

const expired = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
const tuning = { retry: 5, retryLongest: 40, shortest: 50 };

let api: FakeApi;
let things: FakeResource;
let stop: AbortController;
let troubles: unknown[];

beforeEach(async () => {
  things = new FakeResource();
  stop = new AbortController();
  troubles = [];
  api = await startFakeApi((request, response) => things.handle(request, response));
});
afterEach(() => api.close());

const told = ({ type, object }: WatchEvent) =>
  object === undefined ? type : `${type} ${object.metadata.name}=${String(object['value'])}`;

/** Starts a watch; `seen` grows as events come, `ended` is how it ended. */
function watch(options: { tuning?: object; labelSelector?: string } = {}) {
  const seen: string[] = [];
  const events = watchObjects(api.transport, GVRS.configmaps, {
    ...options,
    signal: stop.signal,
    onRetry: (error) => troubles.push(error),
    tuning: { ...tuning, ...options.tuning },
  });
  const ended = (async () => {
    for await (const event of events) seen.push(told(event));
  })();
  ended.catch(() => undefined);
  return { seen, ended };
}

const untilWatching = (count = 1) =>
  expect.poll(() => things.watches.length, { interval: 2, timeout: 3000 }).toBe(count);
const until = (seen: string[], expected: string[]) =>
  expect.poll(() => seen, { interval: 2 }).toEqual(expected);

describe('watch', () => {
  it('tells the list, SYNCED, then the changes', async () => {
    things.put('a', 'Grüße');
    const { seen, ended } = watch({ labelSelector: 'x=y' });
    await untilWatching();
    things.send('ADDED', things.put('b', '1'));
    things.send('MODIFIED', things.put('a', '2'));
    things.send('DELETED', things.object('b'));
    await until(seen, ['ADDED a=Grüße', 'SYNCED', 'ADDED b=1', 'MODIFIED a=2', 'DELETED b=1']);
    expect(Object.fromEntries(things.watches[0]!.query)).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '101',
      timeoutSeconds: expect.stringMatching(/^(4\d|50)$/) as string,
      labelSelector: 'x=y',
    });
    stop.abort();
    await ended;
    // What is left is the pooled connection of the list.
    await expect.poll(() => api.open).toBeLessThanOrEqual(1);
  });

  it('puts events together that come in pieces', async () => {
    const { seen } = watch();
    await untilWatching();
    const bytes = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: things.put('a', '€') })}\n`);
    for (const byte of bytes) things.connection.write(Buffer.of(byte));
    await until(seen, ['SYNCED', 'ADDED a=€']);
  });

  it('goes on from the last bookmark when the server ends the connection', async () => {
    const { seen } = watch();
    await untilWatching();
    things.send('BOOKMARK', { kind: 'Thing', metadata: { resourceVersion: '150' } });
    things.connection.end();
    await untilWatching(2);
    expect(things.watches[1]!.query.get('resourceVersion')).toBe('150');
    things.send('ADDED', things.put('a', '1'));
    await until(seen, ['SYNCED', 'ADDED a=1']);
    expect(things.lists).toBe(1);
    expect(troubles).toEqual([]);
  });

  it('goes on from the last event when the connection breaks', async () => {
    const { seen } = watch();
    await untilWatching();
    things.send('ADDED', things.put('a', '1'));
    await until(seen, ['SYNCED', 'ADDED a=1']);
    things.connection.destroy();
    await untilWatching(2);
    expect(things.watches[1]!.query.get('resourceVersion')).toBe('101');
    expect(things.lists).toBe(1);
    expect(troubles).toMatchObject([{ code: 0, reason: 'Disconnected' }]);
  });

  it.each(['event', 'answer'])('lists again after a 410 (%s), and tells what was missed', async (how) => {
    things.put('gone', '1');
    things.put('same', '1');
    things.put('changed', '1');
    things.put('replaced', '1');
    const { seen } = watch();
    await until(seen, ['ADDED gone=1', 'ADDED same=1', 'ADDED changed=1', 'ADDED replaced=1', 'SYNCED']);
    await untilWatching();
    things.objects.delete('gone');
    things.put('changed', '2');
    things.put('replaced', '2', 'another uid');
    things.put('new', '1');
    if (how === 'event') {
      things.send('ERROR', expired);
    } else {
      things.onWatch = (response) => {
        things.onWatch = () => false;
        status(response, 410, 'Expired');
        return true;
      };
      things.connection.end();
    }
    await expect.poll(() => things.lists).toBe(2);
    await expect
      .poll(() => seen.slice(5))
      .toEqual([
        'MODIFIED changed=2',
        'DELETED replaced=1',
        'ADDED replaced=2',
        'ADDED new=1',
        'DELETED gone=1',
        'SYNCED',
      ]);
  });

  it('takes a line that it cannot read for a reason to list again', async () => {
    const { seen } = watch();
    await untilWatching();
    things.put('a', '1');
    things.connection.write('{"type":"ADDED","object":{"meta\n');
    await until(seen, ['SYNCED', 'ADDED a=1', 'SYNCED']);
    expect(troubles).toMatchObject([{ code: 0, reason: 'Malformed' }]);
  });

  it('goes on from the same version after another error event', async () => {
    const { seen } = watch();
    await untilWatching();
    things.send('ERROR', { kind: 'Status', code: 500, message: 'etcd' });
    await untilWatching(2);
    expect(things.watches[1]!.query.get('resourceVersion')).toBe('100');
    expect([seen, things.lists]).toEqual([['SYNCED'], 1]);
    expect(troubles).toMatchObject([{ code: 500, message: 'etcd' }]);
  });

  it('leaves a connection that is silent beyond its time', async () => {
    const { seen } = watch({ tuning: { seconds: 0.1, spreadSeconds: 0, grace: 50 } });
    await untilWatching();
    await untilWatching(2);
    expect(troubles).toMatchObject([{ code: 0, reason: 'Timeout' }]);
    things.send('ADDED', things.put('a', '1'));
    await until(seen, ['SYNCED', 'ADDED a=1']);
  });

  it('ends when the loop is left', async () => {
    for await (const event of watchObjects(api.transport, GVRS.configmaps, { signal: stop.signal })) {
      expect(event.type).toBe('SYNCED');
      break;
    }
    await expect.poll(() => api.open).toBeLessThanOrEqual(1);
    expect(things.watches).toEqual([]);
  });
});

describe('watch waits', () => {
  it('ever longer, but never long, while the API fails', async () => {
    const times: number[] = [];
    things.onWatch = (response) => {
      times.push(performance.now());
      status(response, 500, 'InternalError');
      return true;
    };
    const { seen } = watch();
    await expect.poll(() => times.length, { timeout: 5000 }).toBeGreaterThan(12);
    const gaps = times.slice(1).map((time, i) => time - times[i]!);
    expect(Math.max(...gaps)).toBeLessThan(tuning.retryLongest + 100);
    expect(times.at(-1)! - times[0]!).toBeGreaterThan(100);
    things.onWatch = () => false;
    await untilWatching(times.length + 1);
    things.send('ADDED', things.put('a', '1'));
    await until(seen, ['SYNCED', 'ADDED a=1']);
    expect(things.lists).toBe(1);
  });

  it('before it asks again a server that ends every watch at once', async () => {
    things.onWatch = (response) => (response.end(), true);
    watch();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(things.watches.length).toBeGreaterThan(3);
    expect(things.watches.length).toBeLessThan(30);
  });

  it('not at all after a watch that was of use', async () => {
    watch();
    for (let i = 1; i <= 20; i++) {
      await untilWatching(i);
      things.send('ADDED', things.put(`a${i}`, '1'));
      things.connection.end();
    }
    await untilWatching(21);
    expect(troubles).toEqual([]);
  });
});

describe('watch ends', () => {
  it.each([400, 403, 404, 405, 422])('with the error of a refusal: %i', async (code) => {
    things.onWatch = (response) => (status(response, code, 'No'), true);
    await expect(watch().ended).rejects.toMatchObject({ code });
    expect(things.watches).toHaveLength(1);
  });

  it('with the error of a list that is refused', async () => {
    things.handle = (_request, response) => status(response, 403, 'Forbidden');
    await expect(watch().ended).rejects.toMatchObject({ code: 403 });
  });

  it.each([401, 408, 429, 500, 503, 504])('not with %i, which passes', async (code) => {
    let first = true;
    things.onWatch = (response) => {
      if (!first) return false;
      first = false;
      status(response, code, 'Later');
      return true;
    };
    const { seen } = watch();
    await untilWatching(2);
    things.send('ADDED', things.put('a', '1'));
    await until(seen, ['SYNCED', 'ADDED a=1']);
  });

  it('quietly with the signal: before, in the list, while reading, while waiting', async () => {
    const handle = things.handle.bind(things);
    things.handle = () => undefined;
    let { seen, ended } = watch();
    setTimeout(() => stop.abort(), 20);
    await ended;
    ({ seen, ended } = watch());
    await ended;
    expect(seen).toEqual([]);

    stop = new AbortController();
    things.handle = handle;
    ({ ended } = watch());
    await untilWatching();
    stop.abort();
    await ended;

    stop = new AbortController();
    things.onWatch = (response) => (status(response, 500, 'InternalError'), true);
    ({ ended } = watch({ tuning: { retry: 60_000, retryLongest: 60_000 } }));
    await untilWatching(2);
    setTimeout(() => stop.abort(), 20);
    await ended;
  });

  it('when the client is closed', async () => {
    const { ended } = watch();
    await untilWatching();
    await api.transport.close();
    await expect(ended).rejects.toMatchObject({ reason: 'Closed' });
  });
});
