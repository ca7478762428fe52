import { gunzipSync } from 'node:zlib';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { watchRequests } from '../../activities/requests/watch.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import type { DownloadRequest, DownloadTarget, ServerStatusRequest } from '../../contracts/api/requests.ts';
import { backupKeys, restoreKeys } from '../../core/format/keys.ts';
import { putGzip } from '../../platform/store/gzip-file.ts';
import { depsOf } from '../support/deps.ts';
import { until } from '../support/processes.ts';
import { createWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** The requests of command lines, answered by the controller's watch against a real API server and store. */

let world: World;
let lines: string[];
const over = new AbortController();
let watching: Promise<void>;

beforeAll(async () => {
  world = await createWorld('requests-control');
  const made = depsOf(world);
  lines = made.lines;
  await backup('shop', { storageLocation: 'default' });
  await putGzip(world.store, backupKeys('shop').logs, 'what happened\n');
  await putGzip(world.store, backupKeys('other').logs, 'of somebody else\n');
  // Before the watch begins: a request that nobody took away when it was over.
  await request('old', 'BackupLog', 'shop', { phase: 'Processed', expiration: '2026-01-01T00:00:00Z' });
  watching = watchRequests(made.deps, world.name, over.signal);
});

afterAll(async () => {
  over.abort();
  await watching;
  await world.stop();
});

const backup = (name: string, spec: Backup['spec'], status: Backup['status'] = { phase: 'Completed' }) =>
  world.kube.create(GVR.backups, world.name, {
    apiVersion: 'velero.io/v1',
    kind: 'Backup',
    metadata: { name, namespace: world.name },
    spec,
    status,
  });

const request = (name: string, kind: DownloadTarget, target: string, status: object = {}) =>
  world.kube.create(GVR.downloadRequests, world.name, {
    apiVersion: 'velero.io/v1',
    kind: 'DownloadRequest',
    metadata: { name, namespace: world.name },
    spec: { target: { kind, name: target } },
    status,
  });

const read = (name: string) => world.kube.find<DownloadRequest>(GVR.downloadRequests, world.name, name);

/** The status once it says something, as the velero CLI polls for it. */
async function answered(name: string): Promise<DownloadRequest['status'] & object> {
  for (;;) {
    const status = (await read(name))?.status;
    if (status?.expiration !== undefined) return status;
    await delay(25);
  }
}

async function ask(name: string, kind: DownloadTarget, target: string) {
  await request(name, kind, target);
  return await answered(name);
}

test('a link to the log of a backup is there at once, works for ten minutes, and gives the log', async () => {
  await ask('warm', 'BackupLog', 'shop');
  const begun = Date.now();
  const status = await ask('first', 'BackupLog', 'shop');
  // About 30 ms on a machine of its own.
  expect(Date.now() - begun).toBeLessThan(300);
  expect(status.phase).toBe('Processed');
  const left = Date.parse(status.expiration ?? '') - Date.now();
  expect(left).toBeGreaterThan(9.5 * 60_000);
  expect(left).toBeLessThanOrEqual(10 * 60_000);
  expect(new URL(status.downloadURL ?? '').searchParams.get('X-Amz-Expires')).toBe('600');
  const answer = await fetch(status.downloadURL ?? '');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-encoding')).toBeNull();
  expect(gunzipSync(Buffer.from(await answer.arrayBuffer())).toString()).toBe('what happened\n');
});

test('a link opens one object and nothing else', async () => {
  const { downloadURL = '' } = await ask('narrow', 'BackupLog', 'shop');
  expect(downloadURL).not.toContain(world.env.S3_SECRET_ACCESS_KEY);
  const elsewhere = downloadURL.replaceAll('shop', 'other');
  expect(elsewhere).not.toBe(downloadURL);
  expect((await fetch(elsewhere)).status).toBe(403);
  expect((await fetch(downloadURL, { method: 'DELETE' })).status).toBe(403);
});

test('a file that does not exist has a link as well, which answers 404', async () => {
  const { phase, downloadURL = '' } = await ask('none', 'CSIBackupVolumeSnapshots', 'shop');
  expect(phase).toBe('Processed');
  expect((await fetch(downloadURL)).status).toBe(404);
});

test('a backup that was refused names no location: its link is in the default one', async () => {
  await backup('refused', {}, { phase: 'FailedValidation' });
  const { downloadURL = '' } = await ask('refused', 'BackupVolumeInfos', 'refused');
  expect((await fetch(downloadURL)).status).toBe(404);
});

test.each([
  ['a backup that does not exist', 'other'],
  ['a path instead of a name', '../other'],
  ['a name with a slash', 'shop/../../other'],
  ['an empty name', ''],
])('%s gets no link, and the log says why', async (_what, target) => {
  const name = `bad-${target.length}`;
  const status = await ask(name, 'BackupLog', target);
  expect(status).toEqual({ expiration: expect.any(String) });
  expect(lines.filter((line) => line.includes(name)).join()).toMatch(/does not exist|is not a name/);
});

test('a backup whose location is gone or cannot be used gets no link', async () => {
  await backup('lost', { storageLocation: 'gone' });
  expect(await ask('lost', 'BackupLog', 'lost')).toEqual({ expiration: expect.any(String) });
});

test('the files of a restore are where its backup is, with or without the backup as a resource', async () => {
  await world.store.put(
    backupKeys('stored').metadata,
    JSON.stringify({
      kind: 'Backup',
      apiVersion: 'velero.io/v1',
      metadata: { name: 'stored' },
      spec: {},
      status: { phase: 'Completed' },
    }),
  );
  for (const backupName of ['shop', 'stored']) {
    await world.kube.create(GVR.restores, world.name, {
      apiVersion: 'velero.io/v1',
      kind: 'Restore',
      metadata: { name: `back-${backupName}`, namespace: world.name },
      spec: { backupName },
      status: { phase: 'Completed' },
    });
    await putGzip(world.store, restoreKeys(`back-${backupName}`).volumeInfo, '[]\n');
    const { downloadURL = '' } = await ask(`of-${backupName}`, 'RestoreVolumeInfo', `back-${backupName}`);
    expect((await fetch(downloadURL)).status).toBe(200);
  }
});

test('the link has the address by which users reach the store', async () => {
  const location = await world.kube.get<{ spec: object }>(GVR.backupStorageLocations, world.name, 'default');
  const { config } = location.spec as { config: Record<string, string> };
  await world.kube.create(GVR.backupStorageLocations, world.name, {
    apiVersion: 'velero.io/v1',
    kind: 'BackupStorageLocation',
    metadata: { name: 'public', namespace: world.name },
    spec: { ...location.spec, default: false, config: { ...config, publicUrl: 'https://files.example.org' } },
  });
  await backup('abroad', { storageLocation: 'public' });
  const { downloadURL = '' } = await ask('abroad', 'BackupLog', 'abroad');
  expect(new URL(downloadURL).origin).toBe('https://files.example.org');
});

test('a hundred requests at once are answered', async () => {
  const names = Array.from({ length: 100 }, (_, at) => `many-${at}`);
  const statuses = await Promise.all(names.map((name) => ask(name, 'BackupResults', 'shop')));
  expect(statuses.every(({ phase }) => phase === 'Processed')).toBe(true);
});

test('a request that is over is taken away, one that is not stays', async () => {
  await until(async () => (await read('old')) === undefined || undefined, 'the old request is gone');
  expect(await read('first')).toBeDefined();
});

test('asked for its version, the server says what it is and what it has built in', async () => {
  const begun = Date.now();
  const { metadata } = await world.kube.create<ServerStatusRequest>(GVR.serverStatusRequests, world.name, {
    apiVersion: 'velero.io/v1',
    kind: 'ServerStatusRequest',
    metadata: { generateName: 'velero-cli-', namespace: world.name },
    spec: {},
  });
  const status = await until(async () => {
    const found = await world.kube.get<ServerStatusRequest>(
      GVR.serverStatusRequests,
      world.name,
      metadata.name,
    );
    return found.status?.phase === 'Processed' ? found.status : undefined;
  }, 'the server answers');
  expect(Date.now() - begun).toBeLessThan(1_000);
  expect(status.serverVersion).toMatch(/^v1\.18\.\d+\+caravel\.\d+\.\d+\.\d+$/);
  expect(status.plugins).toContainEqual({ name: 'velero.io/aws', kind: 'ObjectStore' });
  expect(Date.parse(status.processedTimestamp ?? '')).toBeGreaterThan(begun - 2_000);
});
