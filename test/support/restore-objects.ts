import type { Gvr, KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { StoredObjects } from './restore-run.ts';
import { namespaceObject } from './world.ts';

/** A small application without pods, as the API server gives it back, for backups that tests write themselves. */

const WIDGETS = { group: 'rt.caravel.dev', version: 'v1', resource: 'widgets' };

export const widgetsDefinition = (): KubeObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.rt.caravel.dev' },
  spec: {
    group: WIDGETS.group,
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', properties: { serial: { type: 'integer', format: 'int64' } } },
            },
          },
        },
      },
    ],
  },
});

const podTemplate = (app: string) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'main', image: 'registry.example/web:1' }] },
});

const named = (apiVersion: string, kind: string, name: string, rest: object): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, labels: { app: 'web' } },
  ...rest,
});

const RBAC = 'rbac.authorization.k8s.io';

const bindingOf = (kind: string, name: string, namespace: string, role: string) =>
  named(`${RBAC}/v1`, kind, name, {
    roleRef: { apiGroup: RBAC, kind: role, name },
    subjects: [{ kind: 'ServiceAccount', name: 'web', namespace }],
  });

const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }];

/** Namespaced objects of the application, by plural. */
const inNamespace = (namespace: string): [gvr: Gvr, KubeObject][] => [
  [GVRS.configmaps, named('v1', 'ConfigMap', 'settings', { data: { mode: 'blue' } })],
  [GVRS.secrets, named('v1', 'Secret', 'key', { type: 'Opaque', data: { key: 'c2VjcmV0' } })],
  [GVRS.serviceaccounts, named('v1', 'ServiceAccount', 'web', {})],
  [GVRS.roles, named(`${RBAC}/v1`, 'Role', 'rt-web', { rules })],
  [GVRS.rolebindings, bindingOf('RoleBinding', 'rt-web', namespace, 'Role')],
  [
    GVRS.deployments,
    named('apps/v1', 'Deployment', 'web', {
      spec: { replicas: 0, selector: { matchLabels: { app: 'web' } }, template: podTemplate('web') },
    }),
  ],
  [
    GVRS.services,
    named('v1', 'Service', 'web', {
      spec: {
        type: 'NodePort',
        selector: { app: 'web' },
        ports: [{ name: 'http', port: 80, targetPort: 8080 }],
      },
    }),
  ],
];

export interface Application {
  objects: StoredObjects;
  /** What lies outside the namespace. */
  clusterRole: string;
}

/** Makes the application in the cluster, reads it back, and removes what the restore is to make again. */
export async function recordApplication(kube: KubeClient, namespace: string): Promise<Application> {
  const objects: StoredObjects = [];
  const record = async (gvr: Gvr, object: KubeObject) => {
    const scope = object.metadata.namespace;
    objects.push([gvr.resource, await kube.create<KubeObject>(gvr, scope, object)]);
  };
  await record(GVRS.namespaces, namespaceObject(namespace, { team: 'shipping' }));
  for (const [gvr, object] of inNamespace(namespace)) {
    object.metadata.namespace = namespace;
    if (gvr === GVRS.deployments) objects.push(['deployments', await settled(kube, namespace, object)]);
    else await record(gvr, object);
  }
  const role = { ...named(`${RBAC}/v1`, 'ClusterRole', `rt-${namespace}`, { rules }) };
  await record(GVRS.clusterroles, role);
  await record(
    GVRS.clusterrolebindings,
    bindingOf('ClusterRoleBinding', `rt-${namespace}`, namespace, 'ClusterRole'),
  );
  await recordWidget(kube, namespace, record);
  objects.push(...ended(namespace));
  for (const gvr of [GVRS.clusterrolebindings, GVRS.clusterroles]) {
    await kube.remove(gvr, undefined, `rt-${namespace}`);
  }
  return { objects, clusterRole: `rt-${namespace}` };
}

/** The Deployment with what its controller adds at once. */
async function settled(kube: KubeClient, namespace: string, object: KubeObject): Promise<KubeObject> {
  await kube.create(GVRS.deployments, namespace, object);
  return await kube.waitFor<KubeObject & { status?: { observedGeneration?: number } }, KubeObject>(
    GVRS.deployments,
    namespace,
    object.metadata.name,
    (found) => (found?.status?.observedGeneration ? found : undefined),
    { timeoutMs: 30_000 },
  );
}

async function recordWidget(
  kube: KubeClient,
  namespace: string,
  record: (gvr: Gvr, object: KubeObject) => Promise<void>,
): Promise<void> {
  await removeDefinition(kube);
  await record(GVRS.customresourcedefinitions, widgetsDefinition());
  await kube.waitFor<KubeObject & { status?: { conditions?: { type: string; status: string }[] } }, true>(
    GVRS.customresourcedefinitions,
    undefined,
    'widgets.rt.caravel.dev',
    (crd) =>
      crd?.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True')
        ? true
        : undefined,
    { timeoutMs: 30_000 },
  );
  // More than JavaScript's numbers hold.
  const serial = (JSON as unknown as { rawJSON(text: string): object }).rawJSON('9007199254740993');
  const widget = named('rt.caravel.dev/v1', 'Widget', 'one', { spec: { serial } });
  widget.metadata.namespace = namespace;
  await record(WIDGETS, widget);
  await removeDefinition(kube);
}

export async function removeDefinition(kube: KubeClient): Promise<void> {
  await kube.remove(GVRS.customresourcedefinitions, undefined, 'widgets.rt.caravel.dev');
  await kube.waitFor(
    GVRS.customresourcedefinitions,
    undefined,
    'widgets.rt.caravel.dev',
    (found) => (found ? undefined : true),
    { timeoutMs: 30_000 },
  );
}

/** Objects that a restore passes over. */
function ended(namespace: string): StoredObjects {
  const meta = (name: string) => ({ name, namespace });
  const spec = { containers: [{ name: 'main', image: 'registry.example/web:1' }] };
  return [
    ['pods', { apiVersion: 'v1', kind: 'Pod', metadata: meta('done'), spec, status: { phase: 'Succeeded' } }],
    [
      'configmaps',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('kube-root-ca.crt'), data: { 'ca.crt': 'old' } },
    ],
  ];
}
