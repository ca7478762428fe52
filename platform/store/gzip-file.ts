import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { unpack } from './documents.ts';
import type { ObjectStore } from './types.ts';

/** The files of a backup that the velero CLI reads: gzip bytes, without a Content-Encoding, since it unpacks itself. */

const compress = promisify(gzip);

export async function putGzip(store: ObjectStore, key: string, text: string): Promise<void> {
  await store.put(key, await compress(text));
}

/** The text of such a file, at most `maxBytes` long; undefined when there is none. */
export async function getGzip(
  store: ObjectStore,
  key: string,
  maxBytes: number,
): Promise<string | undefined> {
  if (!(await store.head(key))) return undefined;
  return (await unpack(await store.get(key, { maxBytes }), maxBytes, key)).toString('utf8');
}
