import type { ServedResource } from '../model.ts';
import { resolveResource } from '../plan/resource-filter.ts';
import type { ResourceFilterSpec } from '../plan/resource-filter.ts';
import { NameFilter } from '../selection/glob.ts';
import type { IncludeExcludePolicy } from './policies.ts';

export const OLD_FILTERS_WITH_POLICY = [
  'include-resources, exclude-resources and include-cluster-resources are old filter parameters.',
  'They cannot be used with include-exclude policies.',
].join('\n');

/** The filters of a spec with those of the policy. What the spec names already, it decides itself. */
export function withPolicyFilters<S extends ResourceFilterSpec>(
  spec: S,
  policy: IncludeExcludePolicy,
  served: readonly ServedResource[],
): S {
  const merged = (scope: 'ClusterScopedResources' | 'NamespaceScopedResources') => {
    const resolved = (names: readonly string[] | null | undefined) =>
      (names ?? []).map((name) => resolveResource(name, served));
    const included = resolved(spec[`included${scope}`]);
    const excluded = resolved(spec[`excluded${scope}`]);
    const add = (list: string[], names: readonly string[]) => {
      for (const name of resolved(names)) {
        if (!covers(included, name) && !covers(excluded, name)) list.push(name);
      }
    };
    add(excluded, policy[`excluded${scope}`]);
    add(included, policy[`included${scope}`]);
    return { [`included${scope}`]: included, [`excluded${scope}`]: excluded };
  };
  const asked = Object.values(policy).some((names) => names.length > 0);
  return asked
    ? { ...spec, ...merged('NamespaceScopedResources'), ...merged('ClusterScopedResources') }
    : spec;
}

const covers = (list: readonly string[], name: string) => list.length > 0 && new NameFilter(list).test(name);
