import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ResourceFilter, resolveResource } from '../../../../core/plan/resource-filter.ts';
import type { ResourceFilterSpec } from '../../../../core/plan/resource-filter.ts';
import type { ServedResource } from '../../../../core/model.ts';
import { groupResource } from '../../../../core/model.ts';
import { withDefaults } from '../../../../core/backup/defaults.ts';

function served(name: string, kind: string, namespaced: boolean, shortNames: string[] = []): ServedResource {
  const [resource = '', ...group] = name.split('.');
  const singular = kind.toLowerCase();
  return { group: group.join('.'), version: 'v1', resource, kind, namespaced, singular, shortNames };
}

const SERVED = [
  served('configmaps', 'ConfigMap', true, ['cm']),
  served('namespaces', 'Namespace', false, ['ns']),
  served('nodes', 'Node', false, ['no']),
  served('persistentvolumeclaims', 'PersistentVolumeClaim', true, ['pvc']),
  served('persistentvolumes', 'PersistentVolume', false, ['pv']),
  served('pods', 'Pod', true, ['po']),
  served('services', 'Service', true, ['svc']),
  served('deployments.apps', 'Deployment', true, ['deploy']),
  served('clusterroles.rbac.authorization.k8s.io', 'ClusterRole', false),
  served('volumesnapshots.snapshot.storage.k8s.io', 'VolumeSnapshot', true, ['vs']),
  served('volumesnapshotcontents.snapshot.storage.k8s.io', 'VolumeSnapshotContent', false, ['vsc']),
  served('services.serving.knative.dev', 'Service', true, ['ksvc']),
];

const NAMESPACED = SERVED.filter((ref) => ref.namespaced).map(groupResource);
const CLUSTER = SERVED.filter((ref) => !ref.namespaced).map(groupResource);
const SNAPSHOTS = SERVED.filter((ref) => ref.group === 'snapshot.storage.k8s.io').map(groupResource);
const without = (names: string[], ...left: string[]) =>
  names.filter((name) => ![...SNAPSHOTS, ...left].includes(name));
const ALL_NAMESPACED = without(NAMESPACED);
const ALL_CLUSTER = without(CLUSTER);

const listed = (spec: ResourceFilterSpec, everyNamespace: boolean): string[] => {
  const filter = new ResourceFilter(spec, SERVED, everyNamespace);
  return SERVED.filter((ref) => filter.lists(ref)).map(groupResource);
};
const sorted = (...names: string[][]) =>
  SERVED.map(groupResource).filter((name) => names.flat().includes(name));

describe('the name of a resource type', () => {
  it.each([
    ['pods', 'pods'],
    ['Pods', 'pods'],
    ['pod', 'pods'],
    ['Pod', 'pods'],
    ['po', 'pods'],
    ['deploy', 'deployments.apps'],
    ['Deployment', 'deployments.apps'],
    ['deployments.apps', 'deployments.apps'],
    ['deploy.apps', 'deployments.apps'],
    ['clusterroles.rbac', 'clusterroles.rbac.authorization.k8s.io'],
    ['services', 'services'],
    ['services.serving.knative.dev', 'services.serving.knative.dev'],
    ['service.serving', 'services.serving.knative.dev'],
    ['ksvc', 'services.serving.knative.dev'],
    ['*', '*'],
    ['*.apps', '*.apps'],
    ['unknown', 'unknown'],
    ['Unknown.Example', 'Unknown.Example'],
    ['pods.nowhere', 'pods.nowhere'],
    ['', ''],
  ])('%j means %j', (name, resolved) => expect(resolveResource(name, SERVED)).toBe(resolved));

  it('is the whole group rather than the beginning of another', () => {
    const types = [served('things.shop.example', 'Thing', true), served('things.shop', 'Thing', true)];
    expect(resolveResource('things.shop', types)).toBe('things.shop');
    expect(resolveResource('things.shop.e', types)).toBe('things.shop.example');
  });

  it("is a type's own rather than the short one of another", () => {
    const types = [
      served('policies.a.example', 'Policy', true, ['keys']),
      served('keys.b.example', 'Key', true),
    ];
    expect(resolveResource('keys', types)).toBe('keys.b.example');
  });

  it('is never taken from a type without a singular', () => {
    expect(
      resolveResource('.apps', [{ ...served('deployments.apps', 'Deployment', true), singular: '' }]),
    ).toBe('.apps');
  });
});

const EVERYTHING = sorted(ALL_NAMESPACED, ALL_CLUSTER);

