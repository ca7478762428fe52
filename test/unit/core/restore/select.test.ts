import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RestoreSelection } from '../../../../core/model.ts';
import type { ServedResource } from '../../../../core/model.ts';
import {
  clusterScope,
  isRestorable,
  ItemSelector,
  resourceFilter,
  selectNamespaces,
} from '../../../../core/restore/select.ts';
import type { SelectionSpec } from '../../../../core/restore/select.ts';

const served = (resource: string, group = '', more: Partial<ServedResource> = {}): ServedResource => ({
  group,
  version: 'v1',
  resource,
  kind: '',
  namespaced: true,
  singular: '',
  shortNames: [],
  ...more,
});

describe('selectNamespaces', () => {
  const stored = ['shop', 'shop-dev', 'bank'];

  it.each<[SelectionSpec, string[], boolean, number]>([
    [{}, ['bank', 'shop', 'shop-dev'], true, 0],
    [{ includedNamespaces: ['*'] }, ['bank', 'shop', 'shop-dev'], true, 0],
    [{ includedNamespaces: null, excludedNamespaces: ['bank'] }, ['shop', 'shop-dev'], false, 0],
    [{ includedNamespaces: ['shop*'] }, ['shop', 'shop-dev'], false, 0],
    [{ includedNamespaces: ['shop*'], excludedNamespaces: ['*-dev'] }, ['shop'], false, 0],
    [{ includedNamespaces: ['none-*'] }, [], false, 1],
    [{ includedNamespaces: ['shop', 'gone'] }, ['shop'], false, 1],
  ])('%j', (spec, names, everything, warnings) => {
    const chosen = selectNamespaces(stored, spec);
    expect(chosen).toMatchObject({ names, everything });
    expect(chosen.problems).toHaveLength(warnings);
    expect(chosen.problems.every(({ severity }) => severity === 'warning')).toBe(true);
  });

  it('never selects more for more excludes', () => {
    const name = fc.constantFrom('a', 'b', 'ab', 'a*', '?', '[ab]');
    fc.assert(
      fc.property(fc.array(name), fc.array(name), name, (includes, excludes, more) => {
        const all = ['a', 'b', 'ab'];
        const spec = { includedNamespaces: includes, excludedNamespaces: excludes };
        const fewer = selectNamespaces(all, { ...spec, excludedNamespaces: [...excludes, more] }).names;
        const names = selectNamespaces(all, spec).names;
        expect(fewer.every((entry) => names.includes(entry))).toBe(true);
      }),
    );
  });
});

describe('clusterScope', () => {
  it.each<[boolean | null | undefined, boolean, string]>([
    [true, false, 'all'],
    [false, true, 'none'],
    [undefined, true, 'all'],
    [null, false, 'related'],
  ])('%s with everything %s: %s', (flag, everything, scope) => {
    expect(clusterScope({ includeClusterResources: flag }, everything)).toBe(scope);
  });
});

describe('resourceFilter', () => {
  const all = [
    served('deployments', 'apps', { singular: 'deployment', shortNames: ['deploy'] }),
    served('pods'),
  ];

  it('knows names as users write them, and types that come with the backup', () => {
    const filter = resourceFilter(
      { includedResources: ['deploy', 'widgets'], excludedResources: ['po*'] },
      all,
      ['widgets.example.com', 'pods'],
    );
    expect(isRestorable('deployments.apps', filter)).toBe(true);
    expect(isRestorable('widgets.example.com', filter)).toBe(true);
    expect(isRestorable('pods', filter)).toBe(false);
    expect(isRestorable('secrets', filter)).toBe(false);
  });

  it('never takes records of the backup system, snapshots, or namespaces by themselves', () => {
    const filter = resourceFilter({ includedResources: ['*'] }, all, []);
    for (const name of [
      'namespaces',
      'datauploads.velero.io',
      'deletebackuprequests.velero.io',
      'volumesnapshots.snapshot.storage.k8s.io',
      'volumesnapshotcontents.snapshot.storage.k8s.io',
    ]) {
      expect(isRestorable(name, filter), name).toBe(false);
    }
    expect(isRestorable('schedules.velero.io', filter)).toBe(true);
  });
});

describe('ItemSelector', () => {
  const selection = (more: Partial<RestoreSelection> = {}): RestoreSelection => ({
    namespaces: ['shop'],
    cluster: 'related',
    related: { persistentvolumes: ['pv'], persistentvolumeclaims: ['shop/data'] },
    ...more,
  });
  const labels = () => ({ app: 'web' });
  const web: SelectionSpec = { labelSelector: { matchLabels: { app: 'web' } } };
  const other: SelectionSpec = { orLabelSelectors: [{ matchLabels: { app: 'db' } }] };
  const item = (groupResource: string, name: string, namespace?: string) => ({
    groupResource,
    name,
    namespace,
  });

  it.each<[string, RestoreSelection, SelectionSpec, ReturnType<typeof item>, boolean]>([
    ['in a chosen namespace', selection(), {}, item('pods', 'p', 'shop'), true],
    ['in another namespace', selection(), {}, item('pods', 'p', 'bank'), false],
    ['with fitting labels', selection(), web, item('pods', 'p', 'shop'), true],
    ['with other labels', selection(), other, item('pods', 'p', 'shop'), false],
    ['needed, with other labels', selection(), other, item('persistentvolumeclaims', 'data', 'shop'), true],
    ['needed, in another namespace', selection(), {}, item('persistentvolumeclaims', 'data', 'bank'), false],
    ['needed, without a namespace', selection(), {}, item('persistentvolumes', 'pv'), true],
    ['not needed, without a namespace', selection(), {}, item('persistentvolumes', 'x'), false],
    ['all without a namespace', selection({ cluster: 'all' }), {}, item('persistentvolumes', 'x'), true],
    ['all without a namespace, by labels', selection({ cluster: 'all' }), other, item('nodes', 'x'), false],
    ['none without a namespace', selection({ cluster: 'none' }), {}, item('persistentvolumes', 'pv'), false],
  ])('%s', (_, chosen, spec, object, selected) => {
    expect(new ItemSelector(chosen, spec).test(object, labels)).toBe(selected);
  });

  it('asks for labels only when they decide', () => {
    const never = () => {
      throw new Error('asked');
    };
    expect(new ItemSelector(selection(), {}).test(item('pods', 'p', 'shop'), never)).toBe(true);
    expect(new ItemSelector(selection(), web).test(item('pods', 'p', 'bank'), never)).toBe(false);
  });
});
