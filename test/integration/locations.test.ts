import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkLocation } from '../../activities/engine/check-location.ts';
import { watchLocations } from '../../activities/engine/watch-locations.ts';
import type { Deps } from '../../activities/support/deps.ts';
import { showRepository } from '../../activities/volume/backup-repository.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import type { BackupStorageLocation } from '../../contracts/api/location.ts';
import type { BackupRepository } from '../../contracts/api/repository.ts';
import { depsOf } from '../support/deps.ts';
import { until } from '../support/processes.ts';
import { createCredentials, createWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** What users see of locations and repositories, against a real API server, store and Temporal. */

let world: World;
let deps: Deps;

beforeAll(async () => {
  world = await createWorld('locations-control');
  deps = depsOf(world).deps;
});

afterAll(async () => {
  await world.store.remove(['photos/cat.jpg', 'stray.txt']);
  await world.stop();
});

const read = (name = 'default') =>
  world.kube.get<BackupStorageLocation>(GVR.backupStorageLocations, world.name, name);

const change = (spec: object, name = 'default') =>
  world.kube.patch(GVR.backupStorageLocations, world.name, name, { spec });

async function create(name: string, spec: object = {}): Promise<void> {
  const { apiVersion, kind, spec: like } = await read();
  const metadata = { name, namespace: world.name };
  await world.kube.create(GVR.backupStorageLocations, world.name, {
    apiVersion,
    kind,
    metadata,
    spec: { ...like, default: false, ...spec },
  });
}

async function checked(location = 'default', changed = false): Promise<BackupStorageLocation['status']> {
  await checkLocation(deps, { namespace: world.name, location, changed });
  return (await read(location)).status;
}

test('a location that answers is Available, and says when it was tested', async () => {
  await world.store.put('stray.txt', 'loose objects are nobody’s business');
  const status = await checked();
  expect(status).toEqual({ phase: 'Available', lastValidationTime: expect.any(String) });
  expect(Date.now() - Date.parse(status?.lastValidationTime ?? '')).toBeLessThan(10_000);
});

test('wrong keys make it Unavailable with the cause, right ones Available again', async () => {
  await createCredentials(world.kube, world.name, 'wrong', 'wrong');
  const wrong = await checked();
  expect(wrong?.phase).toBe('Unavailable');
  expect(wrong?.message).toMatch(/^BackupStorageLocation "default" is unavailable: StoreAccessDenied: /);
  const { S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } = world.env;
  await createCredentials(world.kube, world.name, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY);
  expect(await checked()).toEqual({ phase: 'Available', lastValidationTime: expect.any(String) });
});

test.each<[string, object, RegExp]>([
  ['azure', { provider: 'azure' }, /ProviderNotSupported: .*provider "azure" cannot be used/],
  ['gcp', { provider: 'velero.io/gcp' }, /ProviderNotSupported: .*provider "velero\.io\/gcp"/],
  ['bucket', { objectStorage: { bucket: 'there-is-none' } }, /StoreBucketMissing: /],
  ['secret', { credential: { name: 'nowhere', key: 'cloud' } }, /Secret .*nowhere does not exist/],
  ['closed', { config: { s3Url: 'http://127.0.0.1:1', region: 'x' } }, /StoreUnavailable: /],
])('a location that cannot be used says why: %s', async (name, spec, message) => {
  await create(name, spec);
  const status = await checked(name);
  expect(status).toMatchObject({ phase: 'Unavailable', message: expect.stringMatching(message) });
  await world.kube.remove(GVR.backupStorageLocations, world.name, name);
});

test('a folder of somebody else makes it Unavailable, in the words of Velero', async () => {
  await world.store.put('photos/cat.jpg', 'meow');
  const status = await checked();
  expect(status?.message).toBe(
    'BackupStorageLocation "default" is unavailable: StoreForeign: Backup store contains invalid top-level directories: [photos]',
  );
  await world.store.remove(['photos/cat.jpg']);
  expect((await checked())?.phase).toBe('Available');
});

test('of several default locations the newest stays the default', async () => {
  await create('newer', { default: true });
  // Creation times have whole seconds.
  await delay(1_100);
  await create('newest', { default: true });
  await checked('newer');
  const marks = await Promise.all(
    ['default', 'newer', 'newest'].map(async (name) => (await read(name)).spec.default),
  );
  expect(marks).toEqual([false, false, true]);
});

test('without a default location the one of that name becomes it, unless its owner said no', async () => {
  for (const name of ['newer', 'newest'])
    await world.kube.remove(GVR.backupStorageLocations, world.name, name);
  await change({ default: false });
  await checked();
  expect((await read()).spec.default).toBe(false);
  await change({ default: null });
  await checked();
  expect((await read()).spec.default).toBe(true);
});

test('a location that was deleted is no error, and its repositories are not ready any more', async () => {
  const at = { controlNamespace: world.name, location: 'brief', namespace: 'shop' };
  await showRepository(deps, at, { phase: 'Ready' });
  expect(await checkLocation(deps, { namespace: world.name, location: 'brief' })).toEqual({ phase: 'Gone' });
  expect((await repository('brief')).status).toEqual({
    phase: 'NotReady',
    message: 'BackupStorageLocation "brief" does not exist',
  });
});

async function repository(location: string): Promise<BackupRepository> {
  const labelSelector = `velero.io/storage-location=${location},velero.io/volume-namespace=shop`;
  const found = await world.kube.list<BackupRepository>(GVR.backupRepositories, {
    namespace: world.name,
    labelSelector,
  });
  expect(found).toHaveLength(1);
  return found[0]!;
}

const AT = { location: 'default', namespace: 'shop' };

test('a repository is shown under the name and labels of Velero, and once', async () => {
  const at = { ...AT, controlNamespace: world.name };
  await showRepository(deps, at, { phase: 'Ready' });
  await showRepository(deps, at, { phase: 'Ready' });
  const { metadata, spec, status } = await repository('default');
  expect(metadata.name).toBe('shop-default-kopia');
  expect(metadata.labels).toEqual({
    'velero.io/volume-namespace': 'shop',
    'velero.io/storage-location': 'default',
    'velero.io/repository-type': 'kopia',
  });
  expect(spec).toEqual({
    volumeNamespace: 'shop',
    backupStorageLocation: 'default',
    repositoryType: 'kopia',
    maintenanceFrequency: '1h0m0s',
  });
  expect(status).toEqual({ phase: 'Ready' });
});

test('one that Velero made under another name is used, not doubled', async () => {
  const at = { controlNamespace: world.name, location: 'old', namespace: 'shop' };
  await showRepository(deps, at, { phase: 'Ready' });
  const made = await repository('old');
  await world.kube.remove(GVR.backupRepositories, world.name, made.metadata.name);
  const metadata = { name: 'shop-old-kopia-x7k2p', namespace: world.name, labels: made.metadata.labels };
  await world.kube.create(GVR.backupRepositories, world.name, {
    ...made,
    metadata,
    status: { phase: 'New' },
  });
  await showRepository(deps, at, { phase: 'NotReady', message: 'wrong password' });
  const found = await repository('old');
  expect(found.metadata.name).toBe('shop-old-kopia-x7k2p');
  expect(found.status).toEqual({ phase: 'NotReady', message: 'wrong password' });
});

test('a repository is as ready as its location; what a run found out stays', async () => {
  await world.store.put('kopia/shop/kopia.repository', 'x');
  await world.store.put('kopia/shop/udmrepo.Repository', '{}');
  await change({ config: { s3Url: 'http://127.0.0.1:1' } });
  await checked();
  expect((await repository('default')).status).toMatchObject({
    phase: 'NotReady',
    message: expect.stringContaining('is unavailable'),
  });
  await change({ config: { s3Url: world.env.S3_ENDPOINT } });
  await checked();
  expect((await repository('default')).status).toEqual({ phase: 'Ready' });
  const at = { ...AT, controlNamespace: world.name };
  await showRepository(deps, at, { phase: 'NotReady', message: 'RepositoryPassword: wrong' });
  await checked('default', true);
  expect((await repository('default')).status?.message).toBe('RepositoryPassword: wrong');
});

test('a location that was pointed elsewhere has repositories that are not there', async () => {
  await showRepository(deps, { ...AT, controlNamespace: world.name }, { phase: 'Ready' });
  await change({ objectStorage: { prefix: 'locations-elsewhere' } });
  await checked('default', true);
  expect((await repository('default')).status).toMatchObject({ phase: 'NotReady' });
  await change({ objectStorage: { prefix: world.name } });
  await checked();
  expect((await repository('default')).status).toEqual({ phase: 'Ready' });
});

const scheduleId = () => `checkLocation/${world.name}/${world.name}/default`;
const interval = async () => {
  try {
    const { spec } = await world.temporal.schedule.getHandle(scheduleId()).describe();
    return Number(spec.intervals?.[0]?.every);
  } catch {
    return undefined;
  }
};

test('the test of a location is begun at once and repeated as its frequency says', async () => {
  const over = new AbortController();
  const watching = watchLocations(deps, world.name, over.signal);
  try {
    expect(await until(interval, 'the Schedule is there')).toBe(60_000);
    const begun = async () => {
      const { type, status } = await world.temporal.workflow.getHandle(scheduleId()).describe();
      return { type, status: status.name };
    };
    expect(await until(() => begun().catch(() => undefined), 'the first test')).toEqual({
      type: 'checkLocation',
      status: 'RUNNING',
    });
    await change({ validationFrequency: '5m' });
    await until(async () => (await interval()) === 300_000 || undefined, 'the new interval');
    await change({ validationFrequency: '0s' });
    await until(async () => (await interval()) === undefined || undefined, 'no Schedule any more');
    await change({ validationFrequency: null });
    await until(async () => (await interval()) === 60_000 || undefined, 'the usual interval');
  } finally {
    over.abort();
    await watching;
    await world.temporal.schedule.getHandle(scheduleId()).delete();
  }
});