describe('old filters: the types that are listed', () => {
  it.each<[string, ResourceFilterSpec, boolean, string[]]>([
    ['cluster true, all namespaces', { includeClusterResources: true }, true, EVERYTHING],
    ['cluster true, some namespaces', { includeClusterResources: true }, false, EVERYTHING],
    ['cluster false, all namespaces', { includeClusterResources: false }, true, ALL_NAMESPACED],
    ['cluster false, some namespaces', { includeClusterResources: false }, false, ALL_NAMESPACED],
    ['included types', { includedResources: ['po', 'pv'] }, true, ['persistentvolumes', 'pods']],
    ['included types, some namespaces', { includedResources: ['po', 'pv'] }, false, ['pods']],
    ['included namespaces', { includedResources: ['pods', 'ns'] }, false, ['namespaces', 'pods']],
    ['all included', { includedResources: ['*'] }, true, EVERYTHING],
    [
      'all included, some namespaces',
      { includedResources: ['*'] },
      false,
      sorted(ALL_NAMESPACED, ['namespaces']),
    ],
    [
      'cluster types by name, some namespaces',
      { includedResources: ['pv', 'pods'], includeClusterResources: true },
      false,
      ['persistentvolumes', 'pods'],
    ],
    [
      'cluster types by name, but none wanted',
      { includedResources: ['pv', 'pods'], includeClusterResources: false },
      true,
      ['pods'],
    ],
    [
      'excluded types',
      { excludedResources: ['deploy', 'nodes'] },
      true,
      without(EVERYTHING, 'deployments.apps', 'nodes'),
    ],
    [
      'a pattern',
      { includedResources: ['*.apps', 'p*s'] },
      true,
      ['persistentvolumeclaims', 'persistentvolumes', 'pods', 'deployments.apps'],
    ],
    ['excluded `*` is nothing', { includedResources: ['pods'], excludedResources: ['*'] }, true, ['pods']],
    ['excluded wins', { includedResources: ['pods', 'cm'], excludedResources: ['po'] }, true, ['configmaps']],
    ['a type that nobody serves', { includedResources: ['ghosts'] }, true, []],
  ])('%s', (_name, spec, everyNamespace, expected) => {
    expect(listed(spec, everyNamespace)).toEqual(expected);
  });
});

describe('new filters: the types that are listed', () => {
  it.each<[string, ResourceFilterSpec, boolean, string[]]>([
    ['no filter, all namespaces', {}, true, EVERYTHING],
    ['no filter, some namespaces', {}, false, sorted(ALL_NAMESPACED, ['namespaces'])],
    ['nulls', { includedResources: null, includeClusterResources: null }, true, EVERYTHING],
    [
      'cluster types by name',
      { includedClusterScopedResources: ['pv'] },
      true,
      sorted(ALL_NAMESPACED, ['namespaces', 'persistentvolumes']),
    ],
    [
      'cluster types by name, some namespaces',
      { includedClusterScopedResources: ['pv'] },
      false,
      sorted(ALL_NAMESPACED, ['namespaces', 'persistentvolumes']),
    ],
    ['all cluster types, some namespaces', { includedClusterScopedResources: ['*'] }, false, EVERYTHING],
    ['no cluster type', { excludedClusterScopedResources: ['*'] }, true, ALL_NAMESPACED],
    [
      'a cluster type excluded: others only by name',
      { excludedClusterScopedResources: ['nodes'] },
      true,
      sorted(ALL_NAMESPACED, ['namespaces']),
    ],
    [
      'all cluster types but one',
      { includedClusterScopedResources: ['*'], excludedClusterScopedResources: ['no'] },
      true,
      without(EVERYTHING, 'nodes'),
    ],
    ['namespaces excluded', { excludedClusterScopedResources: ['namespaces'] }, false, ALL_NAMESPACED],
    ['namespaced types by name', { includedNamespaceScopedResources: ['po'] }, true, ['namespaces', 'pods']],
    ['no namespaced type', { excludedNamespaceScopedResources: ['*'] }, true, ['namespaces']],
    [
      'no namespaced type, all cluster types',
      { excludedNamespaceScopedResources: ['*'], includedClusterScopedResources: ['*'] },
      true,
      ALL_CLUSTER,
    ],
    [
      'a namespaced type excluded',
      { excludedNamespaceScopedResources: ['cm'] },
      false,
      sorted(without(ALL_NAMESPACED, 'configmaps'), ['namespaces']),
    ],
    ['all namespaced types by `*`', { includedNamespaceScopedResources: ['*'] }, true, EVERYTHING],
  ])('%s', (_name, spec, everyNamespace, expected) => {
    expect(listed(spec, everyNamespace)).toEqual(expected);
  });

  it('snapshot objects are never listed, not even when asked for', () => {
    const asked = { includedResources: ['vs', 'vsc'], includeClusterResources: true };
    expect(listed(asked, true)).toEqual([]);
    expect(listed({ includedNamespaceScopedResources: ['vs'] }, true)).toEqual(['namespaces']);
  });
});

