import { afterEach, describe, expect, it } from 'vitest';
import { ListReader } from '../../../../activities/backup/read-list.ts';
import type { ResourceRef } from '../../../../core/model.ts';
import { listPages } from '../../../../platform/kube/pages.ts';
import { json, startFakeApi, status } from '../../../support/fake-api.ts';
import type { FakeApi, FakeHandler } from '../../../support/fake-api.ts';

const WIDGETS: ResourceRef = {
  group: 'example.com',
  version: 'v1',
  resource: 'widgets',
  kind: 'Widget',
  namespaced: true,
};
const RETRY = { forMs: 300, initialIntervalMs: 10, maximumIntervalMs: 50 };

let api: FakeApi;
afterEach(() => api.close());

async function reader(handle: FakeHandler) {
  api = await startFakeApi((request, response) =>
    request.path === '/version' ? json(response, { gitVersion: 'v1' }) : handle(request, response),
  );
  return new ListReader(
    {
      pages: (gvr, options) => listPages(api.transport, gvr, options),
      version: () => api.transport.json({ path: '/version' }),
    },
    new AbortController().signal,
    RETRY,
  );
}

const page = (names: string[], next = '') => ({
  kind: 'WidgetList',
  apiVersion: 'example.com/v1',
  metadata: { continue: next },
  items: names.map((name) => ({ kind: 'Widget', metadata: { name } })),
});

async function namesOf(lists: ListReader, token = '') {
  const names: string[] = [];
  const failure = await lists.read({ resource: WIDGETS, token }, async ({ items }, again) => {
    for (const { metadata } of items) names.push(again ? `${metadata.name} again` : metadata.name);
  });
  return { names, failure };
}

describe('a list', () => {
  it('is read page by page, or on from a token', async () => {
    const lists = await reader(({ query }, response) =>
      json(response, query.get('continue') === 'c1' ? page(['b']) : page(['a'], 'c1')),
    );
    expect(await namesOf(lists)).toEqual({ names: ['a', 'b'], failure: undefined });
    expect(await namesOf(lists, 'c1')).toEqual({ names: ['b'], failure: undefined });
  });

  it('that expires goes on with the rest as it is now', async () => {
    const lists = await reader(({ query }, response) => {
      const token = query.get('continue');
      if (token === null) return json(response, page(['a'], 'old'));
      if (token === 'fresh') return json(response, page(['b']));
      const expired = { kind: 'Status', code: 410, reason: 'Expired', metadata: { continue: 'fresh' } };
      return json(response, expired, 410);
    });
    expect(await namesOf(lists)).toEqual({ names: ['a', 'b'], failure: undefined });
  });

  it('that expires without a way on is begun again, and says so', async () => {
    let expiries = 0;
    const lists = await reader(({ query }, response) => {
      if (query.get('continue') === null) return json(response, page(['a'], 'old'));
      if (expiries++ === 0) return status(response, 410, 'Expired');
      return json(response, page(['b']));
    });
    expect(await namesOf(lists)).toEqual({ names: ['a', 'a again', 'b again'], failure: undefined });
  });

  it('that expires again and again is left to the next attempt', async () => {
    const lists = await reader((_request, response) => status(response, 410, 'Expired'));
    await expect(namesOf(lists)).rejects.toMatchObject({ code: 'KubeUnavailable', retryable: true });
  });

  it('that may not be read is given back with the reason at once', async () => {
    const lists = await reader((_request, response) => status(response, 403, 'Forbidden'));
    const { names, failure } = await namesOf(lists);
    expect(names).toEqual([]);
    expect(failure).toMatchObject({ code: 403 });
    expect(api.requests).toHaveLength(1);
  });

  it('whose server is away for a moment is read when it is back, and no object twice', async () => {
    let failures = 2;
    const lists = await reader(({ query }, response) => {
      if (query.get('continue') === null) return json(response, page(['a'], 'c1'));
      if (failures-- > 0) return status(response, 500, 'InternalError');
      return json(response, page(['b']));
    });
    expect(await namesOf(lists)).toEqual({ names: ['a', 'b'], failure: undefined });
  });

  it('whose server stays away is given up after a while, and others of it at once', async () => {
    const lists = await reader((_request, response) => status(response, 500, 'InternalError'));
    const started = Date.now();
    expect((await namesOf(lists)).failure).toMatchObject({ code: 500 });
    const taken = Date.now() - started;
    expect(taken).toBeGreaterThanOrEqual(RETRY.forMs);
    const before = api.requests.length;
    expect((await namesOf(lists)).failure).toMatchObject({ code: 500 });
    // The list, and the question whether the API server lives.
    expect(api.requests.length - before).toBe(2);
  });

  it('is left to the next attempt when the API server itself does not answer', async () => {
    const lists = await reader((_request, response) => status(response, 500, 'InternalError'));
    const { transport } = api;
    const broken = new ListReader(
      {
        pages: (gvr, options) => listPages(transport, gvr, options),
        version: () => Promise.reject(new Error()),
      },
      new AbortController().signal,
      RETRY,
    );
    await expect(namesOf(broken)).rejects.toMatchObject({ code: 'KubeUnavailable', retryable: true });
    expect((await namesOf(lists)).failure).toBeDefined();
  });

  it.each([
    [401, 'Unauthorized'],
    [429, 'TooManyRequests'],
  ])('answered with %i is left to the next attempt: it is about all requests', async (code, reason) => {
    const lists = await reader((_request, response) => status(response, code, reason));
    await expect(namesOf(lists)).rejects.toMatchObject({ code: 'KubeUnavailable', retryable: true });
  });

  it("passes the sink's own failure on as it is", async () => {
    const lists = await reader((_request, response) => json(response, page(['a'])));
    const failure = new Error('the store is full');
    const reading = lists.read({ resource: WIDGETS, token: '' }, () => Promise.reject(failure));
    await expect(reading).rejects.toBe(failure);
  });
});
