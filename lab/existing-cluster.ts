import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { KubeClient } from './cluster/kube-client.ts';
import { controlNamespace } from './env.ts';

/** A cluster that others made, used instead of the lab's node: what Caravel needs of it, and of the services around. */

export type Variables = Record<string, string>;

/** What deploy/manifests want to know and nobody can guess. */
const NEEDED: Record<string, string> = {
  CARAVEL_IMAGE: 'the image, which its nodes can pull',
  TEMPORAL_ADDRESS: 'host:port of the Temporal server, as its pods reach it',
  S3_ENDPOINT: 'URL of the object store, as its pods reach it',
  S3_ACCESS_KEY_ID: 'key of the object store',
  S3_SECRET_ACCESS_KEY: 'key of the object store',
  S3_BUCKET: 'bucket, which must exist',
  STORE_CIDR: "addresses of the object store, for the movers' network policy",
  STORE_PORT: 'port of the object store',
};

const DEFAULTS = {
  CARAVEL_CLUSTER: 'local',
  CARAVEL_TASK_QUEUE: 'caravel',
  TEMPORAL_NAMESPACE: 'default',
  S3_REGION: 'us-east-1',
};

/** The environment that Caravel's manifests and programs take; throws with all that is missing. */
export function clusterVariables(kubeconfig: string, env: NodeJS.ProcessEnv): Variables {
  const file = resolve(kubeconfig);
  if (!existsSync(file)) throw new Error(`--kubeconfig: there is no file ${kubeconfig}`);
  const missing = Object.entries(NEEDED).filter(([name]) => !env[name]);
  if (missing.length > 0) {
    const lines = missing.map(([name, what]) => `\n  ${name.padEnd(22)} ${what}`);
    throw new Error(`to use a cluster that is not the lab's, set:${lines.join('')}`);
  }
  const set = (name: string): [string, string] => [name, env[name] ?? ''];
  return {
    ...DEFAULTS,
    ...Object.fromEntries(
      [...Object.keys(DEFAULTS), ...Object.keys(NEEDED)].filter((name) => env[name]).map(set),
    ),
    CONTROL_NAMESPACE: env['CONTROL_NAMESPACE'] ?? controlNamespace,
    KUBECONFIG: file,
  };
}

interface List {
  items?: Record<string, unknown>[];
}

/** Throws, naming what to do, when the cluster cannot take snapshots of any of its volumes. */
export async function requireSnapshots(kubeconfig: string): Promise<void> {
  const client = new KubeClient(kubeconfig);
  try {
    const classes = await list(client, '/apis/snapshot.storage.k8s.io/v1/volumesnapshotclasses');
    if (!classes)
      throw new Error('The cluster has no snapshot API: install external-snapshotter with its definitions.');
    const storage = (await list(client, '/apis/storage.k8s.io/v1/storageclasses')) ?? [];
    const drivers = new Set(classes.map((each) => each['driver']));
    if (storage.some((each) => drivers.has(each['provisioner']))) return;
    const names = storage.map((each) => each['provisioner']).join(', ') || 'none';
    throw new Error(
      `No StorageClass has a VolumeSnapshotClass for its driver (drivers: ${names}): create one for the driver of your volumes.`,
    );
  } finally {
    client.close();
  }
}

async function list(client: KubeClient, path: string): Promise<Record<string, unknown>[] | undefined> {
  const { status, body } = await client.request('GET', path);
  if (status === 404) return undefined;
  if (status !== 200)
    throw new Error(`GET ${path}: ${typeof body['message'] === 'string' ? body['message'] : status}`);
  return (body as List).items ?? [];
}
