/** Every number of the Kubernetes client, each with its reason. Times in milliseconds unless the name says otherwise. */

export const RATE = {
  /** Far above what a run needs, far below what priority-and-fairness starts to queue: a bug cannot flood the API. */
  qps: 1_000,
  /** Two seconds' worth, so that a plan's many small reads never wait. */
  burst: 2_000,
} as const;

export const CONNECTIONS = {
  /** Requests at once; an activity applies 8 objects in parallel, and a few activities run beside it. */
  requests: 16,
  /** Below the API server's own 90 s, so that a request never meets a connection that is just being closed. */
  keepAlive: 30_000,
  /** TCP and TLS; a node that is gone answers nothing, and the next address must get its turn. */
  connect: 5_000,
  /** TCP keep-alive probe: load balancers forget silent connections after 60 s. */
  probe: 15_000,
} as const;

export const REQUEST = {
  /** One request, body included: longer than the 30 s the API server grants an admission webhook. */
  timeout: 35_000,
  /** One page of a list: 64 MiB over a slow link. */
  pageTimeout: 60_000,
  /** Headers of a watch or a log; the API server sends them at once. */
  streamOpen: 15_000,
  /** An object. */
  bodyBytes: 64 * 1024 * 1024,
  /** The longest string that V8 makes is 512 MiB; a list that ignores `limit` may come close. */
  bodyBytesMax: 400 * 1024 * 1024,
  /** Body of an error: a Status is a few hundred bytes. */
  errorBytes: 1024 * 1024,
} as const;

/** Retries inside one call, for blips only: what lasts longer is retried by the activity, which heartbeats. */
export const RETRY = {
  attempts: 3,
  initial: 100,
  /** A server that asks for a longer wait gets it from the activity's retry. */
  longest: 2_000,
} as const;

export const PAGE = {
  /** client-go's own; larger pages block the event loop for more than 100 ms. */
  size: 500,
  /** Two pages are in memory, as text and as objects, for each of the lists that are read side by side. */
  bodyBytes: 16 * 1024 * 1024,
  /** A page above that is asked for again with this fraction of its objects. */
  shrink: 8,
  /** `list` starts again this often when its continue token has expired. */
  restarts: 3,
} as const;

export const WATCH = {
  /** The server ends a watch after this long, so that one that lasts longer is known to be dead; bookmarks alone do
   * not tell, aggregated servers send none. Renewing costs one request on a warm connection. */
  seconds: 40,
  /** Spread over this many more seconds, so that watches do not renew in step. */
  spreadSeconds: 10,
  /** What the server may be late by before the connection counts as dead. */
  grace: 5_000,
  /** First delay after a failure, doubled for each further one. */
  retry: 50,
  /** The longest: who watches wants to know within seconds that the API is back. */
  retryLongest: 2_000,
  /** A watch that ends earlier, with nothing received, counts as a failure: no hot loop against a broken proxy. */
  shortest: 1_000,
  /** A watch that several share stays for so long after the last of them: the next step of a run comes sooner. */
  linger: 5_000,
  /** An event holds one object; etcd's limit is 1.5 MiB, aggregated servers may exceed it. */
  lineBytes: 64 * 1024 * 1024,
} as const;

export const LOG = {
  /** The mover's longest line (a result with its counters) is some KiB; the kubelet itself splits at 16 KiB. */
  lineBytes: 256 * 1024,
} as const;

export const EXEC = {
  /** Velero's default timeout of a hook. */
  timeout: 30_000,
  /** Of each stream; hooks print a few lines, volume data never goes this way. */
  outputBytes: 1024 * 1024,
  /** Keeps proxies from cutting a quiet command, and finds a dead connection. */
  ping: 20_000,
} as const;
