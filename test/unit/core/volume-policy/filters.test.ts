import { describe, expect, it } from 'vitest';
import type { ServedResource } from '../../../../core/model.ts';
import { withPolicyFilters } from '../../../../core/volume-policy/filters.ts';
import { NO_POLICIES } from '../../../../core/volume-policy/policies.ts';
import type { IncludeExcludePolicy } from '../../../../core/volume-policy/policies.ts';

const served = ['configmaps', 'pods', 'secrets', 'persistentvolumes'].map((resource): ServedResource => ({
  group: '',
  version: 'v1',
  resource,
  kind: resource,
  singular: resource.replace(/s$/, ''),
  shortNames: [],
  namespaced: resource !== 'persistentvolumes',
}));
const policy = (lists: Partial<IncludeExcludePolicy>) => ({ ...NO_POLICIES.includeExcludePolicy, ...lists });

describe('filters of a policy', () => {
  it('that has none leave the spec as it is', () => {
    const spec = { includedNamespaceScopedResources: null };
    expect(withPolicyFilters(spec, NO_POLICIES.includeExcludePolicy, served)).toBe(spec);
  });

  it('are added by their full names', () => {
    const merged = withPolicyFilters(
      {},
      policy({
        excludedNamespaceScopedResources: ['configmap'],
        includedClusterScopedResources: ['persistentvolume'],
      }),
      served,
    );
    expect(merged).toMatchObject({
      excludedNamespaceScopedResources: ['configmaps'],
      includedClusterScopedResources: ['persistentvolumes'],
    });
  });

  it('never change what the spec decided', () => {
    const spec = { includedNamespaceScopedResources: ['pod'], excludedNamespaceScopedResources: ['secret'] };
    const merged = withPolicyFilters(
      spec,
      policy({
        excludedNamespaceScopedResources: ['pods', 'configmaps'],
        includedNamespaceScopedResources: ['secrets'],
      }),
      served,
    );
    expect(merged).toMatchObject({
      includedNamespaceScopedResources: ['pods'],
      excludedNamespaceScopedResources: ['secrets', 'configmaps'],
    });
  });

  it('exclude nothing when the spec includes everything by a star', () => {
    const merged = withPolicyFilters(
      { includedNamespaceScopedResources: ['*'] },
      policy({ excludedNamespaceScopedResources: ['pods'] }),
      served,
    );
    expect(merged).toMatchObject({ excludedNamespaceScopedResources: [] });
  });

  it('exclude before they include', () => {
    const merged = withPolicyFilters(
      {},
      policy({
        excludedNamespaceScopedResources: ['configmap'],
        includedNamespaceScopedResources: ['configmaps', 'pods'],
      }),
      served,
    );
    expect(merged).toMatchObject({
      excludedNamespaceScopedResources: ['configmaps'],
      includedNamespaceScopedResources: ['pods'],
    });
  });
});
