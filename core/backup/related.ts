import type { ShardIndex } from '../model.ts';
import { mergeFacts } from '../plan/facts.ts';

/** An object without a namespace that exported ones cannot do without. */
export interface RelatedObject {
  groupResource: string;
  name: string;
  /** The object that asks for it, for the message when it is missing. */
  of: string;
  /** A missing one is worth a warning; CRDs are asked for by guess. */
  expected: boolean;
}

/** All of them, those that were exported themselves included. */
export function relatedTo(shards: readonly ShardIndex[]): RelatedObject[] {
  const facts = mergeFacts(shards.map((shard) => shard.facts));
  const volumes = facts.claims.map(({ namespace, name, volume = '' }) => ({
    groupResource: 'persistentvolumes',
    name: volume,
    of: `claim ${namespace}/${name}`,
    expected: true,
  }));
  const crds = facts.groupResources
    .filter((name) => name.includes('.'))
    .map((name) => ({
      groupResource: 'customresourcedefinitions.apiextensions.k8s.io',
      name,
      of: name,
      expected: false,
    }));
  const priorities = facts.priorityClasses.map((name) => ({
    groupResource: 'priorityclasses.scheduling.k8s.io',
    name,
    of: 'a pod',
    expected: true,
  }));
  const namespaces = namespacesOf(shards).map((name) => ({
    groupResource: 'namespaces',
    name,
    of: 'the objects in it',
    expected: true,
  }));
  return [...namespaces, ...volumes.filter(({ name }) => name !== ''), ...crds, ...priorities];
}

/** Namespaces in which something was exported; a label selector may have left out their own objects. */
function namespacesOf(shards: readonly ShardIndex[]): string[] {
  const names = shards.flatMap((shard) => Object.values(shard.names).flat());
  const namespaces = names.filter((name) => name.includes('/')).map((name) => name.split('/', 1)[0] ?? '');
  return [...new Set(namespaces)].sort();
}
