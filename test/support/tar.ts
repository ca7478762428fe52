import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';

/** Texts of a compressed tarball by path, in its order; read without Caravel's own checks. */
export async function readTar(archive: Buffer): Promise<Map<string, string>> {
  const entries = new Map<string, string>();
  const tar = extract();
  Readable.from([archive]).pipe(createGunzip()).pipe(tar);
  for await (const entry of tar) {
    const { name } = entry.header;
    if (entries.has(name)) throw new Error(`${name} stands in the tarball twice`);
    entries.set(name, (await buffer(entry)).toString('utf8'));
  }
  return entries;
}
