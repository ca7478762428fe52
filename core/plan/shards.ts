import { groupResource } from '../model.ts';
import type { ExportShard, ResourceRef } from '../model.ts';

/** Of types served by two groups only the first met is listed, so that no object is stored twice. */
const COHABITING: Record<string, string> = {
  'deployments.extensions': 'deployments',
  'deployments.apps': 'deployments',
  'daemonsets.extensions': 'daemonsets',
  'daemonsets.apps': 'daemonsets',
  'replicasets.extensions': 'replicasets',
  'replicasets.apps': 'replicasets',
  'networkpolicies.extensions': 'networkpolicies',
  'networkpolicies.networking.k8s.io': 'networkpolicies',
  events: 'events',
  'events.events.k8s.io': 'events',
};

export function withoutCohabitants(resources: readonly ResourceRef[]): ResourceRef[] {
  const seen = new Set<string>();
  return resources.filter((ref) => {
    const family = COHABITING[groupResource(ref)];
    if (family === undefined) return true;
    if (seen.has(family)) return false;
    seen.add(family);
    return true;
  });
}

/** Lists in one shard; a shard is one activity, so small clusters need few of them. */
const LISTS_PER_SHARD = 40;

export interface ShardInput {
  resources: readonly ResourceRef[];
  /** Namespaces to list one by one; undefined = cluster-wide lists. */
  namespaces?: readonly string[];
}

/** Deals the lists round over the shards, so that a busy type's namespaces are spread. */
export function makeShards({ resources, namespaces }: ShardInput): ExportShard[] {
  const lists = resources.flatMap((resource) =>
    resource.namespaced && namespaces
      ? namespaces.map((namespace) => ({ resource, namespace }))
      : [{ resource }],
  );
  const count = Math.max(
    1,
    Math.min(lists.length, Math.ceil(lists.length / LISTS_PER_SHARD), 64),
    Math.min(4, lists.length),
  );
  const shards: ExportShard[] = Array.from({ length: lists.length === 0 ? 0 : count }, (_, id) => ({
    id,
    lists: [],
  }));
  lists.forEach((list, at) => shards[at % shards.length]?.lists.push(list));
  return shards;
}
