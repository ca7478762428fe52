import type { Gvr } from './types.ts';

/** URL paths of the API, and the resources of others that Caravel calls by name; its own are in `contracts/api/gvr.ts`. */

const gvr = (group: string, version: string, resource: string): Gvr => ({ group, version, resource });

export const GVRS = {
  pods: gvr('', 'v1', 'pods'),
  persistentvolumeclaims: gvr('', 'v1', 'persistentvolumeclaims'),
  persistentvolumes: gvr('', 'v1', 'persistentvolumes'),
  namespaces: gvr('', 'v1', 'namespaces'),
  secrets: gvr('', 'v1', 'secrets'),
  configmaps: gvr('', 'v1', 'configmaps'),
  events: gvr('', 'v1', 'events'),
  nodes: gvr('', 'v1', 'nodes'),
  services: gvr('', 'v1', 'services'),
  serviceaccounts: gvr('', 'v1', 'serviceaccounts'),
  resourcequotas: gvr('', 'v1', 'resourcequotas'),
  deployments: gvr('apps', 'v1', 'deployments'),
  statefulsets: gvr('apps', 'v1', 'statefulsets'),
  daemonsets: gvr('apps', 'v1', 'daemonsets'),
  replicasets: gvr('apps', 'v1', 'replicasets'),
  jobs: gvr('batch', 'v1', 'jobs'),
  storageclasses: gvr('storage.k8s.io', 'v1', 'storageclasses'),
  volumeattachments: gvr('storage.k8s.io', 'v1', 'volumeattachments'),
  csidrivers: gvr('storage.k8s.io', 'v1', 'csidrivers'),
  csinodes: gvr('storage.k8s.io', 'v1', 'csinodes'),
  volumesnapshots: gvr('snapshot.storage.k8s.io', 'v1', 'volumesnapshots'),
  volumesnapshotcontents: gvr('snapshot.storage.k8s.io', 'v1', 'volumesnapshotcontents'),
  volumesnapshotclasses: gvr('snapshot.storage.k8s.io', 'v1', 'volumesnapshotclasses'),
  customresourcedefinitions: gvr('apiextensions.k8s.io', 'v1', 'customresourcedefinitions'),
  priorityclasses: gvr('scheduling.k8s.io', 'v1', 'priorityclasses'),
  networkpolicies: gvr('networking.k8s.io', 'v1', 'networkpolicies'),
  roles: gvr('rbac.authorization.k8s.io', 'v1', 'roles'),
  rolebindings: gvr('rbac.authorization.k8s.io', 'v1', 'rolebindings'),
  clusterroles: gvr('rbac.authorization.k8s.io', 'v1', 'clusterroles'),
  clusterrolebindings: gvr('rbac.authorization.k8s.io', 'v1', 'clusterrolebindings'),
} as const satisfies Record<string, Gvr>;

/** `secrets`, `backups.velero.io`: how Kubernetes and Velero name a resource without its version. */
export const groupResource = ({ group, resource }: Omit<Gvr, 'version'>) =>
  group === '' ? resource : `${resource}.${group}`;

/** `v1`, `velero.io/v1`: the apiVersion of the resource's objects. */
export const apiVersionOf = ({ group, version }: Pick<Gvr, 'group' | 'version'>) =>
  group === '' ? version : `${group}/${version}`;

export function groupVersionOf(apiVersion: string): Pick<Gvr, 'group' | 'version'> {
  const slash = apiVersion.indexOf('/');
  return { group: apiVersion.slice(0, Math.max(slash, 0)), version: apiVersion.slice(slash + 1) };
}

export function collectionPath(gvr: Gvr, namespace?: string): string {
  const root = gvr.group === '' ? '/api' : `/apis/${word('group', gvr.group)}`;
  const scope = namespace === undefined ? '' : `/namespaces/${segment('namespace', namespace)}`;
  return `${root}/${word('version', gvr.version)}${scope}/${word('resource', gvr.resource)}`;
}

export function objectPath(
  gvr: Gvr,
  namespace: string | undefined,
  name: string,
  subresource?: string,
): string {
  const path = `${collectionPath(gvr, namespace)}/${segment('name', name)}`;
  return subresource === undefined ? path : `${path}/${word('subresource', subresource)}`;
}

/** Groups, versions and resources are DNS names. */
function word(part: string, text: string): string {
  if (/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/i.test(text) && !text.includes('..')) return text;
  throw new TypeError(`${part} ${JSON.stringify(text)} cannot stand in an API path`);
}

/** Names may hold more (`system:node`, upper case); what would lead to another path is refused, the rest escaped. */
function segment(part: string, text: string): string {
  if (typeof text === 'string' && text !== '' && text !== '.' && text !== '..' && !/[/%\p{Cc}]/u.test(text)) {
    return encodeURIComponent(text);
  }
  throw new TypeError(`${part} ${JSON.stringify(text)} cannot stand in an API path`);
}
