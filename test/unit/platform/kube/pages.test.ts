import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { GVRS } from '../../../../platform/kube/gvr.ts';
import { stringifyJson } from '../../../../platform/kube/json.ts';
import { PAGE } from '../../../../platform/kube/limits.ts';
import { listAll, listPages } from '../../../../platform/kube/pages.ts';
import { collect } from '../../../support/collect.ts';
import { json, startFakeApi, status, type FakeApi, type FakeHandler } from '../../../support/fake-api.ts';

let api: FakeApi;
const start = async (handle: FakeHandler) => (api = await startFakeApi(handle));
afterEach(() => api.close());

/** `total` secrets in pages; the continue token is the number of the next one. */
function serve(total: number) {
  return ({ query }: { query: URLSearchParams }, response: ServerResponse) => {
    const from = Number(query.get('continue') ?? 0);
    const to = Math.min(total, from + Number(query.get('limit')));
    const items = Array.from({ length: to - from }, (_, i) => ({ metadata: { name: `s${from + i}` } }));
    const metadata = { resourceVersion: '7', ...(to < total && { continue: String(to) }) };
    json(response, { kind: 'SecretList', apiVersion: 'v1', metadata, items });
  };
}

describe('pages', () => {
  it('come in order, with the kind in each item', async () => {
    await start(serve(1200));
    const pages = await collect(
      listPages(api.transport, GVRS.secrets, { namespace: 'app', labelSelector: 'a=b' }),
    );
    expect(pages.map(({ items, continue: token }) => [items.length, token])).toEqual([
      [500, '500'],
      [500, '1000'],
      [200, ''],
    ]);
    expect(pages[2]?.items[199]).toEqual({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's1199' } });
    expect(pages[0]?.resourceVersion).toBe('7');
    expect(api.requests[1]?.query.toString()).toBe('limit=500&continue=500&labelSelector=a%3Db');
  });

  it('begin where they are told to', async () => {
    await start(serve(30));
    const [page] = await collect(listPages(api.transport, GVRS.secrets, { limit: 20, continue: '25' }));
    expect(page?.items.map(({ metadata }) => metadata.name)).toEqual(['s25', 's26', 's27', 's28', 's29']);
  });

  it('leave what the server wrote as it was', async () => {
    const item = '{"apiVersion":"x/v1","kind":"Odd","metadata":{"name":"a"},"spec":{"big":9007199254740993}}';
    await start((_request, response) => json(response, `{"kind":"OddList","metadata":{},"items":[${item}]}`));
    const [object] = await listAll(api.transport, { group: 'x', version: 'v1', resource: 'odds' });
    expect(stringifyJson(object)).toBe(item);
  });

  it('are none for an empty list', async () => {
    await start((_request, response) => json(response, { kind: 'SecretList', items: null }));
    expect(await listAll(api.transport, GVRS.secrets)).toEqual([]);
  });

  it('fetch one ahead, no more, and none when left', async () => {
    await start(serve(100));
    for await (const page of listPages(api.transport, GVRS.secrets, { limit: 10 })) {
      expect(page.items).toHaveLength(10);
      await expect.poll(() => api.requests.length).toBe(2);
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(api.requests).toHaveLength(2);
  });

  it('throw 410 after what came before it', async () => {
    await start((request, response) => {
      if (request.query.has('continue')) return status(response, 410, 'Expired');
      return serve(100)(request, response);
    });
    const got: number[] = [];
    const reading = (async () => {
      for await (const { items } of listPages(api.transport, GVRS.secrets, { limit: 10 }))
        got.push(items.length);
    })();
    await expect(reading).rejects.toMatchObject({ code: 410 });
    expect(got).toEqual([10]);
  });

  it('become smaller where objects are large', async () => {
    const big = 'x'.repeat(200_000);
    await start(({ query }, response) => {
      const from = Number(query.get('continue') ?? 0);
      const limit = Number(query.get('limit'));
      const items = Array.from({ length: limit }, (_, i) => ({ metadata: { name: `s${from + i}` }, big }));
      json(response, { kind: 'SecretList', metadata: { continue: String(from + limit) }, items });
    });
    const sizes: number[] = [];
    for await (const { items } of listPages(api.transport, GVRS.secrets, { limit: 400 })) {
      sizes.push(items.length);
      if (sizes.length === 3) break;
    }
    expect(sizes).toEqual([50, 50, 50]);
    expect(400 * 200_000).toBeGreaterThan(PAGE.bodyBytes);
  });
});

describe('listAll', () => {
  it('begins again when the token has expired, and gives up in the end', async () => {
    let expiries = 0;
    await start((request, response) => {
      if (request.query.has('continue') && expiries-- > 0) return status(response, 410, 'Expired');
      return serve(700)(request, response);
    });
    expiries = 3;
    const names = (await listAll(api.transport, GVRS.secrets)).map(({ metadata }) => metadata.name);
    expect(new Set(names).size).toBe(700);
    expect(names).toHaveLength(700);
    expiries = 4;
    await expect(listAll(api.transport, GVRS.secrets)).rejects.toMatchObject({ code: 410 });
  });

  it('ends with the signal', async () => {
    await start(() => undefined);
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('stop')), 20);
    await expect(listAll(api.transport, GVRS.secrets, { signal: stop.signal })).rejects.toThrow('stop');
  });
});
