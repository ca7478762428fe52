import { groupResource } from '../model.ts';
import type { OrderedItem, ResourceRef, ServedResource } from '../model.ts';
import { problem } from '../problems.ts';
import type { Problem } from '../problems.ts';
import { resolveResource } from './resource-filter.ts';

/** `spec.orderedResources`: which objects of a type come first, and in which order. */
export type OrderSpec = Record<string, string> | null | undefined;

/** Names of one entry, each once. */
export const orderedNames = (value: string): string[] => [
  ...new Set(value.split(',').map((name) => name.trim())),
];

/** Faults that need no look at the cluster. */
export function orderErrors(spec: OrderSpec): string[] {
  return Object.entries(spec ?? {}).flatMap(([type, value]) =>
    orderedNames(value)
      .filter((name) => !/^[^/]+(\/[^/]+)?$/.test(name))
      .map((name) => `spec.orderedResources.${type}: "${name}" is neither name nor namespace/name`),
  );
}

/** The named objects of the types that are listed. */
export function orderedItems(
  spec: OrderSpec,
  listed: readonly ResourceRef[],
  served: readonly ServedResource[],
): { items: OrderedItem[]; problems: Problem[] } {
  const items: OrderedItem[] = [];
  const problems: Problem[] = [];
  for (const [type, value] of Object.entries(spec ?? {})) {
    const resources = typesCalled(type, listed, served);
    if (resources.length === 0) {
      const message = `spec.orderedResources: "${type}" is no resource type of this backup`;
      problems.push(problem('warning', 'plan', 'InvalidInput', message));
      continue;
    }
    for (const name of orderedNames(value)) {
      const item = itemOf(name, resources);
      if (item) items.push(item);
      else problems.push(notFound(name, resources));
    }
  }
  return { items, problems };
}

/** By plural alone, as Velero does; else by any name that filters take. */
function typesCalled(type: string, listed: readonly ResourceRef[], served: readonly ServedResource[]) {
  const plural = listed.filter(({ resource }) => resource === type);
  if (plural.length > 0) return plural;
  const name = resolveResource(type, served);
  return listed.filter((ref) => groupResource(ref) === name);
}

function itemOf(text: string, resources: readonly ResourceRef[]): OrderedItem | undefined {
  const slash = text.indexOf('/');
  const fitting = resources.filter(({ namespaced }) => namespaced === slash >= 0);
  if (fitting.length === 0) return undefined;
  const namespace = slash < 0 ? {} : { namespace: text.slice(0, slash) };
  return { resources: fitting, ...namespace, name: text.slice(slash + 1) };
}

/** Named, but not among the objects of the backup. */
export function notFound(text: string, resources: readonly ResourceRef[]): Problem {
  const resource = resources[0] ? groupResource(resources[0]) : '';
  const message = `Cannot find resource '${text}'.`;
  return problem('warning', 'exportResources', 'ObjectGone', message, { resource, name: text });
}

/** What lists leave to the shard of the ordered ones, by group-resource. */
export function orderedKeys(items: readonly OrderedItem[]): Map<string, Set<string>> {
  const keys = new Map<string, Set<string>>();
  for (const { resources, namespace, name } of items) {
    for (const resource of resources) {
      const type = groupResource(resource);
      keys.set(type, (keys.get(type) ?? new Set()).add(namespace ? `${namespace}/${name}` : name));
    }
  }
  return keys;
}
