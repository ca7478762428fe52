import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backup, BackupSpec } from '../../contracts/api/backup.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { createBackup, rejected, step } from '../support/backup-run.ts';
import { createCredentials, createWorld, namespaceObject, removeNamespace } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** Every way of getting a Backup wrong, and what is written into one that is right. */

const SHOP = 'bv-shop';
const HIDDEN = 'bv-hidden';
const WEB_LABEL = { matchLabels: { app: 'web' } };

let world: World;

beforeAll(async () => {
  world = await createWorld('bv-control');
  await removeNamespace(world.kube, HIDDEN);
  const labels = { 'velero.io/exclude-from-backup': 'true' };
  await world.kube.create(GVRS.namespaces, undefined, namespaceObject(HIDDEN, labels));
});

afterAll(() => world.stop([HIDDEN]));

const list = (prefix: string, error: string) => `Invalid ${prefix} lists: ${error}`;
const OLD = 'included/excluded resource';
const NAMESPACES = 'included/excluded namespace';
const CLUSTER = 'cluster-scoped included/excluded resource';
const NAMESPACED = 'namespace-scoped included/excluded resource';
const ONLY_ALL = "includes list must either contain '*' only, or a non-empty list of items";
const NOT_ALL = "excludes list cannot contain '*'";
const EXCLUDES_ALL = "excludes list must either contain '*' only, or a non-empty list of items";
const NO_INCLUDE = "when exclude is '*', include cannot have value";
const twice = (item: string) => `excludes list cannot contain an item in the includes list: ${item}`;

