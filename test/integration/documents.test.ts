import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseJson } from '../../platform/kube/json.ts';
import { getDoc, putBytes, putDoc } from '../../platform/store/documents.ts';
import { createS3Store } from '../../platform/store/s3-store.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import { startS3Server } from '../support/s3-server.ts';
import type { S3Server } from '../support/s3-server.ts';

let server: S3Server;
let store: ObjectStore;

beforeAll(async () => {
  server = await startS3Server();
  store = createS3Store(server.config(await server.createBucket()));
});

afterAll(async () => {
  store.close();
  await server.stop();
});

/** As another process sees the document: nothing is in its memory. */
const unknown = async (text: Buffer | string, key: string) => putBytes(store, key, Buffer.from(text));

describe('documents', () => {
  it('are text while they are short, gzip when they are long', async () => {
    const short = await putDoc(store, 'run/plan', { a: 1 });
    expect(short).toMatchObject({ key: 'run/plan.json', bytes: 7 });
    expect((await store.get('run/plan.json')).toString()).toBe('{"a":1}');
    const long = await putDoc(store, 'run/plan.json', { a: 'x'.repeat(20_000) });
    expect(long.key).toBe('run/plan.json.gz');
    expect(long.bytes).toBeLessThan(1000);
    expect(await getDoc(store, long)).toEqual({ a: 'x'.repeat(20_000) });
  });

  it('keep 64-bit numbers', async () => {
    const ref = await unknown('{"n":9007199254740993}', 'run/numbers.json');
    const value = await getDoc(store, ref);
    expect(value).toEqual(parseJson('{"n":9007199254740993}'));
    expect((await putDoc(store, 'run/again', value)).sha256).toBe(ref.sha256);
  });

  it('are read once, and given as a copy each time', async () => {
    const ref = await unknown('{"list":[1]}', 'run/copy.json');
    (await getDoc<{ list: number[] }>(store, ref)).list.push(2);
    await store.remove([ref.key]);
    expect(await getDoc(store, ref)).toEqual({ list: [1] });
  });

  it('that were altered are refused', async () => {
    const ref = await unknown('{"a":"right"}', 'run/altered.json');
    await store.put(ref.key, '{"a":"wrong"}');
    await expect(getDoc(store, ref)).rejects.toMatchObject({
      code: 'StoreCorrupt',
      message: expect.stringContaining('run/altered.json'),
    });
  });

  it('that are lost, damaged or too large are refused', async () => {
    const lost = await unknown('{"lost":true}', 'run/lost.json');
    await store.remove([lost.key]);
    await expect(getDoc(store, lost)).rejects.toMatchObject({ code: 'StoreNotFound' });
    const damaged = await unknown('no gzip', 'run/damaged.json.gz');
    await expect(getDoc(store, damaged)).rejects.toMatchObject({ code: 'StoreCorrupt' });
    const bomb = await unknown(gzipSync(Buffer.alloc(257 * 1024 * 1024, ' ')), 'run/bomb.json.gz');
    await expect(getDoc(store, bomb)).rejects.toMatchObject({ code: 'StoreTooLarge' });
  });

  it('push each other out of the memory, the oldest first', async () => {
    const text = (letter: string) => `"${letter.repeat(30 * 1024 * 1024)}"`;
    const refs = [];
    for (const letter of 'abc') refs.push(await unknown(text(letter), `run/${letter}.json`));
    for (const ref of refs) await getDoc(store, ref);
    await store.removeAll('run/');
    await expect(getDoc(store, refs[0]!)).rejects.toMatchObject({ code: 'StoreNotFound' });
    expect(await getDoc<string>(store, refs[2]!)).toHaveLength(30 * 1024 * 1024);
  });
});
