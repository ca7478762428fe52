import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemTest, leftOut, markedClaim, shapeFault, storedClaim } from '../../../../core/backup/items.ts';

describe('an object that was listed is left out when', () => {
  const pods = itemTest(
    { groupResource: 'pods', namespaced: true },
    { namespaces: new Set(['shop']), everything: false },
  );
  const nodes = itemTest(
    { groupResource: 'nodes', namespaced: false },
    { namespaces: new Set(['shop']), everything: false },
  );
  const excluded = { 'velero.io/exclude-from-backup': 'true' };

  it.each<[string, ReturnType<typeof pods>, ReturnType<typeof pods>]>([
    [
      'it is being deleted',
      pods({ name: 'a', namespace: 'shop', deletionTimestamp: 'now' }),
      { reason: 'it is being deleted' },
    ],
    [
      'its label says so',
      pods({ name: 'a', namespace: 'shop', labels: excluded }),
      { reason: 'it has label velero.io/exclude-from-backup=true' },
    ],
    [
      'its label says so, without a namespace',
      nodes({ name: 'a', labels: excluded }),
      leftOut({ name: '', labels: excluded }),
    ],
    [
      'its namespace is not wanted',
      pods({ name: 'a', namespace: 'x' }),
      { reason: 'its namespace is not included', quiet: true },
    ],
    [
      'its namespace is not wanted, whatever else there is to say',
      pods({ name: 'a', namespace: 'x', labels: excluded }),
      { reason: 'its namespace is not included', quiet: true },
    ],
    ['not: its namespace is wanted', pods({ name: 'a', namespace: 'shop' }), undefined],
    ['not: it has no namespace', nodes({ name: 'a' }), undefined],
    [
      'not: the label has another value',
      pods({ name: 'a', namespace: 'shop', labels: { 'velero.io/exclude-from-backup': 'false' } }),
      undefined,
    ],
  ])('%s', (_name, refusal, expected) => expect(refusal).toEqual(expected));
});

describe('a Namespace object', () => {
  const web = { matchLabels: { app: 'web' } };
  const labelled = { app: 'web' };

  it.each([
    ['is stored when its namespace is wanted', 'shop', {}, true, null, null, true],
    ['is not stored when it is not', 'zoo', {}, false, null, null, false],
    ['is stored by its own labels', 'zoo', labelled, false, web, null, true],
    [
      'is stored by one of several selectors',
      'zoo',
      labelled,
      true,
      null,
      [{ matchLabels: { a: 'b' } }, web],
      true,
    ],
    ['is stored without them when its namespace was named', 'shop', {}, false, web, null, true],
    ['is not stored without them when all namespaces are wanted', 'shop', {}, true, web, null, false],
    ['is not stored without them under several selectors either', 'shop', {}, true, null, [web], false],
    ['is stored when the list of selectors is empty', 'shop', {}, true, null, [], true],
  ])('%s', (_name, name, labels, everything, labelSelector, orLabelSelectors, expected) => {
    const rules = { namespaces: new Set(['shop']), everything, labelSelector, orLabelSelectors };
    const refusal = itemTest({ groupResource: 'namespaces', namespaced: false }, rules);
    expect(refusal({ name, labels }) === undefined).toBe(expected);
  });
});

describe('an object that an API server made up', () => {
  it.each([
    ['nothing at all', undefined, true, 'it has no name'],
    ['no name', { namespace: 'shop' }, true, 'it has no name'],
    ['an empty name', { name: '', namespace: 'shop' }, true, 'it has no name'],
    ['no namespace', { name: 'a' }, true, 'it has no namespace'],
    [
      'a namespace too many',
      { name: 'a', namespace: 'shop' },
      false,
      'it has a namespace, which its type has not',
    ],
    ['all that it needs', { name: 'a', namespace: 'shop' }, true, undefined],
    ['all that it needs without a namespace', { name: 'a' }, false, undefined],
  ])('has %s', (_name, metadata, namespaced, fault) => expect(shapeFault(metadata, namespaced)).toBe(fault));
});

