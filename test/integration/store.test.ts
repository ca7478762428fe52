import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { HeadObjectCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createS3Client } from '../../platform/store/s3-client.ts';
import { createS3Store } from '../../platform/store/s3-store.ts';
import type { ObjectStore, StoreConfig } from '../../platform/store/types.ts';
import { startS3Server } from '../support/s3-server.ts';
import type { S3Server } from '../support/s3-server.ts';

let server: S3Server;
let config: StoreConfig;
let store: ObjectStore;

beforeAll(async () => {
  server = await startS3Server();
  config = server.config(await server.createBucket(), { prefix: 'team a/' });
  store = createS3Store(config);
});

afterAll(async () => {
  store.close();
  await server.stop();
});

const keysBelow = async (prefix: string) => {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
};

/** A stream that does not know its length, in chunks that fit no part size. */
async function* pieces(bytes: Buffer, size = 1_000_003) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const openUploads = async () => {
  const client = createS3Client(config);
  const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: config.bucket }));
  client.destroy();
  return Uploads ?? [];
};

describe('objects', () => {
  it('come back as they were put, with size and time', async () => {
    await store.put('plain/a.txt', 'Grüße', { contentType: 'text/plain' });
    expect((await store.get('plain/a.txt')).toString()).toBe('Grüße');
    const info = await store.head('plain/a.txt');
    expect(info).toMatchObject({ key: 'plain/a.txt', size: 7 });
    expect(Math.abs(Date.parse(info!.lastModified) - Date.now())).toBeLessThan(60_000);
    expect(await store.head('plain/b.txt')).toBeUndefined();
  });

  it('can be reached while others use the same settings: those stay as they were given', async () => {
    const { accessKeyId, secretAccessKey } = config.credentials;
    const credentials = { accessKeyId, secretAccessKey };
    const other = createS3Store({ ...config, credentials });
    await other.put('plain/settings', 'x');
    other.close();
    expect(credentials).toEqual({ accessKeyId, secretAccessKey });
  });

  it('never carry a Content-Encoding', async () => {
    await store.put('encoding/put.gz', randomBytes(10));
    await store.putStream('encoding/small.gz', Readable.from([randomBytes(10)]));
    await store.putStream('encoding/large.gz', Readable.from(pieces(randomBytes(17 * 1024 * 1024))));
    const client = createS3Client(config);
    for (const key of await keysBelow('encoding/')) {
      const head = await client.send(new HeadObjectCommand({ Bucket: config.bucket, Key: `team a/${key}` }));
      expect(head.ContentEncoding).toBeFalsy();
    }
    client.destroy();
  });

  it('may have any name that a resource has', async () => {
    const names = ['names/é 日本 🚢.json', 'names/a+b&c=d%20e?f#g.json', "names/system:node~'(x)!*.json"];
    for (const name of names) await store.put(name, name);
    expect((await keysBelow('names/')).sort()).toEqual([...names].sort());
    for (const name of names) expect((await store.get(name)).toString()).toBe(name);
    await store.remove(names);
    expect(await keysBelow('names/')).toEqual([]);
  });

  it.each(['/a', 'a//b', 'a/../b', './a', 'a\u0000b', 'a\nb', '', 'a/', 'x'.repeat(1025), '\ud800'])(
    'are refused under the key %j',
    async (key) => {
      await expect(store.put(key, 'x')).rejects.toMatchObject({ code: 'InvalidInput' });
      expect(() => store.get(key)).toThrow(expect.objectContaining({ code: 'InvalidInput' }));
    },
  );

  it('are not loaded beyond the bound', async () => {
    await store.put('bound/a', Buffer.alloc(1000));
    expect(await store.get('bound/a', { maxBytes: 1000 })).toHaveLength(1000);
    await expect(store.get('bound/a', { maxBytes: 999 })).rejects.toMatchObject({ code: 'StoreTooLarge' });
  });

  it('can be read in part', async () => {
    await store.put('range/a', 'abcdefgh');
    expect((await buffer(await store.getStream('range/a', { start: 2 }))).toString()).toBe('cdefgh');
    expect((await buffer(await store.getStream('range/a', { start: 2, end: 4 }))).toString()).toBe('cde');
    expect((await buffer(await store.getStream('range/a', { end: 1 }))).toString()).toBe('ab');
  });
});

