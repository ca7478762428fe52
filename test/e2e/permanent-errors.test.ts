import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Backup } from '../../contracts/api/backup.ts';
import type { DataUpload } from '../../contracts/api/data-movement.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import type { Restore } from '../../contracts/api/restore.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { CATALOG } from '../../core/errors/catalog.ts';
import type { ErrorCode } from '../../core/errors/catalog.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { createApplication, fillVolume, podRuns } from '../support/application.ts';
import { lab } from '../support/lab-command.ts';
import { leftovers } from '../support/leftovers.ts';
import { until } from '../support/processes.ts';
import {
  deleteSnapshotsIn,
  repositoryPassword,
  setRepositoryPassword,
  snapshotsIn,
} from '../support/repository.ts';
import {
  apply,
  createWorld,
  ended,
  factsOf,
  namespaceObject,
  removeNamespace,
  runToEnd,
  settled,
} from '../support/world.ts';
import type { World, WorkerProcess } from '../support/world.ts';

/**
 * What waiting cannot mend ends a run in seconds, with code, cause and hint wherever somebody may look; what only
 * looks like it is waited out. Either way nothing stays behind.
 */

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const APP = 'e2e-errors-app';
const LARGE = 'e2e-errors-large';
const COPY = 'e2e-errors-copy';
let world: World;
let worker: WorkerProcess;

beforeAll(async () => {
  world = await createWorld('e2e-errors', {
    // Slow enough that a test can act in the middle of a transfer.
    ...{ CARAVEL_UPLOAD_LIMIT: '6000000', CARAVEL_CHECKPOINT_SECONDS: '1' },
  });
  await removeNamespace(world.kube, COPY);
  await createApplication(world, APP, { one: {}, late: { storageClass: 'caravel-csi-wffc' } });
  await createApplication(world, LARGE, { data: {} });
  await fillVolume(world, APP, 'one', 2, 1_000);
  await fillVolume(world, APP, 'late', 2, 1_000);
  await fillVolume(world, LARGE, 'data', 20, 4_000_000);
  worker = await world.startWorker();
  // Its repository is there from now on.
  const backup = await runToEnd(world, 'Backup', 'good', { includedNamespaces: [APP] });
  expect(backup.status).toMatchObject({ phase: 'Completed', backupItemOperationsCompleted: 2 });
});

afterEach(async () => {
  expect(await leftovers(world)).toEqual([]);
});

afterAll(async () => {
  await world?.stop([APP, LARGE, COPY]);
});

async function endsSoon(kind: 'Backup' | 'Restore', name: string, spec: object): Promise<Backup | Restore> {
  const started = Date.now();
  await apply(world, kind, name, spec);
  await settled(world, kind, name);
  expect(Date.now() - started).toBeLessThan(30_000);
  return await ended(world, kind, name);
}

const describeRun = async (kind: 'Backup' | 'Restore', name: string) =>
  (
    await run(process.execPath, ['client/main.ts', kind.toLowerCase(), 'describe', name, '-n', world.name], {
      cwd: ROOT,
      env: { ...process.env, KUBECONFIG: world.env.KUBECONFIG },
    })
  ).stdout;

async function resultsOf(kind: 'Backup' | 'Restore', name: string): Promise<string> {
  const key = kind === 'Backup' ? `backups/${name}/${name}` : `restores/${name}/restore-${name}`;
  return gunzipSync(await world.store.get(`${key}-results.gz`)).toString('utf8');
}

/** Each volume fails with the cause, and code, cause and hint stand wherever somebody may look. */
async function expectVolumesFail(kind: 'Backup' | 'Restore', name: string, code: ErrorCode, cause: RegExp) {
  const spec =
    kind === 'Backup'
      ? { includedNamespaces: [APP] }
      : { backupName: 'good', namespaceMapping: { [APP]: COPY } };
  const { status, metadata } = await endsSoon(kind, name, spec);
  expect(status?.phase).toBe('PartiallyFailed');
  expect(status?.errors).toBeGreaterThanOrEqual(2);
  const places = {
    resource: JSON.stringify(metadata.annotations),
    results: await resultsOf(kind, name),
    description: await describeRun(kind, name),
  };
  for (const [place, text] of Object.entries(places)) {
    expect(text, place).toContain(code);
    expect(text, place).toMatch(cause);
    expect(text, place).toContain(CATALOG[code].hint);
  }
}

