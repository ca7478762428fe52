import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../../contracts/settings.ts';
import { itemFromBytes, itemOf } from '../../../../platform/archive/item.ts';
import type { ArchiveItem } from '../../../../platform/archive/item.ts';
import { readEntries } from '../../../../platform/archive/tar-reader.ts';
import type { Bounds, ReadOptions, TarEntry } from '../../../../platform/archive/tar-reader.ts';
import { tarballStream } from '../../../../platform/archive/tar-writer.ts';

async function* from(items: ArchiveItem[]) {
  yield* items;
}

const written = async (items: ArchiveItem[]) => buffer(tarballStream(from(items), new Date(0)));

async function read(bytes: Buffer, options?: ReadOptions, bounds?: Bounds): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  for await (const entry of readEntries(Readable.from([bytes]), options, bounds)) entries.push(entry);
  return entries;
}

const pod = (name: string, changes: object = {}) =>
  itemOf(
    { groupResource: 'pods', version: 'v1', namespace: 'shop', name },
    { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop' }, ...changes },
  );

describe('a tarball', () => {
  it('begins with the version, and holds each object at both of its places', async () => {
    const bytes = await written([pod('web-0')]);
    const list = execFileSync('tar', ['-tvz', '--numeric-owner'], { input: bytes })
      .toString()
      .trim()
      .split('\n');
    expect(list.map((line) => line.split(/\s+/).pop())).toEqual([
      'metadata/version',
      'resources/pods/namespaces/shop/web-0.json',
      'resources/pods/v1-preferredversion/namespaces/shop/web-0.json',
    ]);
    expect(list.every((line) => line.startsWith('-rwxr-xr-x 0/0'))).toBe(true);
    expect(execFileSync('tar', ['-xzO', 'metadata/version'], { input: bytes }).toString()).toBe('1.1.0\n');
  });

  it('is the same for the same items', async () => {
    expect((await written([pod('a')])).equals(await written([pod('a')]))).toBe(true);
  });

  it('gives back every object, byte for byte, whatever its name and numbers', async () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 250 })
      .filter((text) => !/[\p{Cc}/]/u.test(text) && !['.', '..'].includes(text));
    const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(name, { maxLength: 5 }),
        int64,
        fc.jsonValue(),
        async (names, number, extra) => {
          const items = names.map((own) => {
            const metadata = `"metadata":{"name":${JSON.stringify(own)},"namespace":"shop"}`;
            const raw = `{"apiVersion":"v1","kind":"Pod",${metadata},"n":${number},"f":1.50,"x":${JSON.stringify(extra)}}`;
            return itemFromBytes({ groupResource: 'pods', namespace: 'shop', name: own }, Buffer.from(raw));
          });
          const entries = await read(await written(items));
          const unversioned = entries.filter(({ path }) => path.version === undefined);
          expect(unversioned.map(({ path }) => path.name)).toEqual(names);
          expect(unversioned.map(({ bytes }) => bytes.toString())).toEqual(
            items.map(({ raw }) => raw.toString()),
          );
          expect(entries.filter(({ path }) => path.version === 'v1' && path.preferred)).toHaveLength(
            names.length,
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  it('fails with the error of its source', async () => {
    async function* broken() {
      yield pod('a');
      throw new Error('the segment is gone');
    }
    await expect(buffer(tarballStream(broken()))).rejects.toThrow('the segment is gone');
  });

  it('stops reading its source when nobody takes the tarball', async () => {
    let ended = false;
    async function* endless() {
      try {
        for (let index = 0; ; index += 1) yield pod(`p${index}`, { text: 'x'.repeat(10_000) });
      } finally {
        ended = true;
      }
    }
    const stream = tarballStream(endless());
    for await (const _ of stream) break;
    await expect.poll(() => ended).toBe(true);
  });
});

describe('tarballs of others', () => {
  it.each(['gnu', 'pax', 'ustar', 'v7'])('packed by tar in %s format', async (format) => {
    const dir = mkdtempSync(join(tmpdir(), 'caravel-tar-'));
    const long = format === 'v7' ? 'short' : 'l'.repeat(90);
    const folder = join(dir, 'resources/deployments.apps/v1-preferredversion/namespaces', long);
    mkdirSync(folder, { recursive: true });
    mkdirSync(join(dir, 'metadata'));
    writeFileSync(join(dir, 'metadata/version'), '1.1.0\n');
    writeFileSync(join(folder, 'api.json'), '{"é":1}');
    const bytes = execFileSync('tar', ['-cz', `--format=${format}`, '-C', dir, '.']);
    let version = '';
    const entries = await read(bytes, { onVersion: (text) => (version = text) });
    rmSync(dir, { recursive: true });
    expect(version).toBe('1.1.0');
    expect(entries).toEqual([
      {
        path: {
          groupResource: 'deployments.apps',
          version: 'v1',
          preferred: true,
          namespace: long,
          name: 'api',
        },
        bytes: Buffer.from('{"é":1}'),
      },
    ]);
  });

  it('without the entries that nobody wants', async () => {
    const bytes = await written([pod('a'), pod('b')]);
    const entries = await read(bytes, { wanted: (path) => path.version !== undefined && path.name === 'b' });
    expect(entries.map(({ path }) => path)).toEqual([
      { groupResource: 'pods', version: 'v1', preferred: true, namespace: 'shop', name: 'b' },
    ]);
  });

  it('in several gzip members', async () => {
    const tar = await raw([{ name: 'resources/pods/cluster/a.json', body: '{}' }]);
    const parts = Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))]);
    expect(await read(parts)).toHaveLength(1);
  });
});

