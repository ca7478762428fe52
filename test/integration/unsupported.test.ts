import { afterAll, beforeAll, expect, test } from 'vitest';
import { adoptBackup } from '../../activities/backup/adopt.ts';
import { adoptRestore } from '../../activities/restore/adopt.ts';
import type { Deps } from '../../activities/support/deps.ts';
import type { Backup, BackupSpec } from '../../contracts/api/backup.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import type { RunRef } from '../../contracts/run.ts';
import { depsOf } from '../support/deps.ts';
import { createRestore } from '../support/restore-run.ts';
import { createWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** What Velero can do and Caravel cannot: docs/reference/support.md has a line and a code for each. */

let world: World;
let deps: Deps;

beforeAll(async () => {
  world = await createWorld('unsupported-control');
  deps = depsOf(world).deps;
  for (const [name, spec] of Object.entries({
    azure: { provider: 'azure', config: { resourceGroup: 'rg', storageAccount: 'sa' } },
    gcp: { provider: 'velero.io/gcp' },
    ssec: { provider: 'aws', config: { customerKeyEncryptionFile: '/credentials/key' } },
  })) {
    await world.kube.create(GVR.backupStorageLocations, world.name, {
      apiVersion: 'velero.io/v1',
      kind: 'BackupStorageLocation',
      metadata: { name, namespace: world.name },
      spec: { objectStorage: { bucket: 'backups' }, ...spec },
    });
  }
});

afterAll(async () => {
  await world.stop();
});

async function adopted(name: string, spec: BackupSpec) {
  const { metadata } = await world.kube.create<Backup>(GVR.backups, world.name, {
    apiVersion: 'velero.io/v1',
    kind: 'Backup',
    metadata: { name, namespace: world.name },
    spec,
  });
  const run: RunRef = {
    type: 'backup',
    cluster: world.name,
    namespace: world.name,
    name,
    uid: metadata.uid ?? '',
  };
  const state = await adoptBackup(deps, run);
  const { status } = await world.kube.get<Backup>(GVR.backups, world.name, name);
  return { state: state.state, phase: status?.phase, errors: status?.validationErrors ?? [] };
}

test.each<[string, BackupSpec, RegExp]>([
  [
    'azure',
    { storageLocation: 'azure' },
    /ProviderNotSupported: .*spec\.provider: provider "azure" cannot be used/,
  ],
  ['gcp', { storageLocation: 'gcp' }, /ProviderNotSupported: .*spec\.provider: provider "velero\.io\/gcp"/],
  ['customer-keys', { storageLocation: 'ssec' }, /NotSupported: .*customerKeyEncryptionFile/],
  [
    'snapshotter',
    { volumeSnapshotLocations: ['aws'] },
    /^NativeSnapshotNotSupported: spec\.volumeSnapshotLocations: /,
  ],
  ['mover', { datamover: 'vendor' }, /^PluginNotSupported: spec\.datamover: "vendor" is a plugin/],
])('a backup that needs it is refused with its code: %s', async (name, spec, message) => {
  expect(await adopted(name, spec)).toEqual({
    state: 'rejected',
    phase: 'FailedValidation',
    errors: [expect.stringMatching(message)],
  });
});

test('a backup kept in Azure cannot be restored either, and the restore says so', async () => {
  await world.kube.create(GVR.backups, world.name, {
    apiVersion: 'velero.io/v1',
    kind: 'Backup',
    metadata: { name: 'abroad', namespace: world.name },
    spec: { storageLocation: 'azure' },
    status: { phase: 'Completed' },
  });
  const run = await createRestore(world, 'back', { backupName: 'abroad' });
  expect(await adoptRestore(deps, run)).toEqual({
    state: 'rejected',
    errors: [expect.stringContaining('ProviderNotSupported')],
  });
});
