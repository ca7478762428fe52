import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGzip, gunzipSync, gzipSync } from 'node:zlib';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { itemOf, objectOf, withObject } from '../../platform/archive/item.ts';
import type { ArchiveItem } from '../../platform/archive/item.ts';
import { SegmentSet } from '../../platform/archive/segment-set.ts';
import { readSegment, readSegments, SegmentWriter } from '../../platform/archive/segments.ts';
import { indexTarball } from '../../platform/archive/tar-index.ts';
import { readTarball } from '../../platform/archive/tar-reader.ts';
import { writeTarball } from '../../platform/archive/tar-writer.ts';
import { createS3Client } from '../../platform/store/s3-client.ts';
import { createS3Store } from '../../platform/store/s3-store.ts';
import { putBytes } from '../../platform/store/documents.ts';
import type { ObjectStore, StoreConfig } from '../../platform/store/types.ts';
import { startS3Server } from '../support/s3-server.ts';
import type { S3Server } from '../support/s3-server.ts';

let server: S3Server;
let config: StoreConfig;
let store: ObjectStore;

beforeAll(async () => {
  server = await startS3Server();
  config = server.config(await server.createBucket(), { prefix: 'p/' });
  store = createS3Store(config);
});

afterAll(async () => {
  store.close();
  await server.stop();
});

const secret = (name: string, changes: object = {}, namespace = 'shop') =>
  itemOf(
    { groupResource: 'secrets', version: 'v1', namespace, name },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, ...changes },
  );

const volume = (name: string) =>
  itemOf(
    { groupResource: 'persistentvolumes', version: 'v1', name },
    { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name } },
  );

const segmentsOf = async (items: ArchiveItem[], folder: string, segmentBytes = 4096) => {
  const writer = new SegmentWriter(store, { keyOf: (ordinal) => `${folder}/${ordinal}`, segmentBytes });
  for (const item of items) await writer.add(item);
  return writer.close();
};

const all = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
  const result: T[] = [];
  for await (const item of source) result.push(item);
  return result;
};