describe('a wrong repository password', () => {
  let right: string;
  beforeAll(async () => {
    right = await repositoryPassword(world);
    await setRepositoryPassword(world, 'of-another-cluster');
  });
  afterAll(() => setRepositoryPassword(world, right));

  test('fails the volumes of a backup', () =>
    expectVolumesFail('Backup', 'password', 'RepositoryPassword', /invalid repository password/));

  test('fails the volumes of a restore, whose claims stay empty-handed', async () => {
    await expectVolumesFail('Restore', 'password', 'RepositoryPassword', /invalid repository password/);
    const claims = await world.kube.list<KubeObject & { spec: { volumeName?: string } }>(
      GVRS.persistentvolumeclaims,
      { namespace: COPY },
    );
    expect(claims.map(({ spec }) => spec.volumeName)).toEqual([undefined, undefined]);
    expect(await world.kube.list(GVRS.pods, { namespace: COPY })).toEqual([]);
    await removeNamespace(world.kube, COPY);
  });
});

test('a bucket that does not exist fails the validation', async () => {
  const location = await world.kube.get<KubeObject & { spec: { objectStorage: object } }>(
    GVR.backupStorageLocations,
    world.name,
    'default',
  );
  await world.kube.create(GVR.backupStorageLocations, world.name, {
    apiVersion: location.apiVersion,
    kind: location.kind,
    metadata: { name: 'nowhere' },
    spec: { ...location.spec, default: false, objectStorage: { bucket: 'no-such-bucket' } },
  });
  const spec = { includedNamespaces: [APP], storageLocation: 'nowhere' };
  const { status } = (await endsSoon('Backup', 'bucket', spec)) as Backup;
  await world.kube.remove(GVR.backupStorageLocations, world.name, 'nowhere');
  expect(status?.phase).toBe('FailedValidation');
  const text = await describeRun('Backup', 'bucket');
  for (const part of ['StoreBucketMissing', 'no-such-bucket', CATALOG.StoreBucketMissing.hint]) {
    expect(status?.validationErrors?.join()).toContain(part);
    expect(text).toContain(part);
  }
});

describe('a mover that does not fit', () => {
  afterEach(() => world.kube.remove({ ...GVRS.pods, resource: 'limitranges' }, world.name, 'movers'));

  /** Movers ask for nothing themselves; an administrator may want it otherwise. */
  async function moversRequest(cpu: string): Promise<void> {
    await world.kube.create({ ...GVRS.pods, resource: 'limitranges' }, world.name, {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'movers' },
      spec: { limits: [{ type: 'Container', default: { cpu }, defaultRequest: { cpu } }] },
    });
  }

  test("on any node fails the volume, with the scheduler's words", async () => {
    await moversRequest('1000');
    await expectVolumesFail('Backup', 'too-large', 'MoverUnschedulable', /1 Insufficient cpu/);
  });

  test('for a moment, or whose volume is late, is waited for', async () => {
    const free = await freeCpu();
    const share = (part: number) => `${Math.floor(free * part)}m`;
    await moversRequest(share(0.3));
    await occupyNode(share(0.9));
    // The scheduler says of the pod, for longer than movers have to start, that its volume cannot be bound.
    const fault = { code: 'RESOURCE_EXHAUSTED', message: 'the pool is full' };
    await lab(world, 'fault', 'set', JSON.stringify({ call: 'CreateVolume', error: fault, times: 4 }));
    try {
      const labelSelector = { matchLabels: { app: 'late' } };
      await apply(world, 'Backup', 'crowded', { includedNamespaces: [APP], labelSelector });
      await until(() => someUnschedulable('Insufficient cpu'), 'a mover finds no place');
      await delay(5_000);
      await removeNamespace(world.kube, COPY);
      const backup = await ended(world, 'Backup', 'crowded');
      expect(backup.status).toMatchObject({ phase: 'Completed', backupItemOperationsCompleted: 1 });
      expect(factsOf(backup).volumes[0]?.stagesMs?.['transfer']).toBeGreaterThan(TIMEOUTS.moverStart);
    } finally {
      await lab(world, 'fault', 'clear');
    }
  });

  /** Thousandths that no pod asks for. */
  async function freeCpu(): Promise<number> {
    type Pod = KubeObject & {
      spec: { containers: { resources?: { requests?: { cpu?: string } } }[] };
      status: { phase: string };
    };
    const [node] = await world.kube.list<KubeObject & { status: { allocatable: { cpu: string } } }>(
      GVRS.nodes,
    );
    const pods = await world.kube.list<Pod>(GVRS.pods);
    const requests = pods
      .filter(({ status }) => status.phase === 'Running' || status.phase === 'Pending')
      .flatMap(({ spec }) => spec.containers.map(({ resources }) => resources?.requests?.cpu ?? '0'));
    const millis = (quantity: string) =>
      quantity.endsWith('m') ? Number(quantity.slice(0, -1)) : Number(quantity) * 1_000;
    return millis(node?.status.allocatable.cpu ?? '') - requests.reduce((sum, each) => sum + millis(each), 0);
  }

  async function occupyNode(cpu: string): Promise<void> {
    await world.kube.create(GVRS.namespaces, undefined, namespaceObject(COPY));
    await world.kube.create(GVRS.pods, COPY, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'large' },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            ...{ name: 'main', image: world.env.CARAVEL_IMAGE, imagePullPolicy: 'Never' },
            command: ['sleep', 'infinity'],
            resources: { requests: { cpu } },
          },
        ],
      },
    });
    await podRuns(world, COPY, 'large');
  }

  async function someUnschedulable(words: string): Promise<true | undefined> {
    const pods = await world.kube.list<KubeObject>(GVRS.pods, { namespace: world.name });
    return pods.some((pod) => JSON.stringify(pod['status']).includes(words)) || undefined;
  }
});

