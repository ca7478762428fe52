import type { ItemAction } from '../model.ts';
import { renderDocument } from './json.ts';

/** `<apiVersion>/<Kind>` → names; the resource list of a backup or a restore. */
export type ResourceList = Record<string, string[]>;

export interface ListedItem {
  apiVersion: string;
  kind: string;
  namespace?: string | undefined;
  name: string;
}

export const listKey = (item: Pick<ListedItem, 'apiVersion' | 'kind'>): string =>
  `${item.apiVersion}/${item.kind}`;

export const listName = (item: Pick<ListedItem, 'namespace' | 'name'>): string =>
  item.namespace ? `${item.namespace}/${item.name}` : item.name;

/** The form of a restore: `shop/web(created)`. */
export const listAction = (item: Pick<ListedItem, 'namespace' | 'name'>, action: ItemAction): string =>
  `${listName(item)}(${action})`;

/** Adds a backed-up item, or with `action` a restored one. */
export function addToList(list: ResourceList, item: ListedItem, action?: ItemAction): void {
  const key = listKey(item);
  (list[key] ??= []).push(action ? listAction(item, action) : listName(item));
}

/** Joins lists made by parallel steps: every name once, names and keys sorted, as Velero writes them. */
export function mergeLists(lists: Iterable<ResourceList>): ResourceList {
  const all = new Map<string, Set<string>>();
  for (const list of lists) {
    for (const [key, names] of Object.entries(list)) {
      const known = all.get(key) ?? new Set();
      names.forEach((name) => known.add(name));
      all.set(key, known);
    }
  }
  const keys = [...all.keys()].sort();
  return Object.fromEntries(keys.map((key) => [key, [...all.get(key)!].sort()]));
}

export const renderResourceList = (lists: Iterable<ResourceList>): string =>
  renderDocument(mergeLists(lists));