describe('the defaults written back to a resource', () => {
  it.each<[ResourceFilterSpec]>([
    [{}],
    [{ includeClusterResources: true }],
    [{ includeClusterResources: false }],
    [{ includedResources: ['pods', 'pv'] }],
    [{ excludedResources: ['pods'] }],
    [{ excludedResources: ['volumesnapshots.snapshot.storage.k8s.io'] }],
    [{ includedClusterScopedResources: ['pv'] }],
    [{ excludedNamespaceScopedResources: ['cm'] }],
  ])('change nothing of what %j lists', (spec) => {
    const defaulted = withDefaults(spec, { storageLocation: 'default', excludedNamespaces: [] });
    for (const everyNamespace of [true, false]) {
      expect(listed(defaulted, everyNamespace)).toEqual(listed(spec, everyNamespace));
    }
  });
});

describe('cluster-scoped objects that come along', () => {
  it.each<[string, ResourceFilterSpec, boolean, boolean]>([
    ['no filter', {}, true, true],
    ['no filter, some namespaces', {}, false, true],
    ['cluster true', { includeClusterResources: true }, false, true],
    ['cluster false', { includeClusterResources: false }, true, false],
    ['not among the included types', { includedResources: ['pods'] }, false, false],
    ['among the included types', { includedResources: ['pods', 'pv'] }, false, true],
    [
      'not among the included types, cluster true',
      { includedResources: ['pods'], includeClusterResources: true },
      false,
      true,
    ],
    ['excluded, cluster true', { excludedResources: ['pv'], includeClusterResources: true }, true, false],
    ['excluded by its short name', { excludedResources: ['pv'] }, false, false],
    ['new: excluded', { excludedClusterScopedResources: ['pv'] }, false, false],
    ['new: all excluded', { excludedClusterScopedResources: ['*'] }, false, false],
    ['new: another included', { includedClusterScopedResources: ['nodes'] }, false, true],
    ['new: no namespaced type', { excludedNamespaceScopedResources: ['*'] }, false, true],
  ])('%s', (_name, spec, everyNamespace, expected) => {
    const filter = new ResourceFilter(spec, SERVED, everyNamespace);
    expect(filter.allowsRelated('persistentvolumes')).toBe(expected);
  });

  it.each<[ResourceFilterSpec, boolean]>([
    [{}, true],
    [{ includeClusterResources: false }, false],
    [{ includedResources: ['pods'] }, false],
    [{ includedResources: ['pods', 'ns'] }, true],
    [{ includedClusterScopedResources: ['nodes'] }, true],
    [{ excludedClusterScopedResources: ['*'] }, false],
  ])('with %j are the namespaces of objects: %j', (spec, expected) => {
    expect(new ResourceFilter(spec, SERVED, false).allowsRelated('namespaces')).toBe(expected);
  });
});

/** The rules in the words of Velero's documentation, over literal names alone. */
function listedByRules(spec: ResourceFilterSpec, everyNamespace: boolean): string[] {
  const covers = (list: string[] | null | undefined, name: string) =>
    (list ?? []).some((entry) => entry === '*' || entry === name);
  const lets = (includes: string[] | null | undefined, excludes: string[] | null | undefined, name: string) =>
    !covers(excludes, name) && ((includes ?? []).length === 0 || covers(includes, name));
  const cluster = (name: string) => {
    const { includeClusterResources: all = null } = spec;
    if (all === false) return false;
    if (all === null && !everyNamespace && name !== 'namespaces') return false;
    const excludes = (spec.excludedResources ?? []).filter((entry) => entry !== '*');
    return lets(spec.includedResources, excludes, name);
  };
  const own = (list: string[] | null | undefined) =>
    (list ?? []).filter((entry) => !SNAPSHOTS.includes(entry));
  const namespacedAll =
    ['', '*'].includes((spec.includedNamespaceScopedResources ?? []).join()) &&
    own(spec.excludedNamespaceScopedResources).length === 0;
  const clusterNew = (name: string) => {
    const { includedClusterScopedResources: includes, excludedClusterScopedResources: excludes } = spec;
    if (covers(excludes, name)) return false;
    const open = (includes ?? []).length === 0 && own(excludes).length === 0;
    return (open && everyNamespace && namespacedAll) || covers(includes, name) || name === 'namespaces';
  };
  const old =
    typeof spec.includeClusterResources === 'boolean' ||
    (spec.includedResources ?? []).length > 0 ||
    own(spec.excludedResources).length > 0;
  return SERVED.filter((ref) => {
    const name = groupResource(ref);
    if (SNAPSHOTS.includes(name)) return false;
    if (old && !ref.namespaced) return cluster(name);
    const excludes = (spec.excludedResources ?? []).filter((entry) => entry !== '*');
    if (old) return lets(spec.includedResources, excludes, name);
    if (!ref.namespaced) return clusterNew(name);
    return lets(spec.includedNamespaceScopedResources, spec.excludedNamespaceScopedResources, name);
  }).map(groupResource);
}