test('a mover image that does not exist fails the volume', async () => {
  await worker.stop();
  const image = 'localhost/caravel-no-such-image:1';
  worker = await world.startWorker({ MOVER_IMAGE: image, MOVER_IMAGE_PULL_POLICY: 'IfNotPresent' });
  try {
    await expectVolumesFail('Backup', 'image', 'MoverImagePull', /caravel-no-such-image/);
  } finally {
    await worker.stop();
    worker = await world.startWorker();
  }
});

test('a backup cancelled in the middle of a transfer leaves nothing of itself in the repository', async () => {
  // One file at a time, so that a checkpoint has little to wait for.
  const spec = { includedNamespaces: [LARGE], uploaderConfig: { parallelFilesUpload: 1 } };
  const { metadata } = await apply(world, 'Backup', 'cancelled', spec);
  await until(async () => {
    const found = await snapshotsIn(world, LARGE).catch((error: { code?: string }) => {
      if (error.code !== 'RepositoryMissing') throw error;
      return [];
    });
    return found.some(({ incomplete }) => incomplete === 'checkpoint') || undefined;
  }, 'a checkpoint is in the repository');
  const id = `backup/${world.name}/${world.name}/cancelled`;
  await world.temporal.workflow.getHandle(id).cancel();
  const backup = await ended(world, 'Backup', 'cancelled', 90_000);
  expect(backup.status).toMatchObject({
    phase: 'Failed',
    failureReason: expect.stringMatching(/^Canceled:/),
  });
  // Kopia's own checkpoints carry no name of a run and no pin: they go when the next backup of the claim is whole.
  const left = await snapshotsIn(world, LARGE);
  expect(left.filter(({ incomplete, tags }) => incomplete !== 'checkpoint' || tags)).toEqual([]);
  const [upload] = await world.kube.list<DataUpload>(GVR.dataUploads, {
    namespace: world.name,
    labelSelector: `velero.io/backup-uid=${metadata.uid}`,
  });
  expect(upload?.status?.phase).toBe('Canceled');
});

describe('a restore whose data is gone from the bucket', () => {
  const spec = { backupName: 'good', namespaceMapping: { [APP]: COPY } };
  afterEach(() => removeNamespace(world.kube, COPY));

  test('fails the volume whose snapshot is missing, and no other', async () => {
    const whole = await snapshotsIn(world, APP);
    const lost = whole.filter(({ source }) => source.path.endsWith('/one'));
    await deleteSnapshotsIn(world, APP, lost);
    const { status, metadata } = await endsSoon('Restore', 'no-snapshot', spec);
    expect(status).toMatchObject({ phase: 'PartiallyFailed' });
    const facts = JSON.stringify(metadata.annotations);
    expect(facts).toContain('SnapshotMissing');
    expect(await resultsOf('Restore', 'no-snapshot')).toContain(CATALOG.SnapshotMissing.hint);
    const claims = await world.kube.list<KubeObject & { status?: { phase?: string } }>(
      GVRS.persistentvolumeclaims,
      { namespace: COPY },
    );
    const phases = claims.map((claim) => [claim.metadata.name, claim.status?.phase]);
    expect(Object.fromEntries(phases)).toEqual({ one: 'Pending', late: 'Bound' });
  });

  test('fails as a whole when the objects are missing', async () => {
    await world.store.remove(['backups/good/good.tar.gz']);
    const { status } = await endsSoon('Restore', 'no-objects', spec);
    expect(status?.phase).toBe('Failed');
    for (const part of ['StoreNotFound', 'good.tar.gz', CATALOG.StoreNotFound.hint])
      expect(status?.failureReason).toContain(part);
  });
});