const FAULTS: [field: string, spec: BackupSpec, error: string][] = [
  [
    'old and new filters',
    { includedResources: ['pods'], excludedClusterScopedResources: ['nodes'] },
    'They cannot be used together',
  ],
  ['includedResources', { includedResources: ['*', 'pods'] }, list(OLD, ONLY_ALL)],
  ['excludedResources', { excludedResources: ['*'] }, list(OLD, NOT_ALL)],
  ['both of them', { includedResources: ['pods'], excludedResources: ['pods'] }, list(OLD, twice('pods'))],
  [
    'includedClusterScopedResources',
    { includedClusterScopedResources: ['*', 'nodes'] },
    list(CLUSTER, ONLY_ALL),
  ],
  [
    'excludedClusterScopedResources',
    { excludedClusterScopedResources: ['*', 'nodes'] },
    list(CLUSTER, EXCLUDES_ALL),
  ],
  [
    'both, one of them all',
    { includedClusterScopedResources: ['nodes'], excludedClusterScopedResources: ['*'] },
    list(CLUSTER, NO_INCLUDE),
  ],
  [
    'both, the same',
    { includedClusterScopedResources: ['nodes'], excludedClusterScopedResources: ['nodes'] },
    list(CLUSTER, twice('nodes')),
  ],
  [
    'includedNamespaceScopedResources',
    { includedNamespaceScopedResources: ['*', 'pods'] },
    list(NAMESPACED, ONLY_ALL),
  ],
  [
    'excludedNamespaceScopedResources',
    { excludedNamespaceScopedResources: ['*', 'pods'] },
    list(NAMESPACED, EXCLUDES_ALL),
  ],
  [
    'both of these, one of them all',
    { includedNamespaceScopedResources: ['pods'], excludedNamespaceScopedResources: ['*'] },
    list(NAMESPACED, NO_INCLUDE),
  ],
  [
    'both of these, the same',
    { includedNamespaceScopedResources: ['pods'], excludedNamespaceScopedResources: ['pods'] },
    list(NAMESPACED, twice('pods')),
  ],
  ['includedNamespaces', { includedNamespaces: ['*', SHOP] }, list(NAMESPACES, ONLY_ALL)],
  ['excludedNamespaces', { excludedNamespaces: ['*'] }, list(NAMESPACES, NOT_ALL)],
  [
    'namespaces both ways',
    { includedNamespaces: [SHOP], excludedNamespaces: [SHOP] },
    list(NAMESPACES, twice(SHOP)),
  ],
  ['a namespace that carries the label', { includedNamespaces: [HIDDEN] }, list(NAMESPACES, twice(HIDDEN))],
  [
    'characters of a pattern',
    { includedNamespaces: ['a|b'] },
    list(NAMESPACES, 'wildcard pattern contains unsupported characters: |, (, ), !, {, }, ,'),
  ],
  [
    'asterisks of a pattern',
    { includedNamespaces: ['a**'] },
    list(NAMESPACES, 'wildcard pattern contains consecutive asterisks (only single * allowed)'),
  ],
  [
    'empty brackets',
    { includedNamespaces: ['a[]'] },
    list(NAMESPACES, "wildcard pattern contains empty bracket pattern '[]'"),
  ],
  [
    'open brackets',
    { excludedNamespaces: ['a['] },
    list(NAMESPACES, "wildcard pattern contains unclosed bracket '['"),
  ],
  [
    'closed brackets',
    { excludedNamespaces: ['a]'] },
    list(NAMESPACES, "wildcard pattern contains unmatched closing bracket ']'"),
  ],
  [
    'a name of no namespace',
    { includedNamespaces: ['Shop_1'] },
    list(NAMESPACES, 'invalid namespace "Shop_1": a lowercase RFC 1123 label must consist of'),
  ],
  [
    'a name too long for a namespace',
    { includedNamespaces: ['s'.repeat(64)] },
    list(NAMESPACES, `invalid namespace "${'s'.repeat(64)}": must be no more than 63 characters`),
  ],
  [
    'labelSelector and orLabelSelectors',
    { labelSelector: WEB_LABEL, orLabelSelectors: [WEB_LABEL] },
    'encountered labelSelector as well as orLabelSelectors in backup spec, only one can be specified',
  ],
  [
    'labelSelector',
    { labelSelector: { matchLabels: { 'not a key': 'x' } } },
    'spec.labelSelector: "not a key" is not a label key',
  ],
  [
    'orLabelSelectors',
    { orLabelSelectors: [WEB_LABEL, { matchExpressions: [{ key: 'app', operator: 'Near' }] }] },
    'spec.orLabelSelectors[1]: "Near" is not a valid label selector operator',
  ],
  [
    'orderedResources',
    { orderedResources: { pods: 'a/b/c' } },
    'spec.orderedResources.pods: "a/b/c" is neither name nor namespace/name',
  ],
  ['ttl', { ttl: '30d' }, 'spec.ttl: invalid duration "30d"'],
  ['a negative ttl', { ttl: '-1h' }, 'spec.ttl: must not be negative'],
  ['csiSnapshotTimeout', { csiSnapshotTimeout: 'soon' }, 'spec.csiSnapshotTimeout: invalid duration "soon"'],
  ['itemOperationTimeout', { itemOperationTimeout: '4' }, 'spec.itemOperationTimeout: invalid duration "4"'],
  [
    'storageLocation',
    { storageLocation: 'nowhere' },
    'an existing backup storage location was not specified at backup creation time and the default nowhere was not found. Please address this issue (see `velero backup-location -h` for options) and create a new backup. Error: ',
  ],
  ['datamover', { datamover: 'other' }, 'spec.datamover: "other"'],
];

