import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readManifest } from '../../lab/cluster/kube-client.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { Gvr, KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { tableSums } from './database.ts';
import type { Environment } from './environment.ts';
import { fileSums } from './files.ts';
import { runIn } from './pods.ts';
import type { Tell } from './screen.ts';

const FOLDER = join(import.meta.dirname, '../../deploy/demo');

const KINDS: Record<string, Gvr> = {
  Namespace: GVRS.namespaces,
  Secret: GVRS.secrets,
  ConfigMap: GVRS.configmaps,
  ServiceAccount: GVRS.serviceaccounts,
  Service: GVRS.services,
  PersistentVolumeClaim: GVRS.persistentvolumeclaims,
  StatefulSet: GVRS.statefulsets,
  Deployment: GVRS.deployments,
};

export async function deployApplication(environment: Environment, namespace: string): Promise<number> {
  const objects = readdirSync(FOLDER)
    .sort()
    .flatMap((file) =>
      readManifest(join(FOLDER, file), {
        DEMO_NAMESPACE: namespace,
        DEMO_PASSWORD: randomBytes(16).toString('base64url'),
        DEMO_STORAGE_CLASS: environment.storageClass,
        DEMO_POSTGRES_IMAGE: environment.images.postgres,
        DEMO_WEB_IMAGE: environment.images.web,
      }),
    );
  for (const object of objects) {
    const gvr = KINDS[object.kind];
    if (!gvr) throw new Error(`deploy/demo: the demonstration knows no ${object.kind}`);
    await environment.kube.create(gvr, object.metadata.namespace, object);
  }
  return objects.length;
}

/** What must be the same before and after: name of a thing → what was found of it. */
export type Fingerprint = Map<string, string>;

export async function fingerprint(
  kube: KubeClient,
  namespace: string,
  tell: Tell,
  signal: AbortSignal,
): Promise<Fingerprint> {
  const tables = await tableSums(kube, namespace, tell, signal);
  tell('files');
  const files = await fileSums(kube, namespace, signal);
  tell('configuration');
  const objects = await Promise.all([
    dataSum(kube, GVRS.secrets, namespace, 'database'),
    dataSum(kube, GVRS.configmaps, namespace, 'web'),
  ]);
  tell(`${tables.length} tables, ${files.length} files, ${objects.length} objects`);
  return new Map([...tables, ...files, ...objects]);
}

async function dataSum(
  kube: KubeClient,
  gvr: Gvr,
  namespace: string,
  name: string,
): Promise<[string, string]> {
  const { data } = await kube.get<KubeObject & { data?: object }>(gvr, namespace, name);
  const sha256 = createHash('sha256').update(JSON.stringify(data)).digest('hex');
  return [`${gvr.resource}/${name}`, `data with sha256 ${sha256}`];
}

/** One sentence for each thing that is not as it was. */
export function differences(before: Fingerprint, after: Fingerprint): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].flatMap((name) => {
    const [was, is] = [before.get(name), after.get(name)];
    if (was === is) return [];
    return [`${name}: was ${was ?? 'not there'}, is ${is ?? 'missing'}`];
  });
}

interface Service extends KubeObject {
  spec: { clusterIP: string };
}

/** The page as another pod gets it: through the Service's address. */
export async function fetchPage(kube: KubeClient, namespace: string, signal: AbortSignal): Promise<string> {
  const service = await kube.get<Service>(GVRS.services, namespace, 'web');
  const url = `http://${service.spec.clusterIP}/`;
  return await runIn(kube, namespace, 'web', ['wget', '-q', '-O', '-', url], { signal });
}
