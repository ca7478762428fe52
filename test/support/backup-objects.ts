import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Gvr, KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { kubeconfig } from './cluster.ts';
import { namespaceObject, removeNamespace } from './world.ts';
import type { World } from './world.ts';

/** Two namespaces with objects that need each other, on a node that no kubelet looks after. */

export const SHOP = 'bs-shop';
export const ZOO = 'bs-zoo';
export const HIDDEN = 'bs-hidden';
const NODE = 'bs-node';
const RBAC = 'rbac.authorization.k8s.io';

type Made = [gvr: Gvr, object: KubeObject];

export const object = (
  apiVersion: string,
  kind: string,
  name: string,
  {
    namespace,
    labels = {},
    ...rest
  }: { namespace?: string; labels?: Record<string, string>; [field: string]: unknown },
): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, labels, ...(namespace && { namespace }) },
  ...rest,
});

const hidden = { 'velero.io/exclude-from-backup': 'true' };
const pv = (name: string, namespace: string, claim: string): Made => [
  GVRS.persistentvolumes,
  object('v1', 'PersistentVolume', name, {
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: 'bs-none',
      claimRef: { namespace, name: claim },
      hostPath: { path: '/nowhere' },
    },
  }),
];
const claim = (name: string, namespace: string, volumeName: string, labels = {}): Made => [
  GVRS.persistentvolumeclaims,
  object('v1', 'PersistentVolumeClaim', name, {
    namespace,
    labels,
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'bs-none',
      resources: { requests: { storage: '1Gi' } },
      ...(volumeName && { volumeName }),
    },
  }),
];
const pod = (
  name: string,
  namespace: string,
  labels: Record<string, string>,
  claims: string[],
  more = {},
): Made => [
  GVRS.pods,
  object('v1', 'Pod', name, {
    namespace,
    labels,
    spec: {
      nodeName: NODE,
      serviceAccountName: 'default',
      automountServiceAccountToken: false,
      containers: [{ name: 'main', image: 'registry.example/web:1' }],
      tolerations: [{ operator: 'Exists' }],
      volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
      ...more,
    },
  }),
];
const configMap = (name: string, namespace: string, labels: Record<string, string> = {}): Made => [
  GVRS.configmaps,
  object('v1', 'ConfigMap', name, { namespace, labels, data: { key: 'value' } }),
];
const account = (name: string, namespace: string, labels: Record<string, string> = {}): Made => [
  GVRS.serviceaccounts,
  object('v1', 'ServiceAccount', name, { namespace, labels }),
];
const clusterRole = (name: string): Made => [
  GVRS.clusterroles,
  object(`${RBAC}/v1`, 'ClusterRole', name, { rules: [] }),
];
const binding = (name: string, role: string, namespace: string, subject: string): Made => [
  GVRS.clusterrolebindings,
  object(`${RBAC}/v1`, 'ClusterRoleBinding', name, {
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
    subjects: [{ kind: 'ServiceAccount', name: subject, namespace }],
  }),
];

/** What the table of the tests is about. */
const OBJECTS: Made[] = [
  [GVRS.nodes, object('v1', 'Node', NODE, {})],
  [GVRS.priorityclasses, object('scheduling.k8s.io/v1', 'PriorityClass', 'bs-high', { value: 5 })],
  clusterRole('bs-reader'),
  clusterRole('bs-unused'),
  binding('bs-web', 'bs-reader', SHOP, 'web'),
  binding('bs-ape', 'bs-unused', ZOO, 'ape'),
  configMap('settings', SHOP, { app: 'web' }),
  configMap('plain', SHOP),
  configMap('secretive', SHOP, { app: 'web', ...hidden }),
  [GVRS.secrets, object('v1', 'Secret', 'key', { namespace: SHOP, labels: { app: 'db' } })],
  account('web', SHOP, { app: 'web' }),
  pv('bs-data', SHOP, 'data'),
  pv('bs-log', SHOP, 'log'),
  pv('bs-spare', SHOP, 'spare'),
  pv('bs-other', SHOP, 'other'),
  claim('data', SHOP, 'bs-data'),
  claim('log', SHOP, 'bs-log', { 'velero.io/volume-group': 'g1' }),
  claim('spare', SHOP, 'bs-spare', { 'velero.io/volume-group': 'g1' }),
  claim('other', SHOP, 'bs-other', { app: 'alone' }),
  pod('web', SHOP, { app: 'web' }, ['data', 'log'], { priorityClassName: 'bs-high' }),
  pod('helper', SHOP, { app: 'helper' }, ['data']),
  pod('reader', SHOP, { app: 'reader' }, ['other']),
  configMap('settings', ZOO, { app: 'web' }),
  account('ape', ZOO),
  configMap('hidden', HIDDEN, { app: 'web' }),
];