describe('a backup is refused for', () => {
  it.each(FAULTS)('%s', async (_field, spec, error) => {
    const { errors, backup } = await rejected(world, spec);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(error);
    expect(backup.status).toMatchObject({ phase: 'FailedValidation', validationErrors: errors });
    expect(backup.status?.startTimestamp).toBeUndefined();
  });

  it('all that is wrong with it at once', async () => {
    const { errors } = await rejected(world, {
      includedNamespaces: ['*', 'Bad_Name'],
      includedResources: ['pods'],
      excludedNamespaceScopedResources: ['*', 'x'],
      labelSelector: { matchLabels: { 'a b': 'c' } },
      orLabelSelectors: [WEB_LABEL],
      orderedResources: { pods: '//' },
      ttl: 'x',
      storageLocation: 'nowhere',
    });
    expect(errors).toHaveLength(9);
  });

  it('a location that may only be read', async () => {
    const location = {
      apiVersion: 'velero.io/v1',
      kind: 'BackupStorageLocation',
      metadata: { name: 'frozen' },
      spec: {
        provider: 'aws',
        accessMode: 'ReadOnly',
        objectStorage: { bucket: world.env.S3_BUCKET, prefix: world.name },
        credential: { name: 'cloud-credentials', key: 'cloud' },
        config: { region: world.env.S3_REGION, s3Url: world.env.S3_ENDPOINT, s3ForcePathStyle: 'true' },
      },
    };
    await world.kube.create(GVR.backupStorageLocations, world.name, location);
    const { errors } = await rejected(world, { storageLocation: 'frozen' });
    expect(errors).toEqual([
      "backup can't be created because backup storage location frozen is currently in read-only mode",
    ]);
  });

  it('a location that does not let us in, beside its other faults', async () => {
    const { kube, name, env } = world;
    await createCredentials(kube, name, 'wrong', 'wrong');
    try {
      const { errors } = await rejected(world, { ttl: 'x' });
      expect(errors).toHaveLength(2);
      expect(errors[1]).toContain(
        "backup can't be created because BackupStorageLocation default is in Unavailable status. StoreAccessDenied: ",
      );
    } finally {
      await createCredentials(kube, name, env.S3_ACCESS_KEY_ID, env.S3_SECRET_ACCESS_KEY);
    }
  });
});

describe('the defaults', () => {
  const read = (name: string) => world.kube.get<Backup>(GVR.backups, world.name, name);
  const defaults = {
    ttl: '720h0m0s',
    csiSnapshotTimeout: '10m0s',
    itemOperationTimeout: '4h0m0s',
    volumeGroupSnapshotLabelKey: 'velero.io/volume-group',
    defaultVolumesToFsBackup: false,
    snapshotMoveData: true,
    storageLocation: 'default',
    excludedNamespaces: [HIDDEN],
  };

  it('are written back, with when the backup expires and where it came from', async () => {
    const run = await createBackup(world, 'defaults', {});
    await step(world, 'adoptBackup', run);
    const { spec, status, metadata } = await read('defaults');
    expect(spec).toEqual({
      ...defaults,
      includedNamespaces: ['*'],
      excludedClusterScopedResources: ['volumesnapshotcontents.snapshot.storage.k8s.io'],
      excludedNamespaceScopedResources: ['volumesnapshots.snapshot.storage.k8s.io'],
    });
    expect(status).toMatchObject({ phase: 'InProgress', version: 1, formatVersion: '1.1.0' });
    const life = Date.parse(status?.expiration ?? '') - Date.parse(status?.startTimestamp ?? '');
    expect(Math.abs(life - 720 * 3_600_000)).toBeLessThan(5_000);
    expect(metadata.labels).toMatchObject({ 'velero.io/storage-location': 'default' });
    expect(metadata.annotations).toMatchObject({
      'velero.io/resource-timeout': '10m0s',
      'velero.io/source-cluster-k8s-major-version': '1',
    });
    expect(metadata.annotations?.['velero.io/source-cluster-k8s-gitversion']).toMatch(/^v1\./);
  });

  it('are written back also when the backup is refused', async () => {
    const { backup } = await rejected(world, { includedResources: ['pods', '*'], ttl: '1h' });
    expect(backup.spec).toMatchObject({
      ...defaults,
      ttl: '1h',
      excludedResources: [
        'volumesnapshots.snapshot.storage.k8s.io',
        'volumesnapshotcontents.snapshot.storage.k8s.io',
      ],
    });
    expect(backup.status?.expiration).toBeDefined();
    expect(backup.metadata.labels).toMatchObject({ 'velero.io/storage-location': 'default' });
  });

  it('make a spec that is accepted again', async () => {
    const { spec } = await read('defaults');
    expect((await rejected(world, spec)).errors).toEqual([]);
  });
});
