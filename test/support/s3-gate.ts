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
  /** Bytes per second in each direction; 0 = no limit. */
  limit(rate: number): void;
  close(): Promise<void>;
}

export async function openGate(target: string): Promise<Gate> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const counts = { bytesUp: 0, connections: 0, frozen: false };
  const pace = pacer();
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
    const pass = (from: Socket, to: Socket, count: (bytes: number) => void) =>
      from.on('data', (chunk) => {
        if (counts.frozen) return;
        count(chunk.length);
        const full = !to.write(chunk);
        const wait = pace.wait(chunk.length);
        if (!full && wait === 0) return;
        from.pause();
        const go = () => setTimeout(() => from.resume(), wait);
        if (full) to.once('drain', go);
        else go();
      });
    pass(client, upstream, (bytes) => (counts.bytesUp += bytes));
    pass(upstream, client, () => undefined);
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
    limit: pace.limit,
    freeze: (frozen) => void (counts.frozen = frozen),
    close: async () => {
      if (server.listening) await shut();
    },
  };
}

/** Milliseconds to wait after some bytes, so that all connections together keep to the rate. */
function pacer() {
  let rate = 0;
  let free = 0;
  return {
    limit: (wanted: number) => void (rate = wanted),
    wait: (bytes: number) => {
      if (rate === 0) return 0;
      const now = performance.now();
      free = Math.max(free, now) + (bytes / rate) * 1_000;
      return free - now;
    },
  };
}
