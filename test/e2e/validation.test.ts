import { afterAll, beforeAll, expect, test } from 'vitest';
import { GVRS } from '../../platform/kube/gvr.ts';
import { leftovers } from '../support/leftovers.ts';
import {
  createCredentials,
  createWorld,
  factsOf,
  namespaceObject,
  removeNamespace,
  runToEnd,
} from '../support/world.ts';
import type { World } from '../support/world.ts';

let world: World;
const APP = 'e2e-validation-app';

beforeAll(async () => {
  world = await createWorld('e2e-validation');
  await removeNamespace(world.kube, APP);
  await world.kube.create(GVRS.namespaces, undefined, namespaceObject(APP));
  await world.kube.create(GVRS.configmaps, APP, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'one' },
  });
  await world.startWorker();
});

afterAll(async () => {
  await world?.stop([APP]);
});

test('a backup with several faults names all of them at once and changes nothing', async () => {
  const backup = await runToEnd(world, 'Backup', 'faulty', {
    includedNamespaces: ['good', 'Bad_Name', 'a**b'],
    labelSelector: { matchExpressions: [{ key: 'app', operator: 'Near', values: ['x'] }] },
    orLabelSelectors: [{ matchLabels: { app: 'web' } }],
    storageLocation: 'nowhere',
  });
  expect(backup.status?.phase).toBe('FailedValidation');
  const errors = backup.status?.validationErrors?.join('\n') ?? '';
  expect(errors).toContain('Bad_Name');
  expect(errors).toContain('consecutive asterisks');
  expect(errors).toContain('"Near" is not a valid label selector operator');
  expect(errors).toContain('labelSelector as well as orLabelSelectors');
  expect(errors).toContain('"nowhere" does not exist');
  expect(await leftovers(world)).toEqual([]);
});

test('a field that cannot be carried out is an error, never passed over', async () => {
  const backup = await runToEnd(world, 'Backup', 'unsupported', { volumeSnapshotLocations: ['aws'] });
  expect(backup.status?.phase).toBe('FailedValidation');
  expect(backup.status?.validationErrors?.join()).toContain('spec.volumeSnapshotLocations');
});

test('an included namespace that does not exist is an error in the results, the rest is kept', async () => {
  const backup = await runToEnd(world, 'Backup', 'half', { includedNamespaces: [APP, 'does-not-exist'] });
  expect(backup.status).toMatchObject({ phase: 'PartiallyFailed', errors: 1 });
  expect(await world.store.head('backups/half/velero-backup.json')).toBeDefined();
  expect(factsOf(backup).stagesMs).toHaveProperty('assemble');
});

test('a restore of a backup that does not exist says so, together with its other faults', async () => {
  const restore = await runToEnd(world, 'Restore', 'no-backup', {
    backupName: 'never-made',
    labelSelector: { matchLabels: { 'not a key': 'x' } },
    orLabelSelectors: [{ matchLabels: { app: 'web' } }],
  });
  expect(restore.status?.phase).toBe('FailedValidation');
  const errors = restore.status?.validationErrors?.join('\n') ?? '';
  expect(errors).toContain('never-made');
  expect(errors).toContain('not a key');
  expect(errors).toContain('labelSelector as well as orLabelSelectors');
});

test('a wrong key of the object store ends the backup within 30 seconds with the cause in its status', async () => {
  await createCredentials(world.kube, world.name, 'wrong', 'wrong');
  try {
    const started = Date.now();
    const backup = await runToEnd(world, 'Backup', 'wrong-key', { includedNamespaces: [APP] }, 30_000);
    expect(backup.status?.phase).toMatch(/^Failed/);
    expect(`${backup.status?.failureReason} ${backup.status?.validationErrors?.join()}`).toContain(
      'StoreAccessDenied',
    );
    expect(Date.now() - started).toBeLessThan(30_000);
  } finally {
    await createCredentials(
      world.kube,
      world.name,
      world.env.S3_ACCESS_KEY_ID,
      world.env.S3_SECRET_ACCESS_KEY,
    );
  }
});
