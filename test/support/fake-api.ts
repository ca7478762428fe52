import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';
import { Transport } from '../../platform/kube/transport.ts';

/** A scripted API server on plain HTTP, for the faults that a real one cannot be made to show. */

export interface FakeRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: string;
}

export type FakeHandler = (request: FakeRequest, response: ServerResponse) => void | Promise<void>;

export interface FakeApi {
  url: string;
  requests: FakeRequest[];
  /** Connections accepted so far. */
  readonly sockets: number;
  /** Connections that are open. */
  readonly open: number;
  config: KubeConfig;
  transport: Transport;
  onUpgrade: (request: IncomingMessage, socket: Socket) => void;
  close(): Promise<void>;
}

export async function startFakeApi(
  handle: FakeHandler,
  user: object = { token: 'secret-token' },
): Promise<FakeApi> {
  const requests: FakeRequest[] = [];
  const open = new Set<Socket>();
  let sockets = 0;
  const server = createServer((message, response) => {
    void (async () => {
      const url = new URL(message.url ?? '', 'http://api');
      const request = {
        method: message.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: message.headers,
        body: (await buffer(message)).toString(),
      };
      requests.push(request);
      await handle(request, response);
    })();
  });
  server.on('connection', (socket) => {
    sockets++;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = configFor(url, user);
  const api: FakeApi = {
    url,
    requests,
    get sockets() {
      return sockets;
    },
    get open() {
      return open.size;
    },
    config,
    transport: new Transport(config),
    onUpgrade: (_request, socket) => socket.destroy(),
    async close() {
      await api.transport.close();
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  server.on('upgrade', (request, socket) => {
    // Node lets the other half stay open, and tells of an end only while it reads.
    socket.on('end', () => socket.destroy());
    socket.resume();
    api.onUpgrade(request, socket as Socket);
  });
  return api;
}

export function configFor(server: string, user: object = {}, cluster: object = {}): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'fake', server, skipTLSVerify: true, ...cluster }],
    users: [{ name: 'me', ...user }],
    contexts: [{ name: 'fake', cluster: 'fake', user: 'me' }],
    currentContext: 'fake',
  });
  return config;
}

export function json(
  response: ServerResponse,
  body: unknown,
  code = 200,
  headers: Record<string, string> = {},
): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

export function status(
  response: ServerResponse,
  code: number,
  reason: string,
  headers: Record<string, string> = {},
) {
  json(response, { kind: 'Status', status: 'Failure', code, reason, message: reason }, code, headers);
}
