import { afterAll, beforeAll, expect, test } from 'vitest';
import { GVR } from '../../contracts/api/gvr.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { createApplication, fillVolume } from '../support/application.ts';
import { leftovers } from '../support/leftovers.ts';
import { until } from '../support/processes.ts';
import { apply, createWorld, ended, runToEnd } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** One resource, one run: names may be used again, uids never are. */

const APP = 'e2e-identity-app';
let world: World;

beforeAll(async () => {
  // Slow enough that a test can act in the middle of a run.
  world = await createWorld('e2e-identity', { CARAVEL_UPLOAD_LIMIT: '4000000' });
  await createApplication(world, APP, { data: {} });
  await fillVolume(world, APP, 'data', 10, 4_000_000);
  await world.startWorker();
});

afterAll(async () => {
  await world?.stop([APP]);
});

test('a backup deleted and made again during its run: the old run is cancelled, the new one runs', async () => {
  const first = await apply(world, 'Backup', 'again', { includedNamespaces: [APP] });
  await until(async () => (await moverPods()) || undefined, 'the transfer has begun');
  await world.kube.remove(GVR.backups, world.name, 'again');
  const second = await apply(world, 'Backup', 'again', { includedNamespaces: [APP] });
  const backup = await ended(world, 'Backup', 'again');
  expect(backup.metadata.uid).toBe(second.metadata.uid);
  expect(backup.metadata.uid).not.toBe(first.metadata.uid);
  expect(backup.status?.phase).toBe('Completed');
  const stored = JSON.parse((await world.store.get('backups/again/velero-backup.json')).toString('utf8'));
  expect(stored.metadata.uid).toBe(second.metadata.uid);
  expect(await leftovers(world)).toEqual([]);
});

test('a backup whose name is in the bucket already is refused, and what is there stays as it is', async () => {
  const before = await world.store.get('backups/again/velero-backup.json');
  await world.kube.remove(GVR.backups, world.name, 'again');
  const backup = await runToEnd(world, 'Backup', 'again', { includedNamespaces: [APP] });
  expect(backup.status?.phase).toBe('FailedValidation');
  expect(backup.status?.validationErrors?.join()).toContain('BackupExists');
  expect(await world.store.get('backups/again/velero-backup.json')).toEqual(before);
});

test('two doors opened for one name give one run, and both see its end', async () => {
  const input = {
    apiVersion: 'velero.io/v1',
    kind: 'Backup',
    metadata: { name: 'doors', namespace: world.name },
    spec: { includedNamespaces: [APP], snapshotVolumes: false },
  };
  const doors = await Promise.all(
    ['one', 'two'].map((id) =>
      world.temporal.workflow.start('backup', {
        workflowId: `door-${world.name}-${id}`,
        taskQueue: world.name,
        args: [input],
      }),
    ),
  );
  const results = await Promise.all(doors.map((door) => door.result()));
  expect(results[0]).toEqual(results[1]);
  expect(results[0]).toMatchObject({ phase: 'Completed', name: 'doors' });
});

test('deleting a finished backup resource deletes no data', async () => {
  await world.kube.remove(GVR.backups, world.name, 'doors');
  expect(await world.store.head('backups/doors/doors.tar.gz')).toBeDefined();
});

async function moverPods(): Promise<boolean> {
  const labelSelector = 'app.kubernetes.io/component=mover';
  return (await world.kube.list(GVRS.pods, { namespace: world.name, labelSelector })).length > 0;
}
