import { createServer, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';

/** Stands between a client and a real API server: counts connections, cuts them, changes requests on their way. */
export interface KubeRelay {
  /** Leads to the relay. */
  kubeconfigPath: string;
  /** Path and query of each request, as it was passed on. */
  passed: string[];
  /** Connections accepted so far. */
  readonly sockets: number;
  /** Path and query to pass on instead. */
  rewrite: (url: string) => string;
  /** Awaited before a request is passed on. */
  hold: (url: string) => Promise<unknown> | undefined;
  /** Breaks all connections. */
  cut(): void;
  close(): Promise<void>;
}

export async function startKubeRelay(): Promise<KubeRelay> {
  const config = new KubeConfig();
  config.loadFromDefault();
  const upstream = config.getCurrentCluster()!.server;
  const open = new Set<Socket>();
  let sockets = 0;
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const url = relay.rewrite(incoming.url ?? '');
      await relay.hold(url);
      // Who asked may be gone by now.
      if (outgoing.destroyed) return;
      relay.passed.push(url);
      const { response, abort } = await pass(config, new URL(upstream + url), incoming);
      outgoing.on('close', abort);
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      outgoing.flushHeaders();
      response.on('error', () => outgoing.destroy());
      response.pipe(outgoing);
    })().catch(() => outgoing.destroy());
  });
  server.on('connection', (socket) => {
    sockets++;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = await mkdtemp(join(tmpdir(), 'kube-relay-'));
  const kubeconfigPath = join(folder, 'kubeconfig');
  await writeFile(kubeconfigPath, kubeconfigFor((server.address() as AddressInfo).port));
  const cut = () => open.forEach((socket) => socket.destroy());
  const relay: KubeRelay = {
    kubeconfigPath,
    passed: [],
    get sockets() {
      return sockets;
    },
    rewrite: (url) => url,
    hold: () => undefined,
    cut,
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
  return relay;
}

/** The relay speaks plain HTTP to the client, and has the real credentials itself. */
const kubeconfigFor = (port: number) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'r', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
    ],
    users: [{ name: 'r', user: {} }],
    contexts: [{ name: 'r', context: { cluster: 'r', user: 'r' } }],
    'current-context': 'r',
  });

async function pass(config: KubeConfig, url: URL, incoming: IncomingMessage) {
  const credentials: RequestOptions = {};
  await config.applyToHTTPSOptions(credentials);
  const options = {
    ...credentials,
    method: incoming.method,
    headers: { ...incoming.headers, host: url.host, ...(credentials.headers as object) },
  };
  const send = url.protocol === 'http:' ? httpRequest : httpsRequest;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = send(url, options, resolve).on('error', reject);
  incoming.pipe(outgoing);
  return { response: await promise, abort: () => void outgoing.destroy() };
}