describe('segments', () => {
  const items = Array.from({ length: 100 }, (_, index) =>
    secret(`s-${index}`, { data: { a: 'x'.repeat(200) } }),
  );

  it('hold what was put into them, in order, in pieces of bounded size', async () => {
    const refs = await segmentsOf(items, 'scratch/a');
    expect(refs.length).toBeGreaterThan(5);
    expect(refs.reduce((sum, ref) => sum + ref.items, 0)).toBe(100);
    expect(await all(readSegments(store, refs))).toEqual(items);
    expect(await all(readSegment(store, refs[1]!))).toHaveLength(refs[1]!.items);
    const text = gunzipSync(await store.get(refs[0]!.key)).toString();
    expect(text.split('\n')[0]).toBe(
      `{"gr":"secrets","v":"v1","ns":"shop","name":"s-0","obj":${items[0]!.raw.toString()}}`,
    );
    expect(text.length).toBeLessThanOrEqual(4096);
  });

  it('written again by a repeated step are the same objects', async () => {
    const first = await segmentsOf(items, 'scratch/again');
    expect(await segmentsOf(items, 'scratch/again')).toEqual(first);
  });

  it('take at most so many items', async () => {
    const writer = new SegmentWriter(store, { keyOf: (ordinal) => `scratch/max/${ordinal}`, maxItems: 30 });
    for (const item of items) await writer.add(item);
    expect((await writer.close()).map((ref) => ref.items)).toEqual([30, 30, 30, 10]);
    expect(await new SegmentWriter(store, { keyOf: String }).close()).toEqual([]);
  });

  it('go on without an item that is too large', async () => {
    const writer = new SegmentWriter(store, { keyOf: (ordinal) => `scratch/large/${ordinal}` });
    await writer.add(secret('a'));
    const large = secret('huge', { data: 'x'.repeat(33 * 1024 * 1024) });
    await expect(writer.add(large)).rejects.toMatchObject({ code: 'StoreTooLarge' });
    await writer.add(secret('b'));
    const refs = await writer.close();
    expect((await all(readSegments(store, refs))).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('that were altered, damaged or lost are not used', async () => {
    const [ref] = await segmentsOf([secret('a')], 'scratch/altered');
    await store.put(ref!.key, gzipSync('{"gr":"secrets","v":"v1","name":"evil","obj":{}}\n'));
    await expect(all(readSegment(store, ref!))).rejects.toMatchObject({ code: 'StoreCorrupt' });
    const noGzip = await putBytes(store, 'scratch/nogzip', Buffer.from('{}'));
    await expect(all(readSegment(store, noGzip))).rejects.toMatchObject({ code: 'StoreCorrupt' });
    await expect(all(readSegments(store, [{ ...ref!, key: 'scratch/none' }]))).rejects.toMatchObject({
      code: 'StoreNotFound',
    });
    const bomb = await putBytes(store, 'scratch/bomb', gzipSync(Buffer.alloc(64 * 1024 * 1024)));
    await expect(all(readSegment(store, bomb))).rejects.toMatchObject({ code: 'StoreTooLarge' });
  });
});

describe('tarballs', () => {
  const key = 'backups/b/b.tar.gz';

  it('are made of segments, late changes and further items, and read back', async () => {
    const int64 = '9007199254740993';
    const exact = secret('exact');
    const numbers = { ...exact, raw: Buffer.from(exact.raw.toString().replace('{', `{"n":${int64},`)) };
    const items = [numbers, secret('edited'), secret('left-out'), secret('replaced'), volume('pv-7')];
    const first = await segmentsOf(items, 'scratch/t1', 300);
    const second = await segmentsOf([secret('edited', { twice: true })], 'scratch/t2');
    const result = await writeTarball(store, key, {
      segments: [...first, ...second],
      edit: (item) => {
        if (item.name === 'left-out') return undefined;
        return item.name === 'edited' ? withObject(item, { ...objectOf(item), late: true }) : item;
      },
      extra: [secret('replaced', { by: 'extra' }), secret('new'), secret('new', { wins: 'last' })],
    });
    expect(result.items).toBe(5);
    expect((await store.head(key))!.size).toBe(result.bytes);

    const found = new Map<string, string>();
    const index = await indexTarball(store, key, (item) => {
      found.set(`${item.namespace ?? ''}/${item.name}`, item.raw.toString());
    });
    expect(index).toEqual({ items: 5, formatVersion: '1.1.0', problems: [] });
    expect([...found.keys()]).toEqual(['shop/exact', 'shop/edited', '/pv-7', 'shop/replaced', 'shop/new']);
    expect(found.get('shop/exact')).toBe(numbers.raw.toString());
    expect(found.get('shop/exact')).toContain(int64);
    expect(JSON.parse(found.get('shop/edited')!)).toMatchObject({ late: true });
    expect(JSON.parse(found.get('shop/edited')!)).not.toHaveProperty('twice');
    expect(JSON.parse(found.get('shop/replaced')!)).toMatchObject({ by: 'extra' });
    expect(JSON.parse(found.get('shop/new')!)).toMatchObject({ wins: 'last' });

    const names = execFileSync('tar', ['-tz'], { input: await store.get(key) })
      .toString()
      .trim()
      .split('\n');
    expect(names).toHaveLength(11);
    expect(names[0]).toBe('metadata/version');
    expect(names).toContain('resources/persistentvolumes/v1-preferredversion/cluster/pv-7.json');
  });

  it('may be empty', async () => {
    expect((await writeTarball(store, 'backups/e/e.tar.gz', { segments: [] })).items).toBe(0);
    const index = await indexTarball(store, 'backups/e/e.tar.gz', () => expect.unreachable());
    expect(index).toEqual({ items: 0, formatVersion: '1.1.0', problems: [] });
  });

  it('are not left half written when a segment is lost or the caller gives up', async () => {
    const noise = Array.from({ length: 14 }, (_, index) =>
      secret(`n-${index}`, { data: randomBytes(1024 * 1024).toString('base64') }),
    );
    const refs = await segmentsOf(noise, 'scratch/noise');
    const lost = { ...refs[0]!, key: 'scratch/noise/none' };
    const broken = writeTarball(store, 'backups/h/h.tar.gz', { segments: [...refs, lost] });
    await expect(broken).rejects.toMatchObject({ code: 'StoreNotFound' });
    const cancel = new AbortController();
    const edit = (item: ArchiveItem) => {
      if (item.name === 'n-11') cancel.abort(new Error('enough'));
      return item;
    };
    const aborted = writeTarball(
      store,
      'backups/h/h.tar.gz',
      { segments: refs, edit },
      { signal: cancel.signal },
    );
    await expect(aborted).rejects.toThrow('enough');
    expect(await store.head('backups/h/h.tar.gz')).toBeUndefined();
    const client = createS3Client(config);
    const open = await client.send(new ListMultipartUploadsCommand({ Bucket: config.bucket }));
    client.destroy();
    expect(open.Uploads ?? []).toEqual([]);
  });
});

describe('tarballs of others', () => {
  const stored = async (key: string, entries: Record<string, string> | [string, string][]) => {
    const tar = pack();
    for (const [name, body] of Array.isArray(entries) ? entries : Object.entries(entries))
      tar.entry({ name }, body);
    tar.finalize();
    await store.putStream(key, Readable.from(tar as unknown as AsyncIterable<Buffer>).pipe(createGzip()));
    return key;
  };
  const json = (name: string, apiVersion = 'v1', changes: object = {}) =>
    JSON.stringify({ apiVersion, kind: 'X', metadata: { name, namespace: 'shop' }, ...changes }, null, 2);

  it('give each object once, whichever copies there are in whatever order', async () => {
    const key = await stored('backups/o/o.tar.gz', {
      'resources/pods/v1-preferredversion/namespaces/shop/early.json': json('early', 'v1', {
        from: 'versioned',
      }),
      'resources/pods/namespaces/shop/early.json': json('early', 'v1', { from: 'unversioned' }),
      'resources/pods/namespaces/shop/alone.json': json('alone'),
      'resources/pods/v1-preferredversion/namespaces/shop/versioned.json': json('versioned'),
      'resources/widgets.x.io/namespaces/shop/w.json': json('w', 'x.io/v2'),
      'resources/widgets.x.io/v2-preferredversion/namespaces/shop/w.json': json('w', 'x.io/v2'),
      'resources/widgets.x.io/v1beta1/namespaces/shop/w.json': json('w', 'x.io/v1beta1'),
    });
    const found: ArchiveItem[] = [];
    const index = await indexTarball(store, key, (item) => void found.push(item));
    expect(index).toEqual({ items: 4, formatVersion: '', problems: [] });
    expect(found.map(({ name, version }) => `${name} ${version}`)).toEqual([
      'early v1',
      'alone v1',
      'w v2',
      'versioned v1',
    ]);
    expect(objectOf(found[0]!)).toMatchObject({ from: 'unversioned' });
    expect(found.every(({ raw }) => !raw.includes('\n'))).toBe(true);
  });

  it('report each object that cannot be used, and give the rest', async () => {
    const key = await stored('backups/q/q.tar.gz', [
      ['resources/pods/namespaces/shop/broken.json', '{"apiVersion":'],
      ['resources/pods/namespaces/shop/good.json', json('good')],
      ['resources/pods/namespaces/shop/good.json', json('good', 'v1', { second: true })],
      ['resources/clusterroles/cluster/forged.json', json('other')],
    ]);
    const found: ArchiveItem[] = [];
    const index = await indexTarball(store, key, (item) => void found.push(item));
    expect(found.map(({ name }) => name)).toEqual(['good']);
    expect(objectOf(found[0]!)).not.toHaveProperty('second');
    const resource = { severity: 'error', code: 'StoreCorrupt', resource: 'pods', namespace: 'shop' };
    expect(index.problems).toMatchObject([
      { ...resource, name: 'broken', message: expect.stringContaining('not JSON') },
      { ...resource, name: 'good', message: expect.stringContaining('twice') },
      { resource: 'clusterroles', namespace: '', name: 'forged', message: expect.stringContaining('name') },
    ]);
  });

  it('that are hostile, damaged or lost fail with the name of the file', async () => {
    const hostile = await stored('backups/x/x.tar.gz', { 'resources/pods/cluster/../../../x.json': '{}' });
    await expect(indexTarball(store, hostile, () => {})).rejects.toMatchObject({
      code: 'StoreCorrupt',
      message: expect.stringContaining(hostile),
    });
    const whole = await store.get('backups/b/b.tar.gz');
    await store.put('backups/y/y.tar.gz', whole.subarray(0, whole.length - 20));
    await expect(all(readTarball(store, 'backups/y/y.tar.gz'))).rejects.toMatchObject({
      code: 'StoreCorrupt',
      message: expect.stringContaining('backups/y/y.tar.gz'),
    });
    await expect(all(readTarball(store, 'backups/z/z.tar.gz'))).rejects.toMatchObject({
      code: 'StoreNotFound',
    });
  });

  it('stop when the sink fails, or the caller gives up', async () => {
    const failing = indexTarball(store, 'backups/b/b.tar.gz', () => {
      throw new Error('no room');
    });
    await expect(failing).rejects.toThrow('no room');
    const cancel = new AbortController();
    const read = indexTarball(store, 'backups/b/b.tar.gz', () => cancel.abort(new Error('enough')), {
      signal: cancel.signal,
    });
    await read.catch((error: Error) => expect(error.message).toBe('enough'));
  });
});

describe('sorting by resource', () => {
  it('makes segments of at most so many items, and counts them', async () => {
    const set = new SegmentSet(store, {
      keyOf: (resource, ordinal) => `sorted/${resource}/${ordinal}`,
      maxItems: 2,
    });
    const items = [secret('a'), volume('pv'), secret('b', {}, 'a-ns'), secret('c')];
    for (const item of items) await set.add(item);
    const sorted = await set.close();
    expect(Object.keys(sorted)).toEqual(['persistentvolumes', 'secrets']);
    expect(sorted.secrets).toMatchObject({
      items: 3,
      namespaces: ['a-ns', 'shop'],
      segments: [{ items: 2 }, { items: 1 }],
    });
    expect(sorted.persistentvolumes).toMatchObject({ items: 1, namespaces: [] });
    const names = (await all(readSegments(store, sorted.secrets!.segments))).map(({ name }) => name);
    expect(names).toEqual(['a', 'b', 'c']);
  });

  it('holds a bounded amount in memory however many resources there are', async () => {
    const set = new SegmentSet(store, { keyOf: (resource, ordinal) => `many/${resource}/${ordinal}` });
    const body = { data: 'x'.repeat(1024 * 1024) };
    for (let index = 0; index < 100; index += 1) {
      await set.add({ ...secret(`s${index}`, body), groupResource: `r${index % 40}` });
    }
    // What does not fit is stored before the end.
    const early = await all(store.list('many/'));
    expect(early.length).toBeGreaterThan(10);
    const sorted = Object.values(await set.close());
    expect(sorted.reduce((sum, { items }) => sum + items, 0)).toBe(100);
    expect(sorted.flatMap(({ segments }) => segments).reduce((sum, { items }) => sum + items, 0)).toBe(100);
  });
});