describe('streams', () => {
  it.each([0, 1, 16 * 1024 * 1024, 40 * 1024 * 1024])('of unknown length: %i bytes', async (size) => {
    const bytes = randomBytes(size);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const result = await store.putStream(
      `streams/${size}`,
      Readable.from(pieces(bytes), { objectMode: false }),
    );
    expect(result).toEqual({ bytes: size, sha256 });
    const back = await buffer(await store.getStream(`streams/${size}`));
    expect(back.equals(bytes)).toBe(true);
    expect(await openUploads()).toEqual([]);
  });

  it('leave nothing behind when the caller gives up in the middle', async () => {
    const cancel = new AbortController();
    async function* endless() {
      for (let sent = 0; ; sent += 1) {
        if (sent === 40) cancel.abort(new Error('enough'));
        yield randomBytes(1024 * 1024);
        await delay(1);
      }
    }
    const source = Readable.from(endless(), { objectMode: false });
    const upload = store.putStream('streams/aborted', source, { signal: cancel.signal });
    await expect(upload).rejects.toThrow('enough');
    expect(source.destroyed).toBe(true);
    expect(await store.head('streams/aborted')).toBeUndefined();
    expect(await openUploads()).toEqual([]);
  });

  it('leave nothing behind when the source breaks, and say why it broke', async () => {
    async function* broken() {
      for (let sent = 0; sent < 20; sent += 1) yield randomBytes(1024 * 1024);
      throw new Error('the disk is gone');
    }
    const upload = store.putStream('streams/broken', Readable.from(broken(), { objectMode: false }));
    await expect(upload).rejects.toThrow('the disk is gone');
    const cut = Readable.from(pieces(randomBytes(1024 * 1024)), { objectMode: false });
    cut.once('data', () => cut.destroy());
    await expect(store.putStream('streams/cut', cut)).rejects.toThrow('ended early');
    expect(await keysBelow('streams/broken')).toEqual([]);
    expect(await keysBelow('streams/cut')).toEqual([]);
    expect(await openUploads()).toEqual([]);
  });

  it('do not begin when the caller has given up already', async () => {
    const signal = AbortSignal.abort(new Error('too late'));
    const upload = store.putStream('streams/late', Readable.from([Buffer.from('x')]), { signal });
    await expect(upload).rejects.toThrow('too late');
    expect(await store.head('streams/late')).toBeUndefined();
  });

  it('stop reading when the caller gives up', async () => {
    const cancel = new AbortController();
    const stream = await store.getStream(`streams/${40 * 1024 * 1024}`, { signal: cancel.signal });
    const read = (async () => {
      for await (const chunk of stream) {
        if ((chunk as Buffer).length > 0) cancel.abort(new Error('enough'));
      }
    })();
    await expect(read).rejects.toThrow('enough');
  });
});

describe('conditional writes', () => {
  it('create an object once', async () => {
    await store.put('once/a', 'first', { ifAbsent: true });
    await expect(store.put('once/a', 'second', { ifAbsent: true })).rejects.toMatchObject({
      code: 'StoreExists',
    });
    expect((await store.get('once/a')).toString()).toBe('first');
  });

  it('find their own earlier attempt', async () => {
    await store.put('once/b', 'same', { ifAbsent: true });
    await store.put('once/b', 'same', { ifAbsent: true });
    await expect(store.put('once/b', 'sam', { ifAbsent: true })).rejects.toMatchObject({
      code: 'StoreExists',
    });
  });

  it('let exactly one of many win', async () => {
    const attempts = Array.from({ length: 16 }, (_, index) =>
      store.put('once/race', `writer ${index}`, { ifAbsent: true }).then(
        () => index,
        (error: { code: string }) => error.code,
      ),
    );
    const outcomes = await Promise.all(attempts);
    const winners = outcomes.filter((outcome) => typeof outcome === 'number');
    expect(winners).toHaveLength(1);
    expect(new Set(outcomes.filter((outcome) => typeof outcome === 'string'))).toEqual(
      new Set(['StoreExists']),
    );
    expect((await store.get('once/race')).toString()).toBe(`writer ${winners[0]}`);
  });
});

describe('listings', () => {
  it('go on beyond a page, and so does removal', async () => {
    const keys = Array.from({ length: 1_050 }, (_, index) => `many/${String(index).padStart(5, '0')}`);
    for (let at = 0; at < keys.length; at += 50) {
      await Promise.all(keys.slice(at, at + 50).map((key) => store.put(key, key)));
    }
    await store.put('many-others', 'stays');
    expect((await keysBelow('many/')).sort()).toEqual(keys);
    expect(await store.removeAll('many/')).toBe(1_050);
    expect(await keysBelow('many')).toEqual(['many-others']);
    expect(await store.removeAll('many/')).toBe(0);
  });

  it('show folders of the first level only', async () => {
    await Promise.all(['f/a/x', 'f/a/y/z', 'f/b/x', 'f/é/x', 'f/loose'].map((key) => store.put(key, '')));
    expect((await store.folders('f/')).sort()).toEqual(['a', 'b', 'é']);
    expect(await store.folders('f/nothing/')).toEqual([]);
  });

  it('never reach beyond the prefix of the location', async () => {
    const other = createS3Store({ ...config, prefix: 'team b/' });
    await other.put('x/a', 'b');
    await store.put('x/a', 'a');
    expect((await other.get('x/a')).toString()).toBe('b');
    expect(await store.removeAll('x/')).toBe(1);
    expect((await other.get('x/a')).toString()).toBe('b');
    other.close();
  });

  it.each(['', 'x', 'x/y', '../'])('removal of %j is refused', async (prefix) => {
    await expect(store.removeAll(prefix)).rejects.toMatchObject({ code: 'InvalidInput' });
    expect(() => store.abortUploads(prefix)).toThrow(expect.objectContaining({ code: 'InvalidInput' }));
  });

  it('remove what is not there without complaint', async () => {
    await store.remove(['gone/a', 'gone/b']);
    await store.remove([]);
  });
});

describe('links', () => {
  it('work without credentials, and answer 404 when there is no object', async () => {
    await store.put('links/a b+ü.tar.gz', 'content');
    const response = await fetch(await store.presignGet('links/a b+ü.tar.gz', 600));
    expect([response.status, await response.text()]).toEqual([200, 'content']);
    expect(response.headers.get('content-encoding')).toBeNull();
    expect((await fetch(await store.presignGet('links/none', 600))).status).toBe(404);
  });

  it('name the public address', async () => {
    const outside = createS3Store({ ...config, publicUrl: 'https://s3.example.com:8443' });
    const link = new URL(await outside.presignGet('links/x', 60));
    expect(link.host).toBe('s3.example.com:8443');
    expect(link.searchParams.get('X-Amz-Expires')).toBe('60');
    outside.close();
  });
});