const CLUSTER_WIDE = OBJECTS.filter(([, { metadata }]) => !metadata.namespace);

export async function removeObjects(kube: KubeClient): Promise<void> {
  for (const name of ['web', 'helper', 'reader'])
    await kube.remove(GVRS.pods, SHOP, name, { gracePeriodSeconds: 0 });
  await Promise.all([SHOP, ZOO, HIDDEN].map((name) => removeNamespace(kube, name)));
  for (const [gvr, { metadata }] of CLUSTER_WIDE) await kube.remove(gvr, undefined, metadata.name);
}

export async function makeObjects(kube: KubeClient): Promise<void> {
  await removeObjects(kube);
  await kube.create(GVRS.namespaces, undefined, namespaceObject(SHOP, { team: 'shipping' }));
  await kube.create(
    GVRS.namespaces,
    undefined,
    namespaceObject(ZOO, { 'argocd.argoproj.io/managed-by': 'a' }),
  );
  await kube.create(GVRS.namespaces, undefined, namespaceObject(HIDDEN, hidden));
  for (const [gvr, made] of OBJECTS) await kube.create(gvr, made.metadata.namespace, made);
  for (const name of ['data', 'log', 'spare', 'other'])
    await phaseOf(kube, GVRS.persistentvolumeclaims, name, 'Bound');
  for (const name of ['web', 'helper', 'reader']) {
    const status = { phase: 'Running', startTime: '2026-01-01T00:00:00Z' };
    await kube.patch(GVRS.pods, SHOP, name, { status }, { subresource: 'status' });
  }
  for (const name of [SHOP, ZOO, HIDDEN]) {
    await kube.waitFor(GVRS.configmaps, name, 'kube-root-ca.crt', (found) => found, { timeoutMs: 30_000 });
    await kube.waitFor(GVRS.serviceaccounts, name, 'default', (found) => found, { timeoutMs: 30_000 });
  }
}

async function phaseOf(kube: KubeClient, gvr: Gvr, name: string, phase: string): Promise<void> {
  await kube.waitFor<{ status?: { phase?: string } }, true>(
    gvr,
    SHOP,
    name,
    (found) => (found?.status?.phase === phase ? true : undefined),
    { timeoutMs: 60_000 },
  );
}

/** Group of the types that tests define. */
export const GROUP = 'bt.caravel.dev';

export const definition = (plural: string, kind: string, versions: string[], more: object = {}): KubeObject =>
  object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', `${plural}.${GROUP}`, {
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: { plural, singular: kind.toLowerCase(), kind },
      versions: versions.map((name, at) => ({
        name,
        served: true,
        storage: at === 0,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      })),
      ...more,
    },
  });

export async function define(kube: KubeClient, crd: KubeObject): Promise<void> {
  await kube.create(GVRS.customresourcedefinitions, undefined, crd);
  await kube.waitFor<KubeObject & { status?: { conditions?: { type: string; status: string }[] } }, true>(
    GVRS.customresourcedefinitions,
    undefined,
    crd.metadata.name,
    (found) =>
      found?.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True')
        ? true
        : undefined,
    { timeoutMs: 30_000 },
  );
}

export async function removeDefinition(kube: KubeClient, plural: string): Promise<void> {
  const name = `${plural}.${GROUP}`;
  await kube.remove(GVRS.customresourcedefinitions, undefined, name);
  await kube.waitFor(GVRS.customresourcedefinitions, undefined, name, (found) => (found ? undefined : true), {
    timeoutMs: 120_000,
  });
}

/** What kubectl prints. */
export async function kubectl(world: World, ...args: string[]): Promise<string> {
  const path = `${world.env.LAB_PATH}:${process.env['PATH'] ?? ''}`;
  const env = { ...process.env, PATH: path, KUBECONFIG: kubeconfig() };
  return (await promisify(execFile)('kubectl', args, { env })).stdout;
}
