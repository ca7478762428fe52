import { groupResource } from '../model.ts';
import type { ResourceFilterSpec, ResourceRef, ServedResource } from '../model.ts';
import { isGlob, NameFilter } from '../selection/glob.ts';
import { problem } from '../problems.ts';
import type { Problem } from '../problems.ts';

export type { ResourceFilterSpec };

/** The filter fields of a whole spec. */
export function filtersOf(spec: ResourceFilterSpec): ResourceFilterSpec {
  const { includedResources, excludedResources, includeClusterResources } = spec;
  const { includedClusterScopedResources, excludedClusterScopedResources } = spec;
  const { includedNamespaceScopedResources, excludedNamespaceScopedResources } = spec;
  return {
    ...{ includedResources, excludedResources, includeClusterResources },
    ...{ includedClusterScopedResources, excludedClusterScopedResources },
    ...{ includedNamespaceScopedResources, excludedNamespaceScopedResources },
  };
}

/** Snapshot objects enter a backup only through the volumes they belong to, never by listing. */
export const AUTO_EXCLUDED = {
  cluster: 'volumesnapshotcontents.snapshot.storage.k8s.io',
  namespaced: 'volumesnapshots.snapshot.storage.k8s.io',
} as const;

const isSnapshot = (name: string) => name === AUTO_EXCLUDED.cluster || name === AUTO_EXCLUDED.namespaced;

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

export const usesOldFilters = (spec: ResourceFilterSpec) =>
  typeof spec.includeClusterResources === 'boolean' ||
  (spec.includedResources?.length ?? 0) > 0 ||
  withoutAuto(spec.excludedResources).length > 0;

const withoutAuto = (names: readonly string[] | null | undefined) =>
  (names ?? []).filter((name) => !isSnapshot(name));

const NAMESPACES: ResourceRef = {
  group: '',
  version: 'v1',
  resource: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};

/** Which resource types a backup lists, and which objects may come along as related ones. */
export class ResourceFilter {
  readonly #spec: ResourceFilterSpec;
  readonly #served: readonly ServedResource[];
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
    this.#spec = spec;
    this.#served = served;
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
    if (isSnapshot(name)) return false;
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

  /** May a cluster-scoped object of this type come along because another one needs it? */
  allowsRelated(name: string): boolean {
    if (name === 'namespaces') return this.lists(NAMESPACES);
    if (!this.#old) return !this.#cluster.excludesName(name);
    if (this.#includeCluster === false || this.#all.excludesName(name)) return false;
    return this.#includeCluster === true || this.#all.test(name);
  }

  /** Could something of this API group be listed, although nobody knows which types it has? */
  mayListOf(group: string): boolean {
    const filters = this.#old ? [this.#all] : [this.#namespaced, this.#cluster];
    const ofGroup = (name: string) =>
      isGlob(name) || name.endsWith(`.${group}`) || (!name.includes('.') && !this.#isServed(name));
    return filters.some(
      (filter) =>
        !filter.excludesName(`*.${group}`) && (filter.includes.length === 0 || filter.includes.some(ofGroup)),
    );
  }

  #isServed(name: string): boolean {
    return this.#served.some((ref) => groupResource(ref) === name);
  }

  /** Entries of the include lists that select no type at all: a typing error must not pass for an empty cluster. */
  unmatched(): Problem[] {
    const of = (field: keyof ResourceFilterSpec & `included${string}`, fits: (ref: ResourceRef) => boolean) =>
      (this.#spec[field] ?? [])
        .filter((name) => name !== '*' && !this.#selects(name, fits))
        .map((name) =>
          problem('warning', 'plan', 'InvalidInput', `spec.${field}: "${name}" selects no resource type`),
        );
    return [
      ...of('includedResources', () => true),
      ...of('includedClusterScopedResources', ({ namespaced }) => !namespaced),
      ...of('includedNamespaceScopedResources', ({ namespaced }) => namespaced),
    ];
  }

  #selects(name: string, fits: (ref: ResourceRef) => boolean): boolean {
    const filter = new NameFilter([resolveResource(name, this.#served)]);
    return this.#served.some((ref) => {
      const type = groupResource(ref);
      return fits(ref) && filter.test(type) && !isSnapshot(type);
    });
  }
}
