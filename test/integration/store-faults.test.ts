import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CaravelError } from '../../core/errors/catalog.ts';
import { createS3Store } from '../../platform/store/s3-store.ts';
import type { ObjectStore, StoreConfig } from '../../platform/store/types.ts';
import { freePort, startS3Server } from '../support/s3-server.ts';
import type { S3Server } from '../support/s3-server.ts';

let server: S3Server;
let config: StoreConfig;

beforeAll(async () => {
  server = await startS3Server();
  config = server.config(await server.createBucket());
});

afterAll(() => server.stop());

/** Every way in must give the same error. */
async function everyFailure(store: ObjectStore): Promise<CaravelError[]> {
  const list = async () => {
    for await (const _ of store.list('a/')) break;
  };
  const attempts = [
    store.put('a/x', 'x'),
    store.put('a/x', 'x', { ifAbsent: true }),
    store.putStream('a/x', Readable.from([Buffer.from('x')])),
    store.putStream('a/x', Readable.from([randomBytes(17 * 1024 * 1024)])),
    store.get('a/x'),
    store.getStream('a/x'),
    store.head('a/x'),
    list(),
    store.folders(''),
    store.remove(['a/x']),
    store.removeAll('a/'),
    store.abortUploads('a/'),
  ];
  const outcomes = await Promise.allSettled(attempts);
  store.close();
  return outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : outcome.value));
}

const codes = (errors: CaravelError[]) => [...new Set(errors.map((error) => error.code))];

describe('a store that refuses', () => {
  it.each([
    ['an unknown key', { accessKeyId: 'AKIAUNKNOWN', secretAccessKey: 'secret-of-mine' }],
    ['a wrong secret', { accessKeyId: '', secretAccessKey: 'secret-of-mine' }],
  ])('%s: StoreAccessDenied, permanent, without the credentials', async (_what, wrong) => {
    const credentials = { ...wrong, accessKeyId: wrong.accessKeyId || config.credentials.accessKeyId };
    const errors = await everyFailure(createS3Store({ ...config, credentials }));
    expect(codes(errors)).toEqual(['StoreAccessDenied']);
    for (const error of errors) {
      expect(error).toMatchObject({ retryable: false, message: expect.stringContaining(config.bucket) });
      expect(error.cause).toBeUndefined();
      const words = `${error.message} ${JSON.stringify(error)}`;
      expect(words).not.toMatch(
        new RegExp(`secret-of-mine|AKIAUNKNOWN|\\b${credentials.accessKeyId}\\b(?!-)`),
      );
    }
  });

  it('a missing bucket: StoreBucketMissing', async () => {
    const errors = await everyFailure(createS3Store({ ...config, bucket: 'not-there-at-all' }));
    expect(codes(errors)).toEqual(['StoreBucketMissing']);
    expect(errors.every((error) => !error.retryable)).toBe(true);
  });

  it('a missing object: StoreNotFound, with its key', async () => {
    const store = createS3Store({ ...config, prefix: 'team/' });
    const missing = { code: 'StoreNotFound', message: expect.stringContaining('team/no/such') };
    await expect(store.get('no/such')).rejects.toMatchObject(missing);
    await expect(store.getStream('no/such')).rejects.toMatchObject(missing);
    store.close();
  });
});

describe('a store that is away', () => {
  it('is StoreUnavailable everywhere, and worth another attempt', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const errors = await everyFailure(createS3Store({ ...config, endpoint }));
    expect(codes(errors)).toEqual(['StoreUnavailable']);
    expect(errors.every((error) => error.retryable)).toBe(true);
    expect(errors[4]!.message).toMatch(/^get .*\/a\/x: .*ECONNREFUSED/);
  });

  it('under a name that does not exist, too', async () => {
    const store = createS3Store({ ...config, endpoint: 'http://no-such-host.invalid' });
    await expect(store.get('x')).rejects.toMatchObject({ code: 'StoreUnavailable', retryable: true });
    store.close();
  });
});

