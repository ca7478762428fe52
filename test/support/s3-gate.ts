import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A TCP gate before a store: counts what passes, and can be shut or frozen to act out an outage. */
export interface Gate {
  /** `host:port`, as a repository's endpoint. */
  endpoint: string;
  /** Bytes that went to the store. */
  readonly bytesUp: number;
  readonly connections: number;
  /** Refuses new connections and breaks the open ones. */
  shut(): Promise<void>;
  open(): Promise<void>;
  /** Keeps connections, but lets no byte through any more. */
  freeze(frozen: boolean): void;
  close(): Promise<void>;
}

export async function openGate(target: string): Promise<Gate> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const counts = { bytesUp: 0, connections: 0, frozen: false };
  const server = createServer((client) => {
    counts.connections++;
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (chunk) => {
      if (counts.frozen) return;
      counts.bytesUp += chunk.length;
      if (upstream.write(chunk)) return;
      client.pause();
      upstream.once('drain', () => client.resume());
    });
    upstream.on('data', (chunk) => {
      if (counts.frozen || client.write(chunk)) return;
      upstream.pause();
      client.once('drain', () => upstream.resume());
    });
  });
  const listen = (wanted: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(wanted, '127.0.0.1', resolve);
    });
  await listen(0);
  const own = (server.address() as AddressInfo).port;
  const shut = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    endpoint: `127.0.0.1:${own}`,
    get bytesUp() {
      return counts.bytesUp;
    },
    get connections() {
      return counts.connections;
    },
    shut,
    open: () => listen(own),
    freeze: (frozen) => void (counts.frozen = frozen),
    close: async () => {
      if (server.listening) await shut();
    },
  };
}
