import { resolveResource } from '../plan/resource-filter.ts';
import { problem } from '../problems.ts';
import type { Problem } from '../problems.ts';
import type { RestoreSelection, ServedResource } from '../model.ts';
import { NameFilter } from '../selection/glob.ts';
import { labelsSelected } from '../selection/label-selector.ts';
import type { Selector } from '../selection/label-selector.ts';

/** The fields of a Restore spec that choose objects. */
export interface SelectionSpec {
  includedNamespaces?: string[] | null | undefined;
  excludedNamespaces?: string[] | null | undefined;
  includedResources?: string[] | null | undefined;
  excludedResources?: string[] | null | undefined;
  includeClusterResources?: boolean | null | undefined;
  labelSelector?: Selector | null | undefined;
  orLabelSelectors?: Selector[] | null | undefined;
}

const STEP = 'planRestore';

export interface NamespaceSelection {
  /** Of the backup, sorted. */
  names: string[];
  /** No restriction at all. */
  everything: boolean;
  problems: Problem[];
}

/** A pattern that matches nothing selects nothing; it never widens the restore. */
export function selectNamespaces(stored: Iterable<string>, spec: SelectionSpec): NamespaceSelection {
  const known = [...new Set(stored)].sort();
  const includes = spec.includedNamespaces ?? [];
  const filter = new NameFilter(includes, spec.excludedNamespaces ?? []);
  const unmatched = includes.filter((pattern) => {
    const one = new NameFilter([pattern]);
    return pattern !== '*' && !known.some((name) => one.test(name));
  });
  const problems = unmatched.map((pattern) =>
    problem(
      'warning',
      STEP,
      'InvalidInput',
      `spec.includedNamespaces: the backup has no objects of a namespace "${pattern}"; nothing is restored for it`,
    ),
  );
  return { names: known.filter((name) => filter.test(name)), everything: filter.everything, problems };
}

/** Which objects without a namespace may be restored. */
export function clusterScope(spec: SelectionSpec, everything: boolean): RestoreSelection['cluster'] {
  if (typeof spec.includeClusterResources === 'boolean') return spec.includeClusterResources ? 'all' : 'none';
  return everything ? 'all' : 'related';
}

/** State of the backup system itself: restored, it would start movements and deletions of the past again. */
const OWN_RECORDS = new Set([
  'datauploads.velero.io',
  'datadownloads.velero.io',
  'podvolumebackups.velero.io',
  'podvolumerestores.velero.io',
  'deletebackuprequests.velero.io',
  'downloadrequests.velero.io',
  'serverstatusrequests.velero.io',
]);

/** Bound to snapshots in the storage of the old cluster; as plain objects they would cut new ones of other data. */
export const SNAPSHOT_OBJECTS: readonly string[] = [
  'volumesnapshots.snapshot.storage.k8s.io',
  'volumesnapshotcontents.snapshot.storage.k8s.io',
  'volumegroupsnapshots.groupsnapshot.storage.k8s.io',
  'volumegroupsnapshotcontents.groupsnapshot.storage.k8s.io',
];

/** Resource types by the names users call them; `served` is of this cluster, `stored` of the backup. */
export function resourceFilter(
  spec: SelectionSpec,
  served: readonly ServedResource[],
  stored: readonly string[],
): NameFilter {
  const names = new Set(served.map(({ resource, group }) => (group ? `${resource}.${group}` : resource)));
  // Types whose definition comes with the restore are known by their plural at least.
  const all = [...served, ...stored.filter((name) => !names.has(name)).map(storedResource)];
  const resolve = (list: readonly string[] | null | undefined) =>
    (list ?? []).map((name) => resolveResource(name, all));
  return new NameFilter(resolve(spec.includedResources), resolve(spec.excludedResources));
}

function storedResource(groupResource: string): ServedResource {
  const [resource = '', ...group] = groupResource.split('.');
  return {
    group: group.join('.'),
    version: '',
    resource,
    kind: '',
    namespaced: false,
    singular: '',
    shortNames: [],
  };
}

/** Is the type restored as objects of its own? Namespaces are made when something needs them. */
export const isRestorable = (groupResource: string, filter: NameFilter): boolean =>
  groupResource !== 'namespaces' &&
  !OWN_RECORDS.has(groupResource) &&
  !SNAPSHOT_OBJECTS.includes(groupResource) &&
  filter.test(groupResource);

export interface SelectableItem {
  groupResource: string;
  namespace?: string | undefined;
  name: string;
}

const nameIn = ({ namespace, name }: SelectableItem) =>
  namespace === undefined ? name : `${namespace}/${name}`;

/** The test of one object, made once and asked for many. */
export class ItemSelector {
  readonly #selection: RestoreSelection;
  readonly #namespaces: Set<string>;
  readonly #related: Map<string, Set<string>>;
  readonly #spec: SelectionSpec;

  constructor(selection: RestoreSelection, spec: SelectionSpec) {
    this.#selection = selection;
    this.#namespaces = new Set(selection.namespaces);
    this.#related = new Map(Object.entries(selection.related).map(([key, names]) => [key, new Set(names)]));
    this.#spec = spec;
  }

  /** Objects must be looked into: their labels decide. */
  get byLabels(): boolean {
    return Boolean(this.#spec.labelSelector) || (this.#spec.orLabelSelectors?.length ?? 0) > 0;
  }

  /** Labels are asked for only when they matter. */
  test(item: SelectableItem, labels: () => Record<string, string> | undefined): boolean {
    if (!this.#inScope(item)) return false;
    if (this.#isRelated(item)) return true;
    if (item.namespace === undefined && this.#selection.cluster !== 'all') return false;
    if (!this.byLabels) return true;
    return labelsSelected(labels(), this.#spec.labelSelector, this.#spec.orLabelSelectors);
  }

  #inScope({ namespace }: SelectableItem): boolean {
    return namespace === undefined ? this.#selection.cluster !== 'none' : this.#namespaces.has(namespace);
  }

  #isRelated(item: SelectableItem): boolean {
    return this.#related.get(item.groupResource)?.has(nameIn(item)) ?? false;
  }
}
