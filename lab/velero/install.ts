import { KubeClient, type KubeObject } from '../cluster/kube-client.ts';
import type { LabEnvironment } from '../env.ts';
import { startTimeoutMs, waitUntil } from '../host/command.ts';
import { prerequisites, type VeleroOptions, veleroObjects } from './manifest.ts';

const definitionsPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/**
 * Installs stock Velero into a namespace of its own and waits until its node agent is ready and its location is
 * Available. It looks at that namespace alone, so that several of them and Caravel live beside each other.
 */
export async function installVelero(env: LabEnvironment, options: VeleroOptions): Promise<void> {
  const client = new KubeClient(env.KUBECONFIG);
  try {
    for (const object of prerequisites(options)) await client.apply(object);
    const objects = await veleroObjects(env, options);
    const definitions = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
    await Promise.all(definitions.map((object) => applyMissing(client, object)));
    // What others live in or refer to comes first.
    const early = ['Namespace', 'ServiceAccount', 'Secret', 'ConfigMap'];
    const first = objects.filter(({ kind }) => early.includes(kind));
    for (const object of first) await client.apply(object);
    const last = objects.filter((object) => !first.includes(object) && !definitions.includes(object));
    for (const object of last) await client.apply(object);
    await waitInstalled(client, options.namespace);
  } finally {
    client.close();
  }
}

/** Definitions that the cluster has, be they Caravel's, stay as they are. */
async function applyMissing(client: KubeClient, definition: KubeObject): Promise<void> {
  const { status } = await client.request('GET', `${definitionsPath}/${definition.metadata.name}`);
  if (status === 404) await client.apply(definition);
}

async function waitInstalled(client: KubeClient, namespace: string): Promise<void> {
  const why = `(kubectl -n ${namespace} describe pods, and the logs of deploy/velero, tell why not)`;
  await waitUntil(`Velero's node agent ready ${why}`, startTimeoutMs, async () => {
    const { body } = await client.request(
      'GET',
      `/apis/apps/v1/namespaces/${namespace}/daemonsets/node-agent`,
    );
    const status = (body.status ?? {}) as { numberReady?: number; desiredNumberScheduled?: number };
    const { numberReady = 0, desiredNumberScheduled = 1 } = status;
    return numberReady > 0 && numberReady === desiredNumberScheduled;
  });
  await waitUntil(`Velero's backup storage location Available ${why}`, startTimeoutMs, async () => {
    const path = `/apis/velero.io/v1/namespaces/${namespace}/backupstoragelocations/default`;
    const { body } = await client.request('GET', path);
    return (body.status as { phase?: string } | undefined)?.phase === 'Available';
  });
}
