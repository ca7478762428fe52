import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { createApplication, describeVolume, inPod, makeVolumeTree, podRuns } from '../support/application.ts';
import { leftovers } from '../support/leftovers.ts';
import { createWorld, factsOf, removeNamespace, runToEnd } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** Invariant 1: what comes back is what was there, in the same namespace and in another one. */

const APP = 'e2e-trip-app';
const COPY = 'e2e-trip-copy';
let world: World;
let before: string[];
let blockSum: string;

beforeAll(async () => {
  world = await createWorld('e2e-trip');
  await removeNamespace(world.kube, COPY);
  await createApplication(world, APP, {
    files: {},
    late: { storageClass: 'caravel-csi-wffc' },
    disk: { block: true, size: '64Mi' },
  });
  await makeVolumeTree(world, APP, 'files');
  await makeVolumeTree(world, APP, 'late');
  await inPod(world, APP, 'disk', [
    'sh',
    '-c',
    'head -c 20000000 /dev/urandom | dd of=/data bs=1M seek=7 conv=notrunc,fsync',
  ]);
  blockSum = await diskSum(APP);
  before = await describeVolume(world, APP, 'files');
  await createObjects();
  await world.startWorker();
  const backup = await runToEnd(world, 'Backup', 'trip', { includedNamespaces: [APP] });
  expect(backup.status).toMatchObject({ phase: 'Completed', backupItemOperationsCompleted: 3 });
});

afterAll(async () => {
  await world?.stop([APP, COPY]);
});

const diskSum = async (namespace: string) =>
  (await inPod(world, namespace, 'disk', ['sha256sum', '/data'])).split(' ')[0] ?? '';

async function createObjects(): Promise<void> {
  const { kube } = world;
  await kube.create(GVRS.configmaps, APP, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings' },
    data: { colour: 'blue' },
  });
  await kube.create(GVRS.secrets, APP, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'password' },
    stringData: { word: 's3cret' },
  });
  await kube.create(GVRS.services, APP, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { selector: { app: 'files' }, ports: [{ port: 80, targetPort: 8080 }] },
  });
}

async function check(namespace: string): Promise<void> {
  for (const pod of ['files', 'late', 'disk']) await podRuns(world, namespace, pod);
  expect(await describeVolume(world, namespace, 'files')).toEqual(before);
  // Folders of the two volumes were made by the same recipe; only random content and times differ.
  expect((await describeVolume(world, namespace, 'late')).length).toBe(before.length);
  expect(await diskSum(namespace)).toBe(blockSum);
  const settings = await world.kube.get<KubeObject & { data: object }>(
    GVRS.configmaps,
    namespace,
    'settings',
  );
  expect(settings.data).toEqual({ colour: 'blue' });
  const secret = await world.kube.get<{ data: { word: string } }>(GVRS.secrets, namespace, 'password');
  expect(Buffer.from(secret.data.word, 'base64').toString()).toBe('s3cret');
  expect(await world.kube.find(GVRS.services, namespace, 'web')).toBeDefined();
}

describe('a deleted application comes back byte-identical, file system and block volumes,', () => {
  test('into another namespace', async () => {
    const restore = await runToEnd(world, 'Restore', 'to-copy', {
      backupName: 'trip',
      namespaceMapping: { [APP]: COPY },
    });
    expect(restore.status).toMatchObject({ phase: 'Completed' });
    await check(COPY);
    expect(await leftovers(world)).toEqual([]);
    expect(factsOf(restore).stagesMs).toHaveProperty('recoverVolumes');
  });

  test('into the same namespace after its deletion', async () => {
    await removeNamespace(world.kube, APP);
    const restore = await runToEnd(world, 'Restore', 'to-same', { backupName: 'trip' });
    expect(restore.status).toMatchObject({ phase: 'Completed' });
    await check(APP);
    expect(await leftovers(world)).toEqual([]);
  });
});

test('restored volumes keep their own reclaim policy and carry no mark of ours', async () => {
  const claim = await world.kube.get<{ spec: { volumeName: string } }>(
    GVRS.persistentvolumeclaims,
    COPY,
    'files',
  );
  const volume = await world.kube.get<KubeObject & { spec: { persistentVolumeReclaimPolicy: string } }>(
    GVRS.persistentvolumes,
    undefined,
    claim.spec.volumeName,
  );
  expect(volume.spec.persistentVolumeReclaimPolicy).toBe('Delete');
  expect(
    JSON.stringify(volume.metadata.labels ?? {}) + JSON.stringify(volume.metadata.annotations ?? {}),
  ).not.toMatch(/caravel\.dev\/(run|volume|workflow|reclaim)/);
});

test('a restore onto what is there already touches neither its objects nor its data', async () => {
  const restore = await runToEnd(world, 'Restore', 'once-more', {
    backupName: 'trip',
    namespaceMapping: { [APP]: COPY },
  });
  expect(restore.status?.phase).toMatch(/Completed|PartiallyFailed/);
  expect(restore.status?.errors ?? 0).toBe(0);
  await check(COPY);
  expect(await leftovers(world)).toEqual([]);
});
