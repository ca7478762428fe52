import { groupResource } from '../model.ts';
import type { ResourceRef, ServedResource } from '../model.ts';
import { NameFilter } from '../selection/glob.ts';

/** The filter fields of a Backup spec. Old and new filters are never used together. */
export interface ResourceFilterSpec {
  includedResources?: string[] | null | undefined;
  excludedResources?: string[] | null | undefined;
  includeClusterResources?: boolean | null | undefined;
  includedClusterScopedResources?: string[] | null | undefined;
  excludedClusterScopedResources?: string[] | null | undefined;
  includedNamespaceScopedResources?: string[] | null | undefined;
  excludedNamespaceScopedResources?: string[] | null | undefined;
}

/** Snapshot objects enter a backup only through the volumes they belong to, never by listing. */
export const AUTO_EXCLUDED = {
  cluster: 'volumesnapshotcontents.snapshot.storage.k8s.io',
  namespaced: 'volumesnapshots.snapshot.storage.k8s.io',
} as const;

/**
 * `plural.group` of a name as users write it (plural, singular, short name or kind, optional `.group`, any case);
 * the text itself, for use as a pattern, when nothing of that name is served.
 */
export function resolveResource(name: string, served: readonly ServedResource[]): string {
  const text = name.toLowerCase();
  const dot = text.indexOf('.');
  const [base, group = ''] = dot < 0 ? [text] : [text.slice(0, dot), text.slice(dot + 1)];
  if (base === '') return name;
  const called = (names: string[]) => names.some((alias) => alias.toLowerCase() === base);
  const own = served.filter((ref) => called([ref.resource, ref.singular, ref.kind]));
  const short = served.filter((ref) => called(ref.shortNames));
  // As kubectl does: a type's own name before the short name of another, a whole group before the beginning of one.
  for (const candidates of [own, short]) {
    const found =
      candidates.find((ref) => dot < 0 || ref.group === group) ??
      candidates.find((ref) => ref.group.startsWith(group));
    if (found) return groupResource(found);
  }
  return name;
}

const usesOldFilters = (spec: ResourceFilterSpec) =>
  typeof spec.includeClusterResources === 'boolean' ||
  (spec.includedResources?.length ?? 0) > 0 ||
  withoutAuto(spec.excludedResources).length > 0;

const withoutAuto = (names: readonly string[] | null | undefined) =>
  (names ?? []).filter((name) => name !== AUTO_EXCLUDED.cluster && name !== AUTO_EXCLUDED.namespaced);

const NAMESPACES: ResourceRef = {
  group: '',
  version: 'v1',
  resource: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};

/** Which resource types a backup lists, and which objects may come along as related ones. */
export class ResourceFilter {
  readonly #old: boolean;
  readonly #includeCluster: boolean | undefined;
  readonly #all: NameFilter;
  readonly #cluster: NameFilter;
  readonly #namespaced: NameFilter;
  readonly #everyNamespace: boolean;
  readonly #unrestricted: boolean;

  constructor(spec: ResourceFilterSpec, served: readonly ServedResource[], everyNamespace: boolean) {
    const names = (list: readonly string[] | null | undefined) =>
      (list ?? []).map((name) => resolveResource(name, served));
    this.#old = usesOldFilters(spec);
    this.#includeCluster = spec.includeClusterResources ?? undefined;
    this.#everyNamespace = everyNamespace;
    this.#all = new NameFilter(
      names(spec.includedResources),
      names(spec.excludedResources).filter((name) => name !== '*'),
    );
    this.#cluster = new NameFilter(
      names(spec.includedClusterScopedResources),
      names(spec.excludedClusterScopedResources),
    );
    this.#namespaced = new NameFilter(
      names(spec.includedNamespaceScopedResources),
      names(spec.excludedNamespaceScopedResources),
    );
    // The two automatic exclusions do not count: a backup without filters means the whole cluster.
    this.#unrestricted =
      names(spec.includedClusterScopedResources).length === 0 &&
      withoutAuto(spec.excludedClusterScopedResources).length === 0 &&
      new NameFilter(
        names(spec.includedNamespaceScopedResources),
        withoutAuto(spec.excludedNamespaceScopedResources),
      ).everything;
  }

  /** Is the type listed? */
  lists(ref: ResourceRef): boolean {
    const name = groupResource(ref);
    if (name === AUTO_EXCLUDED.cluster || name === AUTO_EXCLUDED.namespaced) return false;
    return this.#old ? this.#listsOld(ref, name) : this.#listsNew(ref, name);
  }

  #listsOld(ref: ResourceRef, name: string): boolean {
    if (!ref.namespaced) {
      if (this.#includeCluster === false) return false;
      if (this.#includeCluster === undefined && name !== 'namespaces' && !this.#everyNamespace) return false;
    }
    return this.#all.test(name);
  }

  #listsNew(ref: ResourceRef, name: string): boolean {
    if (ref.namespaced) return this.#namespaced.test(name);
    if (this.#cluster.excludesName(name)) return false;
    if (this.#unrestricted && this.#everyNamespace) return true;
    return name === 'namespaces' || (this.#cluster.includes.length > 0 && this.#cluster.test(name));
  }

  /** May a cluster-scoped object of this type come along because a namespaced one needs it? */
  allowsRelated(name: string): boolean {
    if (name === 'namespaces') return this.lists(NAMESPACES);
    if (!this.#old) return !this.#cluster.excludesName(name);
    if (this.#includeCluster === false || this.#all.excludesName(name)) return false;
    return this.#includeCluster === true || this.#all.test(name);
  }
}