type RawEntry = {
  name: string;
  body?: string;
  type?: 'symlink' | 'link' | 'character-device' | 'fifo';
  linkname?: string;
};

async function raw(entries: RawEntry[]): Promise<Buffer> {
  const tar = pack();
  for (const { name, body, ...header } of entries) tar.entry({ name, ...header }, body ?? '');
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as unknown as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('hostile tarballs', () => {
  const place = 'resources/pods/cluster/a.json';

  it.each<[string, RawEntry]>([
    ['a symlink', { name: place, type: 'symlink', linkname: '/etc/passwd' }],
    ['a hard link', { name: place, type: 'link', linkname: '../../x' }],
    ['a device', { name: place, type: 'character-device' }],
    ['a fifo', { name: place, type: 'fifo' }],
    ['an absolute path', { name: '/resources/pods/cluster/a.json', body: '{}' }],
    ['a path that leads out', { name: 'resources/pods/cluster/../../../../x.json', body: '{}' }],
    ['a long path that leads out', { name: `resources/${'x'.repeat(300)}/../../cluster/a.json`, body: '{}' }],
    ['another tree', { name: 'etc/passwd', body: 'x' }],
    ['a path of odd depth', { name: 'resources/pods/v1/x/cluster/a.json', body: '{}' }],
  ])('with %s are refused', async (_what, entry) => {
    const good = { name: 'resources/pods/cluster/good.json', body: '{}' };
    const bytes = gzipSync(await raw([good, entry]));
    await expect(read(bytes)).rejects.toMatchObject({ code: 'StoreCorrupt' });
  });

  const bounds: Bounds = {
    entryBytes: LIMITS.manifestBytes,
    unpackedBytes: 2 ** 40,
    ratio: 400,
    ratioFrom: 2 ** 20,
  };

  it('that unpack to far more than they are', async () => {
    const bomb = gzipSync(
      Buffer.concat([await raw([{ name: place, body: '{}' }]), Buffer.alloc(64 * 1024 * 1024)]),
    );
    await expect(read(bomb, {}, bounds)).rejects.toMatchObject({ code: 'StoreTooLarge' });
    const below = { ...bounds, ratio: 10_000, unpackedBytes: 1024 * 1024 };
    await expect(read(bomb, {}, below)).rejects.toMatchObject({ code: 'StoreTooLarge' });
  });

  it('with an entry too large to load', async () => {
    const bytes = gzipSync(await raw([{ name: place, body: 'x'.repeat(2000) }]));
    await expect(read(bytes, {}, { ...bounds, entryBytes: 1999 })).rejects.toMatchObject({
      code: 'StoreTooLarge',
    });
    expect(await read(bytes, {}, { ...bounds, entryBytes: 2000 })).toHaveLength(1);
    const version = gzipSync(await raw([{ name: 'metadata/version', body: '1'.repeat(1000) }]));
    await expect(read(version)).rejects.toMatchObject({ code: 'StoreTooLarge' });
  });

  it('with an entry that says it is larger than everything', async () => {
    const tar = await raw([{ name: place, body: '{}' }]);
    // The size field in binary form, and the checksum that goes with it.
    tar.set([0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 124);
    tar.fill(0x20, 148, 156);
    const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    await expect(read(gzipSync(tar))).rejects.toThrow();
  });

  it('cut short, or damaged, never end quietly', async () => {
    const whole = readFileSync(import.meta.filename);
    const bytes = await written([
      pod('a', { text: whole.toString() }),
      pod('b', { text: whole.toString('base64') }),
    ]);
    for (let length = 0; length < bytes.length; length += Math.ceil(bytes.length / 40)) {
      if (length === 0) continue;
      await expect(read(bytes.subarray(0, length))).rejects.toThrow();
    }
    await expect(read(Buffer.from('no gzip at all'))).rejects.toThrow();
    await expect(read(gzipSync(Buffer.alloc(512, 'no tar')))).rejects.toThrow();
  });
});
