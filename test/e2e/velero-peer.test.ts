import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GVR } from '../../contracts/api/gvr.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import { createApplication, describeVolume, fillVolume, podRuns } from '../support/application.ts';
import {
  createBackup,
  createRestore,
  hasVelero,
  logOf,
  startVelero,
  waitBackup,
  waitRestore,
} from '../support/velero.ts';
import type { Velero } from '../support/velero.ts';
import { apply, createWorld, ended, removeNamespace } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** Stock Velero and Caravel in one cluster, on the definitions of Caravel. Needs `lab up --with velero`. */

const APP = 'e2e-peer-app';
const COPY = 'e2e-peer-copy';
let world: World;
let velero: Velero;

/** Whoever wrote the status of a run. */
const writers = ({ metadata }: Backup): string[] =>
  (metadata['managedFields'] as { manager: string; fieldsV1: object }[])
    .filter(({ fieldsV1 }) => 'f:status' in fieldsV1)
    .map(({ manager }) => manager);

describe.skipIf(!hasVelero())('stock Velero beside Caravel', () => {
  beforeAll(async () => {
    world = await createWorld('e2e-peer');
    await removeNamespace(world.kube, COPY);
    velero = await startVelero(world, { namespace: 'e2e-peer-velero' });
    await createApplication(world, APP, { files: {} });
    await fillVolume(world, APP, 'files', 10, 5_000_000);
  });

  afterAll(async () => {
    await velero?.stop();
    await world?.stop([APP, COPY]);
  });

  test('moves the data of a volume into its bucket and back into another namespace', async () => {
    const before = await describeVolume(world, APP, 'files');
    await createBackup(velero, 'trip', { includedNamespaces: [APP], snapshotMoveData: true });
    const backup = await waitBackup(velero, 'trip');
    expect(backup.status).toMatchObject({ phase: 'Completed', backupItemOperationsCompleted: 1 });
    await createRestore(velero, 'trip', { backupName: 'trip', namespaceMapping: { [APP]: COPY } });
    const restore = await waitRestore(velero, 'trip');
    expect(restore.status).toMatchObject({ phase: 'Completed', restoreItemOperationsCompleted: 1 });
    await podRuns(world, COPY, 'files');
    expect(await describeVolume(world, COPY, 'files')).toEqual(before);
  });

  test('neither touches the resources of the other', async () => {
    await apply(world, 'Backup', 'ours', { includedNamespaces: [APP] });
    await createBackup(velero, 'theirs', { includedNamespaces: [APP], snapshotVolumes: false });
    expect((await waitBackup(velero, 'theirs')).status?.phase).toBe('Completed');
    expect((await world.kube.get<Backup>(GVR.backups, world.name, 'ours')).status).toBeUndefined();
    await world.startWorker();
    const ours = (await ended(world, 'Backup', 'ours')) as Backup;
    expect(ours.status).toMatchObject({ phase: 'Completed', backupItemOperationsCompleted: 1 });
    const theirs = await world.kube.get<Backup>(GVR.backups, velero.namespace, 'theirs');
    expect(writers(theirs)).toEqual(['velero-server']);
    expect(writers(ours)).not.toContain('velero-server');
  });

  test('no field that it wrote was dropped by the definitions', async () => {
    const log = await logOf(velero);
    expect(log.length).toBeGreaterThan(100);
    expect(log.filter((line) => /unknown field/i.test(line))).toEqual([]);
  });
});
