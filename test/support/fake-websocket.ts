import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** The server's side of a WebSocket, as far as a remote command needs it: binary messages below 64 KiB. */
export interface FakeSocket {
  send(channel: number, text: string | Buffer): void;
  onMessage: (message: Buffer) => void;
  socket: Socket;
}

export function acceptWebSocket(request: IncomingMessage, socket: Socket, protocol: string): FakeSocket {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const head = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}`,
    `Sec-WebSocket-Protocol: ${protocol}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  const fake: FakeSocket = {
    send: (channel, text) => void socket.write(frame(Buffer.concat([Buffer.of(channel), Buffer.from(text)]))),
    onMessage: () => undefined,
    socket,
  };
  let pending = Buffer.alloc(0);
  socket.on('error', () => undefined);
  socket.on('data', (data) => {
    pending = Buffer.concat([pending, data]);
    for (let read = unframe(pending); read !== undefined; read = unframe(pending)) {
      pending = pending.subarray(read.length);
      if (read.opcode === 2) fake.onMessage(read.payload);
    }
  });
  return fake;
}

function frame(payload: Buffer): Buffer {
  if (payload.length < 126) return Buffer.concat([Buffer.of(0x82, payload.length), payload]);
  const head = Buffer.alloc(4);
  head.writeUInt16BE(0x827e);
  head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

/** The first whole frame; a client's are masked. */
function unframe(data: Buffer): { opcode: number; payload: Buffer; length: number } | undefined {
  if (data.length < 2) return undefined;
  const short = data[1]! & 0x7f;
  const start = short < 126 ? 2 : 4;
  if (data.length < start) return undefined;
  const size = short < 126 ? short : data.readUInt16BE(2);
  const length = start + 4 + size;
  if (data.length < length) return undefined;
  const mask = data.subarray(start, start + 4);
  const payload = Buffer.from(data.subarray(start + 4, length)).map((byte, i) => byte ^ mask[i % 4]!);
  return { opcode: data[0]! & 0x0f, payload: Buffer.from(payload), length };
}