const entries = (names: string[]) =>
  fc.option(
    fc.oneof(
      fc.constant<string[]>(['*']),
      fc.uniqueArray(fc.constantFrom(...names, 'ghosts'), { maxLength: 4 }),
    ),
    { nil: undefined },
  );
const oldSpecs = fc.record({
  includedResources: entries([...NAMESPACED, ...CLUSTER]),
  excludedResources: entries([...NAMESPACED, ...CLUSTER]),
  includeClusterResources: fc.option(fc.boolean()),
});
const newSpecs = fc.record({
  includedClusterScopedResources: entries(CLUSTER),
  excludedClusterScopedResources: entries(CLUSTER),
  includedNamespaceScopedResources: entries(NAMESPACED),
  excludedNamespaceScopedResources: entries(NAMESPACED),
});

describe('both families of filters', () => {
  it.each<[string, fc.Arbitrary<ResourceFilterSpec>]>([
    ['old', oldSpecs],
    ['new', newSpecs],
  ])('%s: list what the rules say, whatever is in them', (_name, specs) => {
    fc.assert(
      fc.property(specs, fc.boolean(), (spec, everyNamespace) => {
        expect(listed(spec, everyNamespace)).toEqual(listedByRules(spec, everyNamespace));
      }),
      { numRuns: 2000 },
    );
  });

  it('list the same with the defaults written out', () => {
    const defaults = { storageLocation: 'default', excludedNamespaces: [] };
    fc.assert(
      fc.property(fc.oneof(oldSpecs, newSpecs), fc.boolean(), (spec, everyNamespace) => {
        const asked: ResourceFilterSpec = spec;
        expect(listed(withDefaults(asked, defaults), everyNamespace)).toEqual(listed(asked, everyNamespace));
      }),
      { numRuns: 1000 },
    );
  });

  it('never list more when something more is excluded', () => {
    fc.assert(
      fc.property(newSpecs, fc.constantFrom(...NAMESPACED, ...CLUSTER), fc.boolean(), (spec, name, every) => {
        const field = NAMESPACED.includes(name)
          ? 'excludedNamespaceScopedResources'
          : 'excludedClusterScopedResources';
        const more = listed({ ...spec, [field]: [...(spec[field] ?? []), name] }, every);
        expect(more).not.toContain(name);
        expect(listed(spec, every)).toEqual(expect.arrayContaining(more));
      }),
    );
  });
});

describe('an entry of an include list that selects nothing', () => {
  const warned = (spec: ResourceFilterSpec) =>
    new ResourceFilter(spec, SERVED, true)
      .unmatched()
      .map(({ severity, message }) => `${severity}: ${message}`);

  it.each<[ResourceFilterSpec, string]>([
    [{ includedResources: ['pods', 'ghosts'] }, 'spec.includedResources: "ghosts"'],
    [{ includedResources: ['*.nowhere'] }, 'spec.includedResources: "*.nowhere"'],
    [{ includedResources: ['vs'] }, 'spec.includedResources: "vs"'],
    [{ includedClusterScopedResources: ['pods'] }, 'spec.includedClusterScopedResources: "pods"'],
    [{ includedNamespaceScopedResources: ['nodes', 'po'] }, 'spec.includedNamespaceScopedResources: "nodes"'],
  ])('is a warning: %j', (spec, entry) =>
    expect(warned(spec)).toEqual([`warning: ${entry} selects no resource type`]),
  );

  it('is none when it selects something', () => {
    expect(
      warned({
        includedResources: ['*', 'po', 'persistent*', 'deploy.apps'],
        includedClusterScopedResources: ['ns', '*'],
        includedNamespaceScopedResources: ['c*'],
      }),
    ).toEqual([]);
  });
});
