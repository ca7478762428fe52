import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withDefaults } from '../../../../core/backup/defaults.ts';
import {
  durationProblems,
  locationMissing,
  selectorProblems,
  specErrors,
} from '../../../../core/backup/validate.ts';
import type { CheckedSpec } from '../../../../core/backup/validate.ts';

const MIXED =
  'include-resources, exclude-resources and include-cluster-resources are old filter parameters.\n' +
  'include-cluster-scoped-resources, exclude-cluster-scoped-resources, include-namespace-scoped-resources and exclude-namespace-scoped-resources are new filter parameters.\n' +
  'They cannot be used together';
const OLD = 'Invalid included/excluded resource lists: ';
const CLUSTER = 'Invalid cluster-scoped included/excluded resource lists: ';
const NAMESPACED = 'Invalid namespace-scoped included/excluded resource lists: ';
const NAMESPACES = 'Invalid included/excluded namespace lists: ';
const ONLY_ALL = "includes list must either contain '*' only, or a non-empty list of items";
const TWICE = 'excludes list cannot contain an item in the includes list: ';
const OTHER_MOVER = 'PluginNotSupported: spec.datamover: "other" is a plugin, and there are none';

/** Every fault that a spec can have by itself, with its whole message. */
const FAULTS: [string, CheckedSpec, string][] = [
  ['old and new filters', { includedResources: ['pods'], includedNamespaceScopedResources: ['pods'] }, MIXED],
  [
    'cluster resources and new filters',
    { includeClusterResources: false, excludedClusterScopedResources: ['nodes'] },
    MIXED,
  ],
  [
    'an old filter of a snapshot type and new filters',
    {
      includedResources: ['volumesnapshots.snapshot.storage.k8s.io'],
      includedClusterScopedResources: ['nodes'],
    },
    MIXED,
  ],
  ['old: `*` and more', { includedResources: ['*', 'pods'] }, OLD + ONLY_ALL],
  ['old: all excluded', { excludedResources: ['*'] }, `${OLD}excludes list cannot contain '*'`],
  ['old: twice', { includedResources: ['pods'], excludedResources: ['pods'] }, `${OLD}${TWICE}pods`],
  [
    'old: a backward range',
    { includedResources: ['[z-a]'] },
    `${OLD}wildcard pattern contains a range that runs backwards: [z-a]`,
  ],
  ['cluster: `*` and more', { includedClusterScopedResources: ['*', 'nodes'] }, CLUSTER + ONLY_ALL],
  [
    'cluster: excluded `*` and more',
    { excludedClusterScopedResources: ['*', 'nodes'] },
    `${CLUSTER}excludes list must either contain '*' only, or a non-empty list of items`,
  ],
  [
    'cluster: included though all are excluded',
    { includedClusterScopedResources: ['nodes'], excludedClusterScopedResources: ['*'] },
    `${CLUSTER}when exclude is '*', include cannot have value`,
  ],
  [
    'cluster: twice',
    { includedClusterScopedResources: ['nodes'], excludedClusterScopedResources: ['nodes'] },
    `${CLUSTER}${TWICE}nodes`,
  ],
  ['namespaced: `*` and more', { includedNamespaceScopedResources: ['*', 'pods'] }, NAMESPACED + ONLY_ALL],
  [
    'namespaced: excluded `*` and more',
    { excludedNamespaceScopedResources: ['*', 'pods'] },
    `${NAMESPACED}excludes list must either contain '*' only, or a non-empty list of items`,
  ],
  [
    'namespaced: included though all are excluded',
    { includedNamespaceScopedResources: ['pods'], excludedNamespaceScopedResources: ['*'] },
    `${NAMESPACED}when exclude is '*', include cannot have value`,
  ],
  [
    'namespaced: twice',
    { includedNamespaceScopedResources: ['pods'], excludedNamespaceScopedResources: ['pods'] },
    `${NAMESPACED}${TWICE}pods`,
  ],
  ['namespaces: `*` and more', { includedNamespaces: ['*', 'shop'] }, NAMESPACES + ONLY_ALL],
  [
    'namespaces: all excluded',
    { excludedNamespaces: ['*'] },
    `${NAMESPACES}excludes list cannot contain '*'`,
  ],
  [
    'namespaces: twice',
    { includedNamespaces: ['shop'], excludedNamespaces: ['shop'] },
    `${NAMESPACES}${TWICE}shop`,
  ],
  [
    'namespaces: characters',
    { includedNamespaces: ['a|b'] },
    `${NAMESPACES}wildcard pattern contains unsupported characters: |, (, ), !, {, }, ,`,
  ],
  [
    'namespaces: asterisks',
    { excludedNamespaces: ['a**'] },
    `${NAMESPACES}wildcard pattern contains consecutive asterisks (only single * allowed)`,
  ],
  [
    'namespaces: empty brackets',
    { includedNamespaces: ['a[]'] },
    `${NAMESPACES}wildcard pattern contains empty bracket pattern '[]'`,
  ],
  [
    'namespaces: open brackets',
    { includedNamespaces: ['a['] },
    `${NAMESPACES}wildcard pattern contains unclosed bracket '['`,
  ],
  [
    'namespaces: closed brackets',
    { includedNamespaces: ['a]'] },
    `${NAMESPACES}wildcard pattern contains unmatched closing bracket ']'`,
  ],
  [
    'namespaces: a backward range',
    { includedNamespaces: ['[9-0]'] },
    `${NAMESPACES}wildcard pattern contains a range that runs backwards: [9-0]`,
  ],
  [
    'namespaces: no name',
    { includedNamespaces: ['Shop'] },
    `${NAMESPACES}invalid namespace "Shop": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
  ],
  [
    'namespaces: too long a name',
    { includedNamespaces: ['s'.repeat(64)] },
    `${NAMESPACES}invalid namespace "${'s'.repeat(64)}": must be no more than 63 characters`,
  ],
  [
    'both selectors',
    { labelSelector: {}, orLabelSelectors: [{}] },
    'encountered labelSelector as well as orLabelSelectors in backup spec, only one can be specified',
  ],
  [
    'a selector',
    { labelSelector: { matchExpressions: [{ key: 'app', operator: 'In' }] } },
    'spec.labelSelector: operator In on "app" needs at least one value',
  ],
  [
    'one of several selectors',
    { orLabelSelectors: [{}, { matchExpressions: [{ key: 'app', operator: 'Near' }] }] },
    'spec.orLabelSelectors[1]: "Near" is not a valid label selector operator: In, NotIn, Exists or DoesNotExist',
  ],
  ['ttl', { ttl: '30d' }, 'spec.ttl: invalid duration "30d": unknown unit "d"'],
  ['a negative ttl', { ttl: '-1h' }, 'spec.ttl: must not be negative'],
  [
    'csiSnapshotTimeout',
    { csiSnapshotTimeout: '10' },
    'spec.csiSnapshotTimeout: invalid duration "10": expected numbers with units, such as 1h30m',
  ],
  [
    'itemOperationTimeout',
    { itemOperationTimeout: 'soon' },
    'spec.itemOperationTimeout: invalid duration "soon": expected numbers with units, such as 1h30m',
  ],
  ['a data mover', { datamover: 'other' }, OTHER_MOVER],
  [
    'native snapshots',
    { volumeSnapshotLocations: ['aws'] },
    'NativeSnapshotNotSupported: spec.volumeSnapshotLocations: there are no native snapshotters; volumes of CSI drivers need no such location',
  ],
  ['hooks without a name', { hooks: { resources: [{}] } }, 'spec.hooks.resources[0].name: must be given'],
  [
    'the order of what has too long a path',
    { orderedResources: { pods: 'shop/web, a/b/c' } },
    'spec.orderedResources.pods: "a/b/c" is neither name nor namespace/name',
  ],
  [
    'the order of what has no name',
    { orderedResources: { persistentvolumes: 'pv-1,' } },
    'spec.orderedResources.persistentvolumes: "" is neither name nor namespace/name',
  ],
];

describe('a backup spec is refused for', () => {
  it.each(FAULTS)('%s', (_name, spec, message) => expect(specErrors(spec)).toEqual([message]));

  it('all its faults at once', () => {
    const faulty: CheckedSpec = {
      includedNamespaces: ['Shop', 'a**'],
      excludedNamespaces: ['*'],
      includedResources: ['pods'],
      excludedClusterScopedResources: ['*', 'x'],
      labelSelector: { matchLabels: { 'a b': '-' } },
      orLabelSelectors: [{}],
      ttl: 'x',
      datamover: 'other',
      hooks: { resources: [{}] },
    };
    expect(specErrors(faulty).map((error) => error.slice(0, 40))).toEqual(
      [
        MIXED,
        `${CLUSTER}excludes list`,
        NAMESPACES,
        NAMESPACES,
        NAMESPACES,
        'encountered labelSelector as well as orLabel',
        'spec.labelSelector: "a b" is not a label key: [p',
        'spec.labelSelector: "-" is not a label value: le',
        'spec.ttl: invalid duration "x": expected numb',
        'spec.hooks.resources[0].name: must be given',
        OTHER_MOVER,
      ].map((error) => error.slice(0, 40)),
    );
  });

  it('the faults of any two specs together, when their fields differ', () => {
    const fault = fc.constantFrom(...FAULTS);
    fc.assert(
      fc.property(fault, fault, ([, one, first], [, two, second]) => {
        const shared = Object.keys(one).filter((field) => field in two);
        const errors = specErrors({ ...one, ...two });
        if (shared.length > 0) return;
        expect(errors).toContain(first);
        expect(errors).toContain(second);
      }),
    );
  });
});

const GOOD: CheckedSpec[] = [
  {},
  { includedNamespaces: ['shop', 'shop-*', ''], excludedNamespaces: ['shop-test'] },
  { includedNamespaces: ['*'], includeClusterResources: null },
  { includedResources: ['pods', '*.apps'], excludedResources: ['cm'], includeClusterResources: true },
  { includedClusterScopedResources: ['*'], excludedNamespaceScopedResources: ['*'] },
  { orLabelSelectors: [{ matchLabels: { app: 'web' } }] },
  { labelSelector: { matchLabels: { app: 'web' } }, orLabelSelectors: [] },
  { ttl: '720h', csiSnapshotTimeout: '0s', itemOperationTimeout: '4h0m0s' },
  { datamover: 'velero', defaultVolumesToFsBackup: true, volumeSnapshotLocations: [], orderedResources: {} },
  { datamover: '', hooks: { resources: [] } },
  { orderedResources: { pods: 'shop/db,shop/web', persistentvolumes: 'pv-1, pv-2' } },
];

describe('a backup spec is accepted', () => {
  it.each(GOOD.map((spec) => [spec]))('%j', (spec) => expect(specErrors(spec)).toEqual([]));

  it.each(GOOD.map((spec) => [spec]))('also with its defaults: %j', (spec) => {
    const defaults = { storageLocation: 'default', excludedNamespaces: ['kube-system'] };
    expect(specErrors(withDefaults(spec, defaults))).toEqual([]);
  });

  it('but not when it names a namespace that is labelled to be left out', () => {
    const defaults = { storageLocation: 'default', excludedNamespaces: ['shop'] };
    expect(specErrors(withDefaults({ includedNamespaces: ['shop'] }, defaults))).toEqual([
      `${NAMESPACES}${TWICE}shop`,
    ]);
  });
});

it('selectors name the kind of resource that they stand in', () => {
  expect(selectorProblems('restore', {}, [{}])[0]).toContain('in restore spec');
});

it('durations that are missing are no fault', () => {
  expect(durationProblems({ a: undefined, b: null, c: '' })).toEqual([]);
  expect(durationProblems({ a: '-1s', b: 'x', c: '1h' })).toHaveLength(2);
});

it('a location that is missing is named with who asked for it', () => {
  const text = (who: string) =>
    `an existing backup storage location was not specified at backup creation time and the ${who}. Please address this issue (see \`velero backup-location -h\` for options) and create a new backup. Error: gone`;
  expect(locationMissing('mine', 'mine', 'gone')).toBe(text('default mine was not found'));
  for (const asked of ['', undefined])
    expect(locationMissing(asked, 'default', 'gone')).toBe(text('server default default does not exist'));
});
