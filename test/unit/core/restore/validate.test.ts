import { describe, expect, it } from 'vitest';
import { NON_RESTORABLE } from '../../../../core/order/waves.ts';
import { restoreDefaults, restoreErrors } from '../../../../core/restore/validate.ts';
import type { CheckedRestore } from '../../../../core/restore/validate.ts';

const errors = (spec: CheckedRestore) => restoreErrors({ backupName: 'b', ...spec });

describe('restoreErrors', () => {
  it.each<[CheckedRestore, string[]]>([
    [{}, []],
    [{ includedNamespaces: ['*'], excludedNamespaces: ['kube-*'], itemOperationTimeout: '0s' }, []],
    [{ existingResourcePolicy: 'none', namespaceMapping: { a: 'b' }, hooks: { resources: [] } }, []],
    [
      { includedResources: ['nodes'] },
      [
        'nodes are non-restorable resources',
        'excludes list cannot contain an item in the includes list: nodes',
      ],
    ],
    [{ includedResources: ['*', 'pods'] }, ["includes list must either contain '*' only"]],
    [
      { excludedResources: ['*'] },
      ["Invalid included/excluded resource lists: excludes list cannot contain '*'"],
    ],
    [
      { includedNamespaces: ['a'], excludedNamespaces: ['a'] },
      ['Invalid included/excluded namespace lists: excludes'],
    ],
    [{ includedNamespaces: ['a[b'] }, ["unclosed bracket '['"]],
    [{ excludedNamespaces: ['a**'] }, ['consecutive asterisks']],
    [{ includedNamespaces: ['Not_A_Name'] }, ['invalid namespace "Not_A_Name"']],
    [{ namespaceMapping: { a: '' } }, ['spec.namespaceMapping[a]: invalid namespace ""']],
    [{ namespaceMapping: { A: 'b' } }, ['spec.namespaceMapping[A]: invalid namespace "A"']],
    [{ namespaceMapping: { a: 'x'.repeat(64) } }, ['spec.namespaceMapping[a]']],
    [{ existingResourcePolicy: 'Update' }, ['Invalid ExistingResourcePolicy: Update']],
    [{ itemOperationTimeout: '-1s' }, ['spec.itemOperationTimeout: must not be negative']],
    [{ uploaderConfig: { parallelFilesDownload: -1 } }, ['spec.uploaderConfig.parallelFilesDownload']],
    [{ labelSelector: { matchLabels: { a: 'b c' } } }, ['spec.labelSelector']],
    [{ orLabelSelectors: [{}, { matchLabels: { '': 'b' } }] }, ['spec.orLabelSelectors[1]']],
    [{ labelSelector: {}, orLabelSelectors: [{}] }, ['only one can be specified']],
    [{ hooks: { resources: [{}] } }, ['NotSupported: spec.hooks']],
    [{ restoreStatus: {} }, ['NotSupported: spec.restoreStatus']],
    [{ resourceModifier: { kind: 'ConfigMap' } }, ['NotSupported: spec.resourceModifier']],
    [{ resourcePolicy: { kind: 'ConfigMap' } }, ['NotSupported: spec.resourcePolicy']],
  ])('%j', (spec, expected) => {
    const found = errors(spec);
    expect(found).toHaveLength(expected.length);
    expected.forEach((words, at) => expect(found[at]).toContain(words));
  });

  it.each<[CheckedRestore, number]>([
    [{}, 1],
    [{ backupName: 'b' }, 0],
    [{ scheduleName: 's' }, 0],
    [{ backupName: 'b', scheduleName: 's' }, 1],
    [{ backupName: '', scheduleName: '' }, 1],
  ])('wants one source: %j', (spec, count) => {
    expect(restoreErrors(spec)).toHaveLength(count);
  });
});

describe('restoreDefaults', () => {
  it('adds what is never restored, once, and the timeout', () => {
    const spec = restoreDefaults({
      backupName: 'b',
      excludedResources: ['nodes', 'own'],
      itemOperationTimeout: '0s',
    });
    expect(spec.excludedResources).toEqual([
      'nodes',
      'own',
      ...NON_RESTORABLE.filter((name) => name !== 'nodes'),
    ]);
    expect(spec.itemOperationTimeout).toBe('4h0m0s');
    expect(restoreDefaults(spec)).toEqual(spec);
    expect(restoreDefaults({ itemOperationTimeout: '10m' }).itemOperationTimeout).toBe('10m');
  });
});
