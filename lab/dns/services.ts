import type { KubeClient } from '../cluster/kube-client.ts';

interface EndpointSlices {
  items?: { endpoints?: { addresses: string[]; hostname?: string; conditions?: { ready?: boolean } }[] }[];
}

/** The addresses behind a name of the cluster's services; nothing when there is no such service. */
export async function lookUp(client: KubeClient, name: string): Promise<string[] | undefined> {
  const found = /^(?:([^.]+)\.)?([^.]+)\.([^.]+)\.svc\.cluster\.local$/.exec(name);
  if (!found) return undefined;
  const [, host, service = '', namespace = ''] = found;
  const { status, body } = await client.request('GET', `/api/v1/namespaces/${namespace}/services/${service}`);
  if (status === 404) return undefined;
  if (status !== 200) throw new Error(`the API server answered ${status}`);
  const { clusterIP } = body.spec as { clusterIP?: string };
  if (host === undefined && clusterIP && clusterIP !== 'None') return [clusterIP];
  return endpoints(client, { namespace, service, host });
}

interface Target {
  namespace: string;
  service: string;
  host: string | undefined;
}

/** Of a headless service: all ready pods, or the one of that host name. */
async function endpoints(
  client: KubeClient,
  { namespace, service, host }: Target,
): Promise<string[] | undefined> {
  const base = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
  const { body } = await client.request(
    'GET',
    `${base}?labelSelector=kubernetes.io/service-name%3D${service}`,
  );
  const all = ((body as EndpointSlices).items ?? []).flatMap((slice) => slice.endpoints ?? []);
  const ready = all.filter(({ conditions }) => conditions?.ready !== false);
  const matching = host === undefined ? ready : ready.filter(({ hostname }) => hostname === host);
  if (host !== undefined && matching.length === 0) return undefined;
  return matching.flatMap(({ addresses }) => addresses);
}
