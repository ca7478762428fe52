import type { RequestOptions } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import type { Cluster } from '@kubernetes/client-node';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import { KubeConfig } from './kube-config.ts';

/** How to reach a cluster: client-node reads kubeconfig, tokens, exec plugins and the in-cluster account. */

export interface Endpoint {
  origin: string;
  /** Path before `/api`; API gateways have one (`/k8s/clusters/c-1`). No slash at the end. */
  prefix: string;
  proxyUrl: string | undefined;
}

export type Tls = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'servername' | 'rejectUnauthorized'
>;

export interface Credentials {
  headers: Record<string, string>;
  tls: Tls;
}

/** KUBECONFIG, ~/.kube/config or the pod's service account when no path is given. */
export function loadKubeConfig(path?: string, context?: string): KubeConfig {
  const config = new KubeConfig();
  try {
    if (path === undefined) config.loadFromDefault();
    else config.loadFromFile(path);
  } catch (error) {
    throw new CaravelError('InvalidInput', `kubeconfig ${path ?? ''}: ${messageOf(error)}`, { cause: error });
  }
  if (context !== undefined) {
    if (config.getContextObject(context) === null) {
      const known = config.getContexts().map(({ name }) => name);
      throw new CaravelError(
        'InvalidInput',
        `kubeconfig has no context ${context}; it has ${known.join(', ')}`,
      );
    }
    config.setCurrentContext(context);
  }
  return config;
}

export function endpointOf(config: KubeConfig): Endpoint {
  const cluster: Cluster | null = config.getCurrentCluster();
  if (cluster === null) throw new CaravelError('InvalidInput', 'kubeconfig has no current cluster');
  if (!/^https?:/.test(cluster.server) || !URL.canParse(cluster.server)) {
    throw new CaravelError('InvalidInput', `kubeconfig: server ${cluster.server} is no URL`);
  }
  const { origin, pathname, protocol } = new URL(cluster.server);
  if (protocol === 'http:' && !cluster.skipTLSVerify) {
    // client-node's stand-in when there is no kubeconfig at all, and what it would refuse at each request.
    throw new CaravelError('InvalidInput', `no kubeconfig, or one that leads to ${origin} without TLS`);
  }
  if (cluster.proxyUrl?.startsWith('socks')) {
    throw new CaravelError(
      'NotSupported',
      'kubeconfig: a SOCKS proxy-url cannot be used, only http and https',
    );
  }
  return { origin, prefix: pathname.replace(/\/+$/, ''), proxyUrl: cluster.proxyUrl };
}

/** Asked for before each request: tokens expire, exec plugins renew, certificates rotate. */
export async function readCredentials(config: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value !== undefined) headers[name.toLowerCase()] = String(value).trim();
  }
  if (options.auth) headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = options;
  const tls = { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized };
  return { headers, tls: Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined)) };
}
