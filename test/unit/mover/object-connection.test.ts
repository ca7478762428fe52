import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ObjectConnection } from '../../../mover/object-connection.ts';

const dir = mkdtempSync(join(tmpdir(), 'caravel-object-'));
const path = join(dir, 'socket');
const content = randomBytes(3_000_017);
let server: Server;

/** Answers in pieces of the size that the request's path names; `/0` breaks off in the middle. */
beforeAll(async () => {
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const size = Number(/^GET \/(\d+)/.exec(chunk.toString())?.[1]);
      const head = `HTTP/1.1 206 Partial Content\r\nContent-Length: ${content.length}\r\nX: y\r\n\r\n`;
      const answer = Buffer.concat([Buffer.from(head), content]);
      if (size === 0) return void socket.end(answer.subarray(0, 1_000_000));
      for (let at = 0; at < answer.length; at += size) socket.write(answer.subarray(at, at + size));
    });
  }).listen(path);
  await new Promise((resolve) => server.once('listening', resolve));
});
afterAll(() => {
  server.close();
  rmSync(dir, { recursive: true });
});

async function read(connection: ObjectConnection, size: number): Promise<Buffer> {
  const { status, length } = await connection.ask(`/${size}`, 'bytes=0-');
  expect(status).toBe(206);
  const pieces: Buffer[] = [];
  await connection.body(length, async (piece) => {
    pieces.push(Buffer.from(piece));
    // A slow disk: what arrives meanwhile must not land in the piece.
    await delay(1);
    expect(Buffer.compare(piece, pieces.at(-1) ?? piece)).toBe(0);
  });
  return Buffer.concat(pieces);
}

test('bytes are the same in whatever pieces they come, one request after the other', async () => {
  const connection = new ObjectConnection(path);
  for (const size of [100_003, 7_919, 5_000_000, 65_536]) {
    expect((await read(connection, size)).equals(content)).toBe(true);
  }
  connection.close();
});

test('a connection that breaks off is an error, before and while waiting', async () => {
  const connection = new ObjectConnection(path);
  await expect(read(connection, 0)).rejects.toThrow(/closed/);
  await expect(connection.ask('/1')).rejects.toThrow(/closed/);
  await expect(new ObjectConnection(join(dir, 'nobody')).ask('/')).rejects.toThrow(/ENOENT/);
});
