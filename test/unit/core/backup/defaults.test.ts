import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withDefaults } from '../../../../core/backup/defaults.ts';
import { specErrors } from '../../../../core/backup/validate.ts';
import type { CheckedSpec } from '../../../../core/backup/validate.ts';

type Spec = CheckedSpec & { storageLocation?: string; snapshotMoveData?: boolean | null };

const NONE = { storageLocation: 'default', excludedNamespaces: [] };
const VS = 'volumesnapshots.snapshot.storage.k8s.io';
const VSC = 'volumesnapshotcontents.snapshot.storage.k8s.io';

describe('the defaults of a backup', () => {
  it('are written out in full', () => {
    expect(withDefaults({}, NONE)).toEqual({
      storageLocation: 'default',
      includedNamespaces: ['*'],
      ttl: '720h0m0s',
      csiSnapshotTimeout: '10m0s',
      itemOperationTimeout: '4h0m0s',
      volumeGroupSnapshotLabelKey: 'velero.io/volume-group',
      defaultVolumesToFsBackup: false,
      snapshotMoveData: true,
      excludedClusterScopedResources: [VSC],
      excludedNamespaceScopedResources: [VS],
    });
  });

  it.each<[Spec, object]>([
    [{ storageLocation: 'mine' }, { storageLocation: 'mine' }],
    [{ storageLocation: '' }, { storageLocation: 'default' }],
    [{ includedNamespaces: ['shop'] }, { includedNamespaces: ['shop'] }],
    [{ includedNamespaces: null }, { includedNamespaces: ['*'] }],
    [{ ttl: '1h' }, { ttl: '1h' }],
    [{ ttl: '0s' }, { ttl: '720h0m0s' }],
    [{ ttl: '0' }, { ttl: '720h0m0s' }],
    [{ ttl: '0h0m0s' }, { ttl: '720h0m0s' }],
    [{ csiSnapshotTimeout: '0m0s' }, { csiSnapshotTimeout: '10m0s' }],
    [{ itemOperationTimeout: '0.0h' }, { itemOperationTimeout: '4h0m0s' }],
    [{ ttl: 'never' }, { ttl: 'never' }],
    [{ snapshotMoveData: false }, { snapshotMoveData: false }],
    [{ snapshotMoveData: null }, { snapshotMoveData: true }],
    [{ defaultVolumesToFsBackup: true }, { defaultVolumesToFsBackup: true }],
    [{ defaultVolumesToRestic: true }, { defaultVolumesToFsBackup: true }],
    [{ defaultVolumesToRestic: true, defaultVolumesToFsBackup: false }, { defaultVolumesToFsBackup: true }],
    [{ defaultVolumesToRestic: false, defaultVolumesToFsBackup: true }, { defaultVolumesToFsBackup: true }],
  ])('%j become %j', (spec, expected) => expect(withDefaults(spec, NONE)).toMatchObject(expected));

  it('keep snapshot objects out by the filters in use', () => {
    const old = withDefaults({ excludedResources: ['pods', VS] }, NONE);
    expect(old.excludedResources).toEqual(['pods', VS, VSC]);
    expect(old).not.toHaveProperty('excludedClusterScopedResources');
    const namespaced: CheckedSpec = { includeClusterResources: false };
    expect(withDefaults(namespaced, NONE).excludedResources).toEqual([VS, VSC]);
    const none: CheckedSpec = { excludedClusterScopedResources: ['*'] };
    expect(withDefaults(none, NONE).excludedClusterScopedResources).toEqual(['*']);
    const fresh = withDefaults({ excludedClusterScopedResources: ['nodes'] }, NONE);
    expect(fresh.excludedClusterScopedResources).toEqual(['nodes', VSC]);
    expect(fresh).not.toHaveProperty('excludedResources');
  });

  it('take snapshot objects out of the includes, unless nothing would be left of them', () => {
    const old = withDefaults<CheckedSpec>({ includedResources: ['pods', VS] }, NONE);
    expect(old).toMatchObject({ includedResources: ['pods'], excludedResources: [VS, VSC] });
    const fresh = withDefaults<CheckedSpec>(
      { includedNamespaceScopedResources: [VS], includedClusterScopedResources: [VSC, 'nodes'] },
      NONE,
    );
    expect(fresh).toMatchObject({
      includedNamespaceScopedResources: [VS],
      excludedNamespaceScopedResources: [],
      includedClusterScopedResources: ['nodes'],
      excludedClusterScopedResources: [VSC],
    });
    for (const spec of [old, fresh]) expect(specErrors(spec)).toEqual([]);
  });

  it('add the namespaces that are labelled to be left out, each once', () => {
    const input = { storageLocation: 'default', excludedNamespaces: ['a', 'b'] };
    expect(withDefaults({ excludedNamespaces: ['b', 'c'] }, input).excludedNamespaces).toEqual([
      'b',
      'c',
      'a',
    ]);
    expect(withDefaults({}, NONE)).not.toHaveProperty('excludedNamespaces');
  });

  it('leave everything else as it is, and the given spec alone', () => {
    const spec = Object.freeze({ labelSelector: { matchLabels: { app: 'web' } }, unknown: [1] });
    expect(withDefaults(spec, NONE)).toMatchObject(spec);
  });
});

const list = fc.option(fc.uniqueArray(fc.constantFrom('a', 'b', '*', VS, VSC), { maxLength: 3 }));
const flag = fc.option(fc.boolean());
const duration = fc.constantFrom('', '0s', '0h0m0s', '1h', '90m', 'bad');
const specs = fc.record(
  {
    storageLocation: fc.constantFrom('', 'mine'),
    includedNamespaces: list,
    excludedNamespaces: list,
    includedResources: list,
    excludedResources: list,
    includeClusterResources: flag,
    includedClusterScopedResources: list,
    excludedClusterScopedResources: list,
    includedNamespaceScopedResources: list,
    excludedNamespaceScopedResources: list,
    ttl: duration,
    csiSnapshotTimeout: duration,
    itemOperationTimeout: duration,
    defaultVolumesToFsBackup: flag,
    defaultVolumesToRestic: flag,
    snapshotMoveData: flag,
  },
  { requiredKeys: [] },
);

it('the defaults of defaults are the same', () => {
  const input = fc.record({
    storageLocation: fc.constantFrom('default', 'other'),
    excludedNamespaces: fc.uniqueArray(fc.constantFrom('a', 'x', 'y')),
  });
  fc.assert(
    fc.property(specs, input, (spec, defaults) => {
      const once = withDefaults(spec, defaults);
      expect(withDefaults(once, defaults)).toEqual(once);
    }),
  );
});