describe('certificates', () => {
  const dir = mkdtempSync(join(tmpdir(), 'caravel-tls-'));
  const file = (name: string) => join(dir, name);
  let tls: S3Server;

  beforeAll(async () => {
    const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('key')];
    execFileSync('openssl', ['req', '-x509', ...key, '-out', file('cert'), '-days', '2', ...names], {
      stdio: 'ignore',
    });
    const ca = readFileSync(file('cert'), 'utf8');
    tls = await startS3Server({ tls: { cert: file('cert'), key: file('key'), ca } });
  });

  afterAll(async () => {
    await tls.stop();
    rmSync(dir, { recursive: true });
  });

  it('are accepted by the CA of the location, or without looking when it says so', async () => {
    const { ca, ...own } = tls.config(await tls.createBucket());
    for (const trust of [{ ca: ca! }, { skipTlsVerify: true }]) {
      const store = createS3Store({ ...own, ...trust });
      await store.put('a', 'over TLS');
      expect((await buffer(await store.getStream('a'))).toString()).toBe('over TLS');
      store.close();
    }
  });

  it('that nobody vouches for are a permanent error that says what to do', async () => {
    const { ca: _ca, ...own } = tls.config('b');
    const store = createS3Store(own);
    const wanted = { code: 'StoreUnavailable', retryable: false, hint: expect.stringContaining('caCertRef') };
    await expect(store.get('a')).rejects.toMatchObject(wanted);
    store.close();
  });
});

/** What a real server cannot be brought to do. */
async function scripted(
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
  changes: Partial<StoreConfig> = {},
) {
  let count = 0;
  const fake = createServer((request, response) => {
    request.resume().on('end', () => answer(request, response, ++count));
  });
  await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(fake.address() as AddressInfo).port}`;
  const store = createS3Store({ ...config, endpoint, ...changes });
  const close = async () => {
    store.close();
    fake.closeAllConnections();
    await new Promise((resolve) => fake.close(resolve));
  };
  return { store, requests: () => count, close };
}

const refuse = (response: ServerResponse, status: number, code: string) =>
  response
    .writeHead(status, { 'content-type': 'application/xml' })
    .end(`<Error><Code>${code}</Code></Error>`);

describe('a store in trouble', () => {
  it('is asked again after a 503', async () => {
    const { store, requests, close } = await scripted((_request, response, count) =>
      count < 3 ? refuse(response, 503, 'SlowDown') : response.end('at last'),
    );
    expect((await store.get('x')).toString()).toBe('at last');
    expect(requests()).toBe(3);
    await close();
  });

  it.each([
    [503, 'SlowDown', 'StoreUnavailable', true],
    [500, 'InternalError', 'StoreUnavailable', true],
    [429, 'TooManyRequests', 'StoreUnavailable', true],
    [403, 'RequestTimeTooSkewed', 'StoreAccessDenied', true],
    [400, 'ExpiredToken', 'StoreAccessDenied', false],
    [400, 'AuthorizationHeaderMalformed', 'InvalidInput', false],
    [501, 'NotImplemented', 'NotSupported', false],
    [400, 'InvalidRequest', 'NotSupported', false],
  ])('HTTP %i %s is %s', async (status, code, expected, retryable) => {
    const { store, close } = await scripted((_request, response) => refuse(response, status, code));
    await expect(store.put('x', 'x')).rejects.toMatchObject({ code: expected, retryable });
    await close();
  });

  it('that is a web server, no store', async () => {
    const { store, close } = await scripted((_request, response) => response.end('<html>Welcome</html>'));
    await expect(store.folders('')).rejects.toMatchObject({ code: 'StoreUnavailable' });
    await expect(store.put('x', 'x')).rejects.toMatchObject({ code: 'StoreUnavailable' });
    await close();
  });

  it('is read on where the connection broke', async () => {
    const content = randomBytes(300_000);
    const ranges: (string | undefined)[] = [];
    const { store, close } = await scripted((request, response) => {
      ranges.push(request.headers.range);
      const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const rest = content.subarray(start);
      const range =
        start > 0 ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` } : {};
      response.writeHead(start > 0 ? 206 : 200, { etag: '"v1"', 'content-length': rest.length, ...range });
      if (rest.length <= 100_000) response.end(rest);
      else response.write(rest.subarray(0, 100_000), () => response.destroy());
    });
    expect((await buffer(await store.getStream('x'))).equals(content)).toBe(true);
    expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=200000-']);
    await close();
  });

  it('is not read on when the object is another one by then', async () => {
    const { store, close } = await scripted((request, response) => {
      if (request.headers['if-match']) return refuse(response, 412, 'PreconditionFailed');
      response.writeHead(200, { etag: '"v1"', 'content-length': 10 });
      return response.write('12345', () => response.destroy());
    });
    await expect(store.get('x')).rejects.toMatchObject({
      code: 'StoreUnavailable',
      message: expect.stringContaining('replaced while it was read'),
    });
    await close();
  });

  it('ends the read when nothing comes any more', async () => {
    const { store, close } = await scripted((request, response) => {
      const range = { 'content-range': 'bytes 0-9/10' };
      response.writeHead(request.headers.range ? 206 : 200, { 'content-length': 10, ...range });
      response.flushHeaders();
      setImmediate(() => response.destroy());
    });
    await expect(store.get('x')).rejects.toMatchObject({ code: 'StoreUnavailable', retryable: true });
    await close();
  });
});

