import { afterEach, describe, expect, it } from 'vitest';
import { logLines } from '../../../../platform/kube/logs.ts';
import { collect } from '../../../support/collect.ts';
import { startFakeApi, status, type FakeApi } from '../../../support/fake-api.ts';

let api: FakeApi;
afterEach(() => api.close());

describe('logLines', () => {
  it('asks for what is wanted, and ends with the container', async () => {
    api = await startFakeApi(async (_request, response) => {
      const bytes = Buffer.from('{"event":"start"}\n€uro\nlast');
      for (const byte of bytes) {
        response.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    });
    const lines = await collect(
      logLines(api.transport, 'app', 'web-0', { container: 'main', follow: true, tailLines: 5 }),
    );
    expect(lines).toEqual(['{"event":"start"}', '€uro', 'last']);
    expect(api.requests[0]?.path).toBe('/api/v1/namespaces/app/pods/web-0/log');
    expect(Object.fromEntries(api.requests[0]!.query)).toEqual({
      container: 'main',
      follow: 'true',
      tailLines: '5',
    });
  });

  it('gives each line when it is written', async () => {
    let write: (text: string) => void = () => undefined;
    api = await startFakeApi((_request, response) => {
      response.flushHeaders();
      write = (text) => void response.write(text);
    });
    const lines = logLines(api.transport, 'app', 'web-0', { follow: true });
    for (const line of ['one', 'two']) {
      const next = lines.next();
      await expect.poll(() => api.requests.length).toBe(1);
      write(`${line}\n`);
      expect(await next).toEqual({ done: false, value: line });
    }
    await lines.return(undefined);
    await expect.poll(() => api.open).toBe(0);
  });

  it('ends quietly with the signal', async () => {
    api = await startFakeApi((_request, response) => void response.write('one\n'));
    const stop = new AbortController();
    const got: string[] = [];
    for await (const line of logLines(api.transport, 'app', 'web-0', { follow: true, signal: stop.signal })) {
      got.push(line);
      stop.abort();
    }
    expect(got).toEqual(['one']);
  });

  it('throws when the connection breaks, and what the API answers', async () => {
    api = await startFakeApi((request, response) => {
      if (api.requests.length > 1) return status(response, 400, 'BadRequest');
      response.write('half');
      setTimeout(() => response.destroy(), 10);
    });
    const read = () => collect(logLines(api.transport, 'app', 'web-0', { follow: true }));
    await expect(read()).rejects.toMatchObject({ code: 0, reason: 'Disconnected' });
    await expect(read()).rejects.toMatchObject({ code: 400, reason: 'BadRequest' });
  });
});
