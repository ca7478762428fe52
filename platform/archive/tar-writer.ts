import { Readable, pipeline } from 'node:stream';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import type { Pack } from 'tar-stream';
import type { DocRef } from '../../contracts/run.ts';
import { entryPaths, FORMAT_VERSION, VERSION_PATH } from '../../core/format/tarball.ts';
import type { ObjectStore } from '../store/types.ts';
import { versionKey } from './item.ts';
import type { ArchiveItem } from './item.ts';
import { COMPRESSION } from './limits.ts';
import { readSegments } from './segments.ts';

export interface TarballInput {
  segments: readonly DocRef[];
  /** Late changes: the same item passes its bytes through, another replaces it, undefined leaves it out. */
  edit?: (item: ArchiveItem) => ArchiveItem | undefined;
  /** Further items; they take the place of exported ones of the same name. */
  extra?: readonly ArchiveItem[];
  /** Time of the entries; now by default. */
  mtime?: Date;
}

/** Streams segments into Velero's tarball; memory does not depend on their number. Each object is written once. */
export async function writeTarball(
  store: ObjectStore,
  key: string,
  input: TarballInput,
  options: { signal?: AbortSignal } = {},
): Promise<{ bytes: number; sha256: string; items: number }> {
  let items = 0;
  async function* counted() {
    for await (const item of itemsOf(store, input)) {
      items += 1;
      yield item;
    }
  }
  const stored = await store.putStream(key, tarballStream(counted(), input.mtime), options);
  return { ...stored, items };
}

/** The compressed tarball of these items, the version file first and each object at all of its places. */
export function tarballStream(items: AsyncIterable<ArchiveItem>, mtime = new Date()): Readable {
  const gzip = createGzip({ level: COMPRESSION.tarballLevel, chunkSize: COMPRESSION.chunkBytes });
  // An error of either end destroys the other; the reader of `gzip` gets it.
  pipeline(Readable.from(tarChunks(items, mtime), { objectMode: false }), gzip, () => {});
  return gzip;
}

async function* tarChunks(items: AsyncIterable<ArchiveItem>, mtime: Date): AsyncGenerator<Buffer> {
  const tar = pack();
  let failure: Error | undefined;
  fill(tar, items, mtime).catch((error: unknown) => {
    failure = error as Error;
    tar.destroy();
  });
  try {
    yield* inChunks(tar);
  } catch (error) {
    throw failure ?? error;
  } finally {
    // Ends `fill` when the reader has gone.
    tar.destroy();
  }
  if (failure) throw failure;
}

async function fill(tar: Pack, items: AsyncIterable<ArchiveItem>, mtime: Date): Promise<void> {
  await addEntry(tar, VERSION_PATH, Buffer.from(`${FORMAT_VERSION}\n`), mtime);
  for await (const item of items) {
    for (const path of entryPaths(item)) await addEntry(tar, path, item.raw, mtime);
  }
  tar.finalize();
}

function addEntry(tar: Pack, name: string, body: Buffer, mtime: Date): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  tar.entry({ name, mode: 0o755, mtime }, body, (error) => (error ? reject(error) : resolve()));
  return promise;
}

async function* inChunks(tar: Pack): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of tar as unknown as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.length;
    if (bytes < COMPRESSION.chunkBytes) continue;
    yield Buffer.concat(parts, bytes);
    parts = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(parts, bytes);
}

async function* itemsOf(store: ObjectStore, input: TarballInput): AsyncGenerator<ArchiveItem> {
  const extra = new Map((input.extra ?? []).map((item) => [versionKey(item), item]));
  // Parallel shards may have met the same object; a tarball with two of one path is ambiguous.
  const seen = new Set(extra.keys());
  for await (const item of readSegments(store, input.segments)) {
    const kept = input.edit ? input.edit(item) : item;
    if (!kept) continue;
    const id = versionKey(kept);
    if (seen.has(id)) continue;
    seen.add(id);
    yield kept;
  }
  yield* extra.values();
}
