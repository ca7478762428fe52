import { KubeClient } from '../cluster/kube-client.ts';
import type { LabEnvironment } from '../env.ts';
import { waitUntil } from '../host/command.ts';

const removalTimeoutMs = 120_000;

/** Removes the Velero of a namespace, also in the middle of its work; what is in the bucket stays. */
export async function uninstallVelero(env: LabEnvironment, namespace: string): Promise<void> {
  const client = new KubeClient(env.KUBECONFIG);
  try {
    const binding = namespace === 'velero' ? 'velero' : `velero-${namespace}`;
    await client.request('DELETE', `/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/${binding}`);
    await stopPods(client, namespace);
    await client.request('DELETE', `/api/v1/namespaces/${namespace}`);
    await waitUntil(`namespace ${namespace} gone`, removalTimeoutMs, async () => {
      if (await isGone(client, namespace)) return true;
      await releaseObjects(client, namespace);
      return false;
    });
  } finally {
    client.close();
  }
}

const isGone = async (client: KubeClient, namespace: string): Promise<boolean> =>
  (await client.request('GET', `/api/v1/namespaces/${namespace}`)).status === 404;

/** Nobody is left who would put a finalizer back. */
async function stopPods(client: KubeClient, namespace: string): Promise<void> {
  for (const kind of ['apps/v1 deployments', 'apps/v1 daemonsets', 'batch/v1 jobs']) {
    const [version, resource] = kind.split(' ');
    await client.request('DELETE', `/apis/${version}/namespaces/${namespace}/${resource}`);
  }
  await waitUntil(`pods of ${namespace} gone`, removalTimeoutMs, async () => {
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    if ((await itemsOf(client, pods)).length === 0) return true;
    await client.request('DELETE', pods, { gracePeriodSeconds: 0 });
    return false;
  });
}

/** Takes away the finalizers that only the removed Velero would have taken away. */
async function releaseObjects(client: KubeClient, namespace: string): Promise<void> {
  for (const version of ['v1', 'v2alpha1']) {
    const { body } = await client.request('GET', `/apis/velero.io/${version}`);
    for (const { name } of (body.resources ?? []) as { name: string }[])
      await releaseAll(client, `/apis/velero.io/${version}/namespaces/${namespace}/${name}`);
  }
}

async function releaseAll(client: KubeClient, path: string): Promise<void> {
  const held = (await itemsOf(client, path)).filter(({ metadata }) => metadata.finalizers?.length);
  const patch = { metadata: { finalizers: null } };
  for (const { metadata } of held)
    await client.request('PATCH', `${path}/${metadata.name}`, patch, 'application/merge-patch+json');
}

interface Item {
  metadata: { name: string; finalizers?: string[] };
}

async function itemsOf(client: KubeClient, path: string): Promise<Item[]> {
  const { body } = await client.request('GET', path);
  return (body.items ?? []) as Item[];
}
