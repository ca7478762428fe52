import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { LIMITS } from '../../contracts/settings.ts';
import type { DocRef } from '../../contracts/run.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { parseJson, stringifyJson } from '../kube/json.ts';
import { DOCUMENTS } from './limits.ts';
import type { ObjectStore } from './types.ts';

/** JSON documents in the bucket: what is too large, or too private, for Temporal's history. */

const compress = promisify(gzip);
const decompress = promisify(gunzip);

interface Known {
  text: Buffer;
  /** Parsed and frozen, once somebody asked for it so. */
  shared?: unknown;
}

/** By the hash of the stored bytes, oldest use first. The content is its own key, so it is never stale. */
const cache = new Map<string, Known>();
let cachedBytes = 0;

export const sha256Hex = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Stores a value; the key gets the ending `.json`, or `.json.gz` when the text is long. */
export async function putDoc(store: ObjectStore, key: string, value: unknown): Promise<DocRef> {
  const text = Buffer.from(stringifyJson(value));
  const long = text.length > DOCUMENTS.plainBytes;
  const stem = key.replace(/\.json(\.gz)?$/, '');
  const ref = await putBytes(store, `${stem}.json${long ? '.gz' : ''}`, long ? await compress(text) : text);
  remember(ref.sha256, text);
  return ref;
}

/** Stores bytes as they are. */
export async function putBytes(store: ObjectStore, key: string, bytes: Buffer): Promise<DocRef> {
  await store.put(key, bytes);
  return { key, sha256: sha256Hex(bytes), bytes: bytes.length };
}

/** A new copy of the value each time; callers may change it. */
export async function getDoc<T>(store: ObjectStore, ref: DocRef): Promise<T> {
  const text = cache.get(ref.sha256)?.text ?? (await readText(store, ref));
  remember(ref.sha256, text);
  return parseJson<T>(text);
}

/** One value for all callers, which must not change it: for long lists of which each step needs one entry. */
export async function sharedDoc<T>(store: ObjectStore, ref: DocRef): Promise<T> {
  const known = cache.get(ref.sha256);
  if (known?.shared !== undefined) return known.shared as T;
  const value = frozen(await getDoc<T>(store, ref));
  const entry = cache.get(ref.sha256);
  if (entry) entry.shared = value;
  return value;
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.values(value).forEach(frozen);
  return Object.freeze(value);
}

/** The stored bytes; StoreCorrupt when they are not those that were written. */
export async function getBytes(store: ObjectStore, ref: DocRef): Promise<Buffer> {
  const bytes = await store.get(ref.key, { maxBytes: LIMITS.documentBytes });
  if (sha256Hex(bytes) !== ref.sha256) {
    throw new CaravelError('StoreCorrupt', `${ref.key} does not hold what was written (SHA-256 differs)`);
  }
  return bytes;
}

/** Unpacks gzip up to a size; a small file can otherwise fill the memory. */
export async function unpack(bytes: Buffer, maxBytes: number, key: string): Promise<Buffer> {
  try {
    return await decompress(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new CaravelError('StoreTooLarge', `${key} is larger than ${maxBytes} bytes when unpacked`);
    }
    throw new CaravelError('StoreCorrupt', `${key} is not gzip, or is damaged`, { cause: error });
  }
}

async function readText(store: ObjectStore, ref: DocRef): Promise<Buffer> {
  const bytes = await getBytes(store, ref);
  return ref.key.endsWith('.gz') ? unpack(bytes, LIMITS.documentBytes, ref.key) : bytes;
}

function remember(hash: string, text: Buffer): void {
  const known = cache.get(hash) ?? { text };
  if (cache.delete(hash)) cachedBytes -= text.length;
  if (text.length > DOCUMENTS.cacheBytes) return;
  cache.set(hash, known);
  cachedBytes += text.length;
  for (const [oldest, { text: old }] of cache) {
    if (cachedBytes <= DOCUMENTS.cacheBytes) break;
    cache.delete(oldest);
    cachedBytes -= old.length;
  }
}