const bound = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace: 'shop', labels: { app: 'db' } as Record<string, string> },
  spec: {
    storageClassName: 'fast' as string | undefined,
    volumeName: 'pv-1',
    dataSource: { name: 'old' },
    dataSourceRef: { name: 'old' },
    selector: { matchLabels: { 'velero.io/x': 'y', disk: 'ssd' } },
    resources: { requests: { storage: '1Gi' } },
  },
  status: { phase: 'Bound' },
};

describe('a claim as it is stored', () => {
  it('says nothing of what its volume was made from', () => {
    expect(storedClaim(bound, 'b')).toEqual({
      ...bound,
      spec: {
        storageClassName: 'fast',
        volumeName: 'pv-1',
        resources: { requests: { storage: '1Gi' } },
      },
    });
  });

  it('of no class keeps the selector of its own', () => {
    const { spec } = storedClaim({ ...bound, spec: { ...bound.spec, storageClassName: '' } }, 'b');
    expect(spec.selector).toEqual({ matchLabels: { disk: 'ssd' } });
  });

  it('of no class keeps a selector without labels too', () => {
    const selector = { matchExpressions: [{ key: 'disk', operator: 'Exists' }] };
    const { spec } = storedClaim({ ...bound, spec: { ...bound.spec, storageClassName: '', selector } }, 'b');
    expect(spec.selector).toMatchObject(selector);
  });

  it('has no labels of earlier restores and other backups', () => {
    const labels = {
      app: 'db',
      'velero.io/restore-name': 'r',
      'backup.velero.io/must-include-additional-items': 'true',
      'velero.io/volume-snapshot-name': 's',
      'velero.io/backup-name': 'other',
    };
    const stored = (backup: string) =>
      storedClaim({ ...bound, metadata: { ...bound.metadata, labels } }, backup).metadata.labels;
    expect(stored('b')).toEqual({ app: 'db' });
    expect(stored('other')).toEqual({ app: 'db', 'velero.io/backup-name': 'other' });
  });

  it('without labels gets none', () => {
    const { labels: _, ...metadata } = bound.metadata;
    expect(storedClaim({ ...bound, metadata }, 'b').metadata).toEqual(metadata);
  });

  it.each([
    ['pending', { ...bound, status: { phase: 'Pending' } }],
    ['without a volume', { ...bound, spec: { ...bound.spec, volumeName: undefined } }],
    ['without status', { metadata: { name: 'x' }, spec: {} }],
  ])('%s is stored as it is', (_name, claim) => expect(storedClaim(claim, 'b')).toBe(claim));

  it('is the same when it is stored again, and the given one is not changed', () => {
    const labels = fc.dictionary(
      fc.constantFrom('app', 'velero.io/backup-name', 'velero.io/restore-name'),
      fc.constantFrom('a', 'b'),
    );
    fc.assert(
      fc.property(labels, fc.constantFrom('', 'fast', undefined), (own, storageClassName) => {
        const claim = {
          ...bound,
          metadata: { ...bound.metadata, labels: own },
          spec: { ...bound.spec, storageClassName },
        };
        const before = structuredClone(claim);
        const once = storedClaim(claim, 'b');
        expect(storedClaim(once, 'b')).toEqual(once);
        expect(claim).toEqual(before);
      }),
    );
  });
});

it('a claim whose data was moved is marked so that a restore finds it', () => {
  const moved = { backup: 'b', snapshot: 's-1', dataUpload: 'velero/s-1' };
  expect(markedClaim(bound, moved)).toEqual({
    ...bound,
    metadata: {
      ...bound.metadata,
      labels: { app: 'db', 'velero.io/volume-snapshot-name': 's-1', 'velero.io/backup-name': 'b' },
      annotations: { 'velero.io/volume-snapshot-name': 's-1', 'velero.io/data-upload-name': 'velero/s-1' },
    },
  });
  expect(
    markedClaim({ metadata: { name: 'x', annotations: { a: 'b' } } }, moved).metadata.annotations,
  ).toEqual({
    a: 'b',
    'velero.io/volume-snapshot-name': 's-1',
    'velero.io/data-upload-name': 'velero/s-1',
  });
});