describe('a download', () => {
  it('that nobody reads lets go of its connection', async () => {
    const closed = Promise.withResolvers<void>();
    const { store, close } = await scripted((_request, response) => {
      response.writeHead(200, { 'content-length': 10_000_000 }).write(Buffer.alloc(1000));
      response.once('close', closed.resolve);
    });
    (await store.getStream('x')).destroy();
    await closed.promise;
    await close();
  });

  it('that its reader breaks off is not begun anew', async () => {
    const { store, requests, close } = await scripted((_request, response) => {
      response.writeHead(200, { 'content-length': 10_000_000 }).write(Buffer.alloc(1000));
    });
    const stream = await store.getStream('x');
    stream.once('data', () => stream.destroy(new Error('no room')));
    await expect(buffer(stream)).rejects.toThrow('no room');
    await new Promise((resolve) => setImmediate(resolve));
    expect(requests()).toBe(1);
    await close();
  });

  it('outlives a store that goes away before it is read', async () => {
    const { store, close } = await scripted((_request, response) => {
      response.writeHead(200, { 'content-length': 10_000_000 }).write(Buffer.alloc(1000));
    });
    const stream = await store.getStream('x');
    await close();
    await expect(buffer(stream)).rejects.toMatchObject({ code: 'StoreUnavailable' });
  });
});

describe('a store without', () => {
  /** One object, and a store that does as if there were no conditions. */
  const careless = () => {
    const objects = new Map<string, Buffer>();
    const puts: string[] = [];
    return {
      puts,
      answer: (request: IncomingMessage, response: ServerResponse) => {
        const key = request.url!.split('?')[0]!;
        if (request.method === 'PUT') {
          puts.push(request.headers['if-none-match'] ?? 'plain');
          objects.set(key, Buffer.from('first'));
          return response.writeHead(200, { etag: '"first"' }).end();
        }
        const found = objects.get(key);
        if (!found) return refuse(response, 404, 'NoSuchKey');
        return response
          .writeHead(200, { 'content-length': found.length })
          .end(request.method === 'HEAD' ? '' : found);
      },
    };
  };

  it('conditional writes is found out, and looked at before each write', async () => {
    const fake = careless();
    const { store, close } = await scripted(fake.answer);
    await store.put('a', 'first', { ifAbsent: true });
    await expect(store.put('a', 'second', { ifAbsent: true })).rejects.toMatchObject({ code: 'StoreExists' });
    await store.put('b', 'first', { ifAbsent: true });
    await expect(store.put('b', 'second', { ifAbsent: true })).rejects.toMatchObject({ code: 'StoreExists' });
    expect(fake.puts).toEqual(['*', '*', 'plain']);
    await close();
  });

  it('conditional writes that says so', async () => {
    const fake = careless();
    const { store, close } = await scripted((request, response) =>
      request.headers['if-none-match']
        ? refuse(response, 501, 'NotImplemented')
        : fake.answer(request, response),
    );
    await store.put('a', 'first', { ifAbsent: true });
    await expect(store.put('a', 'second', { ifAbsent: true })).rejects.toMatchObject({ code: 'StoreExists' });
    await close();
  });

  it('DeleteObjects is asked for one deletion after the other', async () => {
    const deleted: string[] = [];
    const { store, close } = await scripted((request, response) => {
      if (request.method === 'POST') return refuse(response, 501, 'NotImplemented');
      deleted.push(request.url!.split('?')[0]!.split('/').pop()!);
      return response.writeHead(204).end();
    });
    await store.remove(['a', 'b', 'c']);
    expect(deleted.sort()).toEqual(['a', 'b', 'c']);
    await close();
  });

  it('a known region is asked for it before a link is made', async () => {
    const { store, close } = await scripted(
      (_request, response) => response.writeHead(200, { 'x-amz-bucket-region': 'eu-north-1' }).end(),
      { region: '' },
    );
    expect(await store.presignGet('x', 60)).toContain('eu-north-1');
    await close();
  });
});
