import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gunzipSync } from 'node:zlib';
import type { DocRef } from '../../contracts/run.ts';
import { restoreKeys } from '../../core/format/keys.ts';
import { movedVolume, skippedVolume } from '../../core/format/volume-info.ts';
import { parseResults } from '../../core/format/results.ts';
import type { RestorePlan, VolumeOutcome } from '../../core/model.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { getDoc, putDoc } from '../../platform/store/documents.ts';
import {
  applied,
  createRestore,
  finished,
  planned,
  readRestore,
  storeBackup,
} from '../support/restore-run.ts';
import type { Planned, StoredObjects } from '../support/restore-run.ts';
import { createWorld, namespaceObject, removeNamespace } from '../support/world.ts';
import type { World } from '../support/world.ts';

const SOURCE = 'rt-app';
const TARGET = 'rt-app-copy';
const FILLED = 'full';

interface Claim extends KubeObject {
  spec: { volumeName?: string; selector?: object };
  status?: { phase?: string };
}

const claim = (name: string, annotations: Record<string, string> = {}): [string, KubeObject] => [
  'persistentvolumeclaims',
  {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: SOURCE, uid: `uid-${name}`, annotations },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'caravel-csi',
      volumeMode: 'Filesystem',
      volumeName: `pv-${name}`,
      resources: { requests: { storage: '1Gi' } },
    },
    status: { phase: 'Bound' },
  },
];

const volume = (name: string): [string, KubeObject] => [
  'persistentvolumes',
  {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `pv-${name}` },
    spec: {
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: { namespace: SOURCE, name, uid: `uid-${name}` },
      capacity: { storage: '1Gi' },
      csi: { driver: 'csi.caravel.dev', volumeHandle: name },
    },
  },
];

/** Pods that nothing schedules: no node has the label. */
const pod = (name: string): [string, KubeObject] => [
  'pods',
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: SOURCE },
    spec: {
      nodeSelector: { 'rt.caravel.dev/none': 'yes' },
      containers: [{ name: 'main', image: 'registry.example/app:1' }],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: name } }],
    },
    status: { phase: 'Running' },
  },
];

const upload = (name: string, status: object): [string, KubeObject] => [
  'datauploads',
  {
    apiVersion: 'velero.io/v2alpha1',
    kind: 'DataUpload',
    metadata: { name: `du-${name}`, namespace: 'velero', labels: { 'velero.io/backup-name': 'volumes' } },
    spec: { sourceNamespace: SOURCE, sourcePVC: name, snapshotType: 'CSI' },
    status,
  },
];

const moved = (name: string) => ({ 'velero.io/data-upload-name': `velero/du-${name}` });
const claimOf = (name: string) => ({ namespace: SOURCE, name, volume: `pv-${name}` });
const pvInfo = { reclaimPolicy: 'Retain', labels: { tier: 'gold', 'topology.kubernetes.io/zone': 'old' } };

const names = ['full', 'broken', 'skipped', 'present'];
const objects: StoredObjects = [
  ['namespaces', namespaceObject(SOURCE)],
  ...['full', 'broken', 'present'].map((name) => claim(name, moved(name))),
  claim('skipped'),
  ...names.flatMap((name) => [volume(name), pod(name)]),
  upload('full', { phase: 'Completed', snapshotID: 'abc', progress: { totalBytes: 42 } }),
  upload('present', { phase: 'Completed', snapshotID: 'def' }),
  upload('broken', { phase: 'Failed', message: 'disk on fire' }),
];

const movement = (name: string) =>
  movedVolume({
    claim: claimOf(name),
    driver: 'csi.caravel.dev',
    operationId: 'o',
    snapshotId: 'abc',
    size: 42,
    phase: 'Completed',
    startedAt: '2026-01-01T00:00:00Z',
    ok: true,
    pvInfo,
  });

let world: World;
let run: Planned;
let plan: RestorePlan;

beforeAll(async () => {
  world = await createWorld('rt-volumes-control');
  await removeNamespace(world.kube, TARGET);
  await storeBackup(world, 'volumes', objects, {
    volumes: [
      movement('full'),
      skippedVolume(claimOf('skipped'), { volumeSnapshot: 'not asked for' }, pvInfo),
    ],
  });
  await world.kube.create(GVRS.namespaces, undefined, namespaceObject(TARGET));
  await makeClaim('present');
  const restore = await createRestore(world, 'volumes', {
    backupName: 'volumes',
    includedNamespaces: [SOURCE],
    namespaceMapping: { [SOURCE]: TARGET },
  });
  run = await planned(world, restore);
  plan = await getDoc<RestorePlan>(world.store, run.plan);
});

afterAll(async () => {
  const filled = await find(FILLED);
  if (filled?.spec.volumeName) {
    const policy = { spec: { persistentVolumeReclaimPolicy: 'Delete' } };
    await world.kube.patch(GVRS.persistentvolumes, undefined, filled.spec.volumeName, policy);
  }
  await world.stop([TARGET]);
});

const find = (name: string) => world.kube.find<Claim>(GVRS.persistentvolumeclaims, TARGET, name);

async function makeClaim(name: string, manifest?: object): Promise<void> {
  const body = manifest ?? {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  };
  await world.kube.create(GVRS.persistentvolumeclaims, TARGET, body);
}

