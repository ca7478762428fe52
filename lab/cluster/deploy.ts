import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { startTimeoutMs, waitUntil } from '../host/command.ts';
import { KubeClient, type KubeObject, readManifest } from './kube-client.ts';

const deployDir = join(import.meta.dirname, '../../deploy');

/** Applies the project's definitions and manifests and waits until its Deployment serves. */
export async function applyProject(
  kubeconfig: string,
  variables: Record<string, string>,
  say: (line: string) => void,
): Promise<void> {
  const definitions = readFolder(join(deployDir, 'crds'), {});
  const objects = readFolder(join(deployDir, 'manifests'), variables);
  const client = new KubeClient(kubeconfig);
  try {
    await Promise.all(definitions.map((object) => client.apply(object)));
    // What others live in or refer to comes first.
    const early = ['Namespace', 'ServiceAccount', 'Secret', 'ConfigMap'];
    const first = objects.filter(({ kind }) => early.includes(kind));
    for (const object of first) await client.apply(object);
    for (const object of objects) if (!first.includes(object)) await client.apply(object);
    say(`applied ${definitions.length} definitions and ${objects.length} objects`);
    const deployment = objects.find(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'caravel',
    );
    if (deployment) await waitAvailable(client, deployment);
  } finally {
    client.close();
  }
}

function readFolder(dir: string, variables: Record<string, string>): KubeObject[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .flatMap((file) => readManifest(join(dir, file), variables));
}

interface DeploymentStatus {
  observedGeneration?: number;
  replicas?: number;
  updatedReplicas?: number;
  availableReplicas?: number;
}

async function waitAvailable(client: KubeClient, deployment: KubeObject): Promise<void> {
  const { name, namespace } = deployment.metadata;
  const path = `/apis/apps/v1/namespaces/${namespace ?? 'default'}/deployments/${name}`;
  await waitUntil(
    `deployment ${name} available (kubectl -n ${namespace ?? 'default'} describe pods tells why not)`,
    startTimeoutMs,
    async () => {
      const { body } = await client.request('GET', path);
      const { generation } = body.metadata as { generation: number };
      const { replicas: wanted = 1 } = body.spec as { replicas?: number };
      const status = (body.status ?? {}) as DeploymentStatus;
      const counts = [status.replicas, status.updatedReplicas, status.availableReplicas];
      return status.observedGeneration === generation && counts.every((count) => (count ?? 0) === wanted);
    },
  );
}
