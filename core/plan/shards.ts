import { LIMITS } from '../../contracts/settings.ts';
import { groupResource } from '../model.ts';
import type { ExportList, ExportShard, OrderedItem, ResourceRef } from '../model.ts';

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
  const taken = new Map<string, string>();
  return resources.filter((ref) => {
    const name = groupResource(ref);
    const family = COHABITING[name];
    if (family === undefined) return true;
    if (!taken.has(family)) taken.set(family, name);
    // Further versions of the type that was met first are no second type.
    return taken.get(family) === name;
  });
}

/** Resource types in one shard; a shard is one activity, so small clusters need few of them. */
const TYPES_PER_SHARD = 40;
/** Namespaces of one list; more would keep one shard busy when the others have nothing left to do. */
const NAMESPACES_PER_LIST = 200;

export interface ShardInput {
  resources: readonly ResourceRef[];
  /** Namespaces to read; undefined = cluster-wide lists. */
  namespaces?: readonly string[];
  /** Exported first, in this order, by a shard of their own. */
  ordered?: readonly OrderedItem[];
}

/** Deals the lists round over the shards, so that neighbouring types are spread. */
export function makeShards({ resources, namespaces, ordered = [] }: ShardInput): ExportShard[] {
  const lists = resources.flatMap((resource): ExportList[] =>
    resource.namespaced && namespaces
      ? inParts(namespaces, NAMESPACES_PER_LIST).map((part) => ({ resource, namespaces: part }))
      : [{ resource }],
  );
  const first = ordered.length > 0 ? 1 : 0;
  const count = Math.min(
    lists.length,
    Math.max(LIMITS.exportShards, Math.ceil(lists.length / TYPES_PER_SHARD)),
    64,
  );
  const shards = Array.from({ length: count }, (_, at): ExportShard => ({ id: at + first, lists: [] }));
  lists.forEach((list, at) => shards[at % shards.length]?.lists.push(list));
  return first > 0 ? [{ id: 0, lists: [], ordered: [...ordered] }, ...shards] : shards;
}

const inParts = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size));
