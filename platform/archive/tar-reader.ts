import { Readable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import type { ExtractEvents } from 'tar-stream';
import { LIMITS } from '../../contracts/settings.ts';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import { parseEntryPath } from '../../core/format/tarball.ts';
import type { EntryPath, ParsedPath } from '../../core/format/tarball.ts';
import type { ObjectStore } from '../store/types.ts';
import { COMPRESSION, TARBALL } from './limits.ts';

/** Reads tarballs that anyone may have written: nothing is followed, everything is bounded. */

export interface TarEntry {
  path: EntryPath;
  bytes: Buffer;
}

export interface ReadOptions {
  /** Entries of other paths are skipped without loading them. */
  wanted?: (path: EntryPath) => boolean;
  /** Content of `metadata/version`. */
  onVersion?: (version: string) => void;
  signal?: AbortSignal;
}

type Entry = ExtractEvents['entry'][1];

/** Bounds that tests set lower. */
export interface Bounds {
  entryBytes: number;
  unpackedBytes: number;
  ratio: number;
  ratioFrom: number;
}

const BOUNDS: Bounds = { entryBytes: LIMITS.manifestBytes, ...TARBALL };
const VERSION_BYTES = 64;

/** Objects of a stored tarball, in its order. */
export async function* readTarball(
  store: ObjectStore,
  key: string,
  options: ReadOptions = {},
): AsyncGenerator<TarEntry> {
  const source = await store.getStream(key, options.signal ? { signal: options.signal } : {});
  try {
    yield* readEntries(source, options);
  } catch (error) {
    throw inTarball(key, error);
  }
}

/** Objects of a compressed tarball. */
export async function* readEntries(
  source: Readable,
  options: ReadOptions = {},
  bounds: Bounds = BOUNDS,
): AsyncGenerator<TarEntry> {
  // Also the oldest format, which has no mark; Go's reader takes it, too.
  const entries = extract({ allowUnknownFormat: true } as object);
  const gunzip = createGunzip({ chunkSize: COMPRESSION.chunkBytes });
  pipeline(source, gunzip, () => {});
  pipeline(Readable.from(guarded(gunzip, bounds), { objectMode: false }), entries, () => {});
  try {
    for await (const entry of entries) {
      const path = await take(entry, options, bounds);
      if (path) yield { path, bytes: await contentOf(entry) };
      else entry.resume();
    }
  } finally {
    source.destroy();
    entries.destroy();
  }
}

/** The place of an object whose content is wanted; the version file is dealt with here. */
async function take(entry: Entry, options: ReadOptions, bounds: Bounds): Promise<EntryPath | undefined> {
  const parsed = acceptedPath(entry, bounds);
  if (parsed.kind === 'version') options.onVersion?.((await contentOf(entry)).toString('utf8').trim());
  if (parsed.kind !== 'item') return undefined;
  return options.wanted?.(parsed.item) === false ? undefined : parsed.item;
}

/** Ends the stream when it grows as only a bomb does. */
async function* guarded(gunzip: ReturnType<typeof createGunzip>, bounds: Bounds): AsyncGenerator<Buffer> {
  let unpacked = 0;
  for await (const chunk of gunzip as AsyncIterable<Buffer>) {
    unpacked += chunk.length;
    // bytesWritten: what was put in, compressed.
    const inflated = unpacked > bounds.ratioFrom && unpacked > bounds.ratio * gunzip.bytesWritten;
    if (inflated || unpacked > bounds.unpackedBytes) {
      throw new CaravelError('StoreTooLarge', `it unpacks to more than ${unpacked} bytes, as no backup does`);
    }
    yield chunk;
  }
}

function acceptedPath({ header }: Entry, bounds: Bounds): ParsedPath {
  const { name, type, size } = header;
  const file = type === 'file' || type === 'contiguous-file';
  if (!file && type !== 'directory') {
    throw new CaravelError('StoreCorrupt', `entry ${JSON.stringify(name)} is a ${type}, as no backup has`);
  }
  const parsed = parseEntryPath(file ? name : `${name.replace(/\/+$/, '')}/`);
  const limit = { item: bounds.entryBytes, version: VERSION_BYTES, directory: 0 }[parsed.kind];
  if (size <= limit) return parsed;
  throw new CaravelError('StoreTooLarge', `entry ${JSON.stringify(name)} has ${size} bytes`);
}

async function contentOf(entry: Entry): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Damage shows as errors of zlib and tar-stream, which do not know where they are. */
function inTarball(key: string, error: unknown): Error {
  const known = error instanceof CaravelError;
  // Trouble of the store on the way is no damage, and names its place already.
  if (known && !['StoreCorrupt', 'StoreTooLarge'].includes(error.code)) return error;
  if (!known && !isDamage(error)) return error as Error;
  return new CaravelError(known ? error.code : 'StoreCorrupt', `tarball ${key}: ${messageOf(error)}`, {
    cause: error,
  });
}

const TAR_ERRORS = /tar header|Unexpected end of data|exceeds max size|Invalid header|pax/i;

function isDamage(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code?.startsWith('Z_') === true || TAR_ERRORS.test(message);
}
