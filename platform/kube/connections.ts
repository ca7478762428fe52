import { createSecureContext } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import type { Endpoint, Tls } from './credentials.ts';
import { CONNECTIONS } from './limits.ts';

/**
 * The client's connections. Requests share a small pool. Watches and logs have one of their own without a bound:
 * each holds its connection for as long as it lasts, and in the small pool a few of them would stop everything else.
 */
export interface Pools {
  requests: Dispatcher;
  streams: Dispatcher;
}

export class Connections {
  readonly #endpoint: Endpoint;
  #tls: Tls | undefined;
  #pools: Pools | undefined;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  /** The pools for these certificates; new ones when they have rotated, the old ones end with their last request. */
  pools(tls: Tls): Pools {
    if (this.#pools !== undefined && isDeepStrictEqual(tls, this.#tls)) return this.#pools;
    const old = this.#pools;
    this.#tls = tls;
    this.#pools = {
      requests: makeAgent(this.#endpoint, tls, CONNECTIONS.requests),
      streams: makeAgent(this.#endpoint, tls, null),
    };
    void old?.requests.close();
    void old?.streams.close();
    return this.#pools;
  }

  async close(): Promise<void> {
    const pools = this.#pools;
    this.#pools = undefined;
    await Promise.all([pools?.requests.destroy(), pools?.streams.destroy()]);
  }
}

function makeAgent(endpoint: Endpoint, tls: Tls, connections: number | null): Dispatcher {
  const { servername, rejectUnauthorized, ...certificates } = tls;
  const connect = {
    ...(servername !== undefined && { servername }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
    // Made once: reading the certificates anew for each connection is a third of its cost, and watches make many.
    secureContext: createSecureContext(certificates),
    timeout: CONNECTIONS.connect,
    keepAlive: true,
    keepAliveInitialDelay: CONNECTIONS.probe,
  };
  const options = {
    connections,
    pipelining: 1,
    // Over one HTTP/2 connection a slow reader of one stream holds up the others; aborting a stream is no gain here.
    allowH2: false,
    keepAliveTimeout: CONNECTIONS.keepAlive,
    keepAliveMaxTimeout: CONNECTIONS.keepAlive,
    // The transport has its own, exact limits.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  if (endpoint.proxyUrl === undefined) return new Agent({ ...options, connect });
  return new ProxyAgent({ ...options, uri: endpoint.proxyUrl, requestTls: connect });
}