/** In place of the movers: the claim as they leave it, and what they report. */
async function fill(): Promise<DocRef> {
  await makeClaim(FILLED, plan.recoveries[0]?.manifest);
  const outcome: VolumeOutcome = {
    index: 0,
    ok: true,
    object: 'dd',
    snapshotId: 'abc',
    bytes: 42,
    bytesMoved: 42,
    files: 3,
    startedAt: '2026-01-01T00:00:00.500Z',
    completedAt: '2026-01-01T00:01:00.500Z',
    stagesMs: { transfer: 10 },
    notKept: { sockets: 2 },
  };
  return await putDoc(world.store, 'restores/volumes/.caravel/test/outcome', outcome);
}

describe('the plan', () => {
  it('fills the claims whose data is there', () => {
    expect(plan.recoveries).toHaveLength(1);
    const [recovery] = plan.recoveries;
    expect(recovery).toMatchObject({
      sourceNamespace: SOURCE,
      namespace: TARGET,
      claim: 'full',
      sourceClaimUid: 'uid-full',
      snapshotId: 'abc',
      snapshotBytes: 42,
      dataUpload: 'du-full',
      repositoryNamespace: SOURCE,
      storageClass: 'caravel-csi',
      pvInfo,
    });
    expect(recovery?.manifest).toEqual({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name: 'full',
        namespace: TARGET,
        labels: { 'velero.io/backup-name': 'volumes', 'velero.io/restore-name': 'volumes' },
      },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'caravel-csi',
        volumeMode: 'Filesystem',
        resources: { requests: { storage: '1Gi' } },
      },
    });
  });

  it('says of every other claim and volume what becomes of it', () => {
    expect(plan.claims).toMatchObject({
      [`${SOURCE}/full`]: { fate: 'recover', index: 0 },
      [`${SOURCE}/broken`]: { fate: 'withhold' },
      [`${SOURCE}/skipped`]: { fate: 'fresh' },
      [`${SOURCE}/present`]: { fate: 'existing' },
    });
    expect(Object.keys(plan.reprovisioned).sort()).toEqual(names.map((name) => `pv-${name}`).sort());
    expect(plan.problems.map(({ severity, name, code }) => `${severity} ${name} ${code}`).sort()).toEqual([
      'error broken SnapshotMissing',
      'warning present KubeConflict',
      'warning skipped NotSupported',
    ]);
  });
});

describe('the restore', () => {
  it('makes pods only where their data is', async () => {
    const outcome = await fill();
    const reports = await applied(world, run, [outcome]);
    const result = await finished(world, run, reports, [outcome]);
    expect(result).toMatchObject({ phase: 'PartiallyFailed', volumes: 1, bytes: 42 });
    const pods = await world.kube.list(GVRS.pods, { namespace: TARGET });
    expect(pods.map(({ metadata }) => metadata.name).sort()).toEqual(['full', 'present', 'skipped']);
    const { errors, warnings } = parseResults(
      gunzipSync(await world.store.get(restoreKeys('volumes').results)).toString('utf8'),
    );
    expect(errors.namespaces?.[TARGET]).toEqual([
      expect.stringContaining(
        'claim rt-app/broken: the backup has no snapshot of its volume (Failed: disk on fire)',
      ),
      expect.stringMatching(/\/pods name: \/broken .*claim broken has no data, so the pod is left out/),
    ]);
    expect(warnings.namespaces?.[TARGET]?.join()).toMatch(/not restored: 2 sockets/);
  });

  it('leaves no empty volume where there should be data', async () => {
    const broken = await find('broken');
    expect(broken?.status?.phase).toBe('Pending');
    expect(broken?.spec.selector).toBeDefined();
    expect(broken?.metadata.annotations?.['caravel.dev/not-restored']).toContain('SnapshotMissing');
    expect((await find('skipped'))?.spec).not.toHaveProperty('selector');
    expect((await find('present'))?.metadata.labels).toBeUndefined();
  });

  it('gives the new volume the policy and the labels of the old one, but not its place', async () => {
    const name = (await find(FILLED))?.spec.volumeName ?? '';
    const found = await world.kube.get<KubeObject & { spec: { persistentVolumeReclaimPolicy: string } }>(
      GVRS.persistentvolumes,
      undefined,
      name,
    );
    expect(found.spec.persistentVolumeReclaimPolicy).toBe('Retain');
    expect(found.metadata.labels).toMatchObject({ tier: 'gold' });
    expect(found.metadata.labels).not.toHaveProperty(['topology.kubernetes.io/zone']);
  });

  it('tells of the movement in the files and in the resource', async () => {
    const keys = restoreKeys('volumes');
    const json = async (key: string) =>
      JSON.parse(gunzipSync(await world.store.get(key)).toString('utf8')) as unknown;
    expect(await json(keys.itemOperations)).toMatchObject([
      {
        spec: { restoreName: 'volumes' },
        status: { phase: 'Completed', nCompleted: 42, operationUnits: 'Bytes' },
      },
    ]);
    expect(await json(keys.volumeInfo)).toMatchObject([
      {
        pvcName: 'full',
        pvcNamespace: TARGET,
        pvName: (await find(FILLED))?.spec.volumeName,
        snapshotDataMoved: true,
      },
    ]);
    const { status, metadata } = await readRestore(world, 'volumes');
    expect(status).toMatchObject({
      phase: 'PartiallyFailed',
      errors: 2,
      restoreItemOperationsAttempted: 1,
      restoreItemOperationsCompleted: 1,
    });
    expect(metadata.annotations?.['caravel.dev/facts']).toContain('rt-app-copy/full');
  });
});
