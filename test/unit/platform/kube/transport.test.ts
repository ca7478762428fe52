import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { isNotFound, KubeError } from '../../../../platform/kube/errors.ts';
import { RETRY } from '../../../../platform/kube/limits.ts';
import { Transport, type RequestSpec } from '../../../../platform/kube/transport.ts';
import { collect } from '../../../support/collect.ts';
import {
  configFor,
  json,
  startFakeApi,
  status,
  type FakeApi,
  type FakeHandler,
} from '../../../support/fake-api.ts';

let api: FakeApi;
const start = async (handle: FakeHandler, user?: object) => (api = await startFakeApi(handle, user));
afterEach(() => api.close());

const failure = async (spec: RequestSpec, transport = api.transport) => {
  const error: unknown = await transport.send(spec).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error as KubeError;
};

describe('requests', () => {
  it('carry path, query, body and credentials', async () => {
    await start((request, response) => json(response, { n: '1' }));
    const spec = {
      path: '/api/v1/x',
      query: { a: 'b c', none: undefined, empty: '', yes: true, many: ['1', ''] },
    };
    expect(
      await api.transport.json({ ...spec, method: 'PATCH', body: '{}', contentType: 'application/x' }),
    ).toEqual({
      n: '1',
    });
    const [{ method, path, query, headers, body }] = api.requests as [(typeof api.requests)[0]];
    expect({ method, path, query: query.toString(), body }).toEqual({
      method: 'PATCH',
      path: '/api/v1/x',
      query: 'a=b+c&yes=true&many=1&many=',
      body: '{}',
    });
    expect(headers).toMatchObject({
      authorization: 'Bearer secret-token',
      'content-type': 'application/x',
      'user-agent': 'caravel',
      accept: 'application/json',
    });
  });

  it('read the credentials each time', async () => {
    await start((_request, response) => json(response, {}));
    let token = 0;
    const config = configFor(api.url);
    config.applyToHTTPSOptions = (options) => {
      options.headers = { Authorization: `Bearer ${++token}` };
      return Promise.resolve();
    };
    const transport = new Transport(config);
    await transport.send({ path: '/a' });
    await transport.send({ path: '/b' });
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer 1', 'Bearer 2']);
    config.applyToHTTPSOptions = () => Promise.reject(new Error('plugin not found'));
    expect(await failure({ path: '/c' }, transport)).toMatchObject({ code: 0, reason: 'Credentials' });
    await transport.close();
  });

  it('that start together run an exec plugin once', async () => {
    await start((_request, response) => json(response, {}));
    let runs = 0;
    const config = configFor(api.url);
    config.applyToHTTPSOptions = async (options) => {
      const token = `Bearer ${++runs}`;
      await new Promise((resolve) => setTimeout(resolve, 20));
      options.headers = { Authorization: token };
    };
    const transport = new Transport(config);
    await Promise.all(Array.from({ length: 10 }, () => transport.send({ path: '/a' })));
    expect(runs).toBe(1);
    expect(new Set(api.requests.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer 1']));
    await transport.close();
  });

  it('take basic credentials and a path before the API', async () => {
    await start((_request, response) => json(response, {}));
    const transport = new Transport(configFor(`${api.url}/k8s/c-1/`, { username: 'u', password: 'p' }));
    await transport.send({ path: '/api' });
    expect(api.requests[0]).toMatchObject({
      path: '/k8s/c-1/api',
      headers: { authorization: `Basic ${Buffer.from('u:p').toString('base64')}` },
    });
    await transport.close();
  });

  it('go through the proxy of the kubeconfig', async () => {
    await start((_request, response) => json(response, { via: 'proxy' }));
    const transport = new Transport(configFor('http://api.invalid', {}, { proxyUrl: api.url }));
    expect(await transport.json({ path: '/version' })).toEqual({ via: 'proxy' });
    expect(api.requests[0]?.headers.host).toBe('api.invalid');
    await transport.close();
  });

  it('share a few connections', async () => {
    await start((_request, response) => void setTimeout(() => json(response, {}), 2));
    await Promise.all(Array.from({ length: 100 }, () => api.transport.send({ path: '/x' })));
    expect(api.sockets).toBeLessThanOrEqual(16);
    const before = api.sockets;
    for (let i = 0; i < 20; i++) await api.transport.send({ path: '/x' });
    expect(api.sockets).toBe(before);
  });
});

describe('answers', () => {
  it('are unzipped', async () => {
    const text = JSON.stringify({ text: 'ä'.repeat(10_000) });
    await start((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(gzipSync(text));
    });
    expect((await api.transport.send({ path: '/x' })).toString()).toBe(text);
  });

  it('come zipped from afar, and as they are from near', async () => {
    await start((_request, response) => json(response, {}));
    const named = new Transport(configFor(api.url.replace('127.0.0.1', 'localhost')));
    await api.transport.send({ path: '/x' });
    await named.send({ path: '/x' });
    await named.close();
    expect(api.requests.map(({ headers }) => headers['accept-encoding'])).toEqual(['identity', 'gzip']);
  });

  it.each([false, true])('are bounded (zipped: %s), and cost their connection only', async (zipped) => {
    await start(({ path }, response) => {
      if (path === '/small') return json(response, {});
      const body = Buffer.alloc(2_000_000, ' ');
      response.writeHead(200, zipped ? { 'content-encoding': 'gzip' } : {});
      response.end(zipped ? gzipSync(body) : body);
    });
    expect(await failure({ path: '/x', maxBodyBytes: 1_000_000 })).toMatchObject({
      code: 0,
      reason: 'TooLarge',
    });
    expect(await api.transport.json({ path: '/small' })).toEqual({});
  });

  it('that are no JSON, or no gzip, are told', async () => {
    await start(({ path }, response) => {
      response.writeHead(200, path === '/zip' ? { 'content-encoding': 'gzip' } : {});
      response.end('<html>');
    });
    await expect(api.transport.json({ path: '/x' })).rejects.toMatchObject({ code: 0, reason: 'Malformed' });
    expect(await failure({ path: '/zip' })).toMatchObject({ code: 0, reason: 'Malformed' });
  });

  it('with a Status are thrown', async () => {
    await start((_request, response) => status(response, 404, 'NotFound'));
    const error = await failure({ path: '/x' });
    expect(isNotFound(error)).toBe(true);
    expect(error).toMatchObject({ message: 'NotFound', request: 'GET /x' });
    expect(api.requests).toHaveLength(1);
  });

  it('that point elsewhere are not followed: the token would go there', async () => {
    await start((_request, response) => json(response, '', 302, { location: 'http://127.0.0.1:1/' }));
    expect(await failure({ path: '/x' })).toMatchObject({ code: 302 });
  });
});

describe('faults', () => {
  it('that pass are got over, within the bound', async () => {
    await start((_request, response) => {
      if (api.requests.length === 1) return status(response, 503, 'ServiceUnavailable');
      if (api.requests.length === 2) return void response.destroy();
      json(response, { third: true });
    });
    expect(await api.transport.json({ path: '/x' })).toEqual({ third: true });
    expect(api.requests).toHaveLength(3);
  });

  it('of a request that is not idempotent are thrown', async () => {
    await start((_request, response) => void response.destroy());
    expect(await failure({ path: '/x', method: 'POST', body: '{}' })).toMatchObject({
      code: 0,
      reason: 'Disconnected',
    });
    expect(api.requests).toHaveLength(1);
    expect(await failure({ path: '/x', method: 'PATCH', body: '{}', idempotent: true })).toBeInstanceOf(
      KubeError,
    );
    expect(api.requests).toHaveLength(2 + RETRY.attempts);
  });

  it('429 waits as long as it says', async () => {
    await start((_request, response) => {
      if (api.requests.length === 1) return status(response, 429, 'TooManyRequests', { 'retry-after': '1' });
      json(response, {});
    });
    const started = performance.now();
    await api.transport.json({ path: '/x', method: 'POST', body: '{}' });
    expect(performance.now() - started).toBeGreaterThan(990);
    expect(api.requests).toHaveLength(2);
  });

  it('429 that says a long time is thrown at once', async () => {
    await start((_request, response) => status(response, 429, 'TooManyRequests', { 'retry-after': '30' }));
    expect(await failure({ path: '/x' })).toMatchObject({ code: 429, retryAfterSeconds: 30 });
    expect(api.requests).toHaveLength(1);
  });

  it('a server that is not there', async () => {
    await start(() => undefined);
    const transport = new Transport(configFor('http://127.0.0.1:1'));
    expect(await failure({ path: '/x' }, transport)).toMatchObject({ code: 0, reason: 'Unreachable' });
    await transport.close();
  });

  it('a body that breaks off', async () => {
    await start((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{');
      setTimeout(() => response.destroy(), 5);
    });
    expect(await failure({ path: '/x', idempotent: false })).toMatchObject({
      code: 0,
      reason: 'Disconnected',
    });
  });
});

describe('time', () => {
  it('ends a request without an answer, also in the middle of it', async () => {
    await start(({ path }, response) => {
      if (path === '/half') response.write('{');
    });
    for (const path of ['/none', '/half']) {
      expect(await failure({ path, timeoutMs: 50 })).toMatchObject({ code: 0, reason: 'Timeout' });
    }
    expect(api.requests).toHaveLength(2);
    await expect.poll(() => api.open).toBe(0);
  });

  it('the signal ends it with its own reason', async () => {
    await start(() => undefined);
    const stop = new AbortController();
    const reason = new Error('cancelled');
    setTimeout(() => stop.abort(reason), 20);
    expect(await failure({ path: '/x', signal: stop.signal })).toBe(reason);
    expect(await failure({ path: '/x', signal: stop.signal })).toBe(reason);
    expect(api.requests).toHaveLength(1);
  });

  it('close ends everything', async () => {
    await start((_request, response) => void response.write('x'));
    const stream = await api.transport.open({ path: '/stream' });
    const reading = collect(stream);
    const waiting = failure({ path: '/x' });
    setTimeout(() => void api.transport.close(), 20);
    await expect(reading).rejects.toMatchObject({ reason: 'Closed' });
    expect(await waiting).toMatchObject({ reason: 'Closed' });
    expect(await failure({ path: '/x' })).toMatchObject({ reason: 'Closed' });
  });
});

describe('streams', () => {
  it('come as they are written, and end when left', async () => {
    await start((_request, response) => void response.write('one'));
    for await (const chunk of await api.transport.open({ path: '/x' })) {
      expect(chunk.toString()).toBe('one');
      break;
    }
    await expect.poll(() => api.open).toBe(0);
  });

  it('do not use up the connections of requests', async () => {
    await start(({ path }, response) => (path === '/x' ? void response.write('one') : json(response, {})));
    const streams = await Promise.all(Array.from({ length: 40 }, () => api.transport.open({ path: '/x' })));
    expect(await api.transport.json({ path: '/y' })).toEqual({});
    for (const stream of streams) {
      await stream.next();
      await stream.return(undefined);
    }
  });

  it('that the server refuses are thrown', async () => {
    await start((_request, response) => status(response, 403, 'Forbidden'));
    await expect(api.transport.open({ path: '/x' })).rejects.toMatchObject({
      code: 403,
      reason: 'Forbidden',
    });
  });

  it('leave nothing on a signal that lives on', async () => {
    await start(({ path }, response) => (path === '/x' ? void response.end('one') : json(response, {})));
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
    signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args));
    for (let i = 0; i < 20; i++) {
      await api.transport.send({ path: '/y', signal });
      await collect(await api.transport.open({ path: '/x', signal }));
    }
    expect(listeners).toBe(0);
  });
});
