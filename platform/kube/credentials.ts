import { BlockList, isIP } from 'node:net';
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
  /** It has an address of this machine or of a private network. */
  near: boolean;
}

const PRIVATE = new BlockList();
for (const [net, bits] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const)
  PRIVATE.addSubnet(net, bits);
PRIVATE.addAddress('::1', 'ipv6');
PRIVATE.addSubnet('fc00::', 7, 'ipv6');

/** A pod reaches its API server by such an address; a name may lead anywhere. */
function isNear(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(address);
  return family !== 0 && PRIVATE.check(address, family === 6 ? 'ipv6' : 'ipv4');
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
  const { origin, hostname, pathname, protocol } = new URL(cluster.server);
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
  const { proxyUrl } = cluster;
  return { origin, prefix: pathname.replace(/\/+$/, ''), proxyUrl, near: !proxyUrl && isNear(hostname) };
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
