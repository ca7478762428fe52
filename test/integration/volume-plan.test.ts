import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BackupSpec } from '../../contracts/api/backup.ts';
import type { VolumePlan, VolumePlans } from '../../core/model.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { getDoc } from '../../platform/store/documents.ts';
import { createBackup, exported, planned, step } from '../support/backup-run.ts';
import { createClaim, createPod } from '../support/pod-volumes.ts';
import { createWorld, namespaceObject, removeNamespace } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** What is planned for the volumes of a real cluster; nothing is taken. */

const APP = 'it-plan-app';
let world: World;
let count = 0;

beforeAll(async () => {
  world = await createWorld('it-plan');
  const { kube } = world;
  await removeNamespace(kube, APP);
  await kube.remove(GVRS.persistentvolumes, undefined, 'it-plan-nfs');
  await kube.create(GVRS.namespaces, undefined, namespaceObject(APP));
  for (const name of ['db', 'free']) await createClaim(world, APP, name);
  await kube.create(GVRS.persistentvolumes, undefined, {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'it-plan-nfs' },
    spec: {
      capacity: { storage: '5Gi' },
      accessModes: ['ReadWriteMany'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: 'it-plan-nfs',
      nfs: { server: '10.0.0.9', path: '/exp' },
    },
  });
  await kube.create(GVRS.persistentvolumeclaims, APP, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'shared' },
    spec: {
      accessModes: ['ReadWriteMany'],
      storageClassName: 'it-plan-nfs',
      volumeName: 'it-plan-nfs',
      resources: { requests: { storage: '1Gi' } },
    },
  });
  for (const name of ['db', 'free', 'shared']) await bound(name);
  await createPod(world, APP, 'web', {
    annotations: { 'backup.velero.io/backup-volumes': 'cache,gone' },
    volumes: { data: { persistentVolumeClaim: { claimName: 'db' } }, cache: { emptyDir: {} } },
  });
});

afterAll(async () => {
  // It goes with its claim.
  await world?.kube.remove(GVRS.persistentvolumes, undefined, 'it-plan-nfs');
  await world?.stop([APP]);
});

beforeEach(async () => {
  await world.kube.remove(GVRS.configmaps, world.name, 'policies');
  await world.kube.remove(GVRS.configmaps, world.name, 'node-agent-config');
});

async function bound(name: string): Promise<void> {
  await world.kube.waitFor<KubeObject & { status?: { phase?: string } }, true>(
    GVRS.persistentvolumeclaims,
    APP,
    name,
    (claim) => (claim?.status?.phase === 'Bound' ? true : undefined),
    { timeoutMs: 60_000 },
  );
}

const configMap = async (name: string, text: string) =>
  await world.kube.create(GVRS.configmaps, world.name, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data: { document: text },
  });

const nameOf = ({ claim, pod, podVolume, volume }: VolumePlan) =>
  claim || (pod ? `${pod.name}/${podVolume}` : volume);

async function plan(spec: BackupSpec): Promise<VolumePlans> {
  const run = await createBackup(world, `plan-${count++}`, { includedNamespaces: [APP], ...spec });
  const ref = await planned(world, run);
  const { docs } = await exported(world, ref);
  const { volumes } = await step(world, 'planVolumes', { ...ref, shards: docs });
  return await getDoc<VolumePlans>(world.store, volumes);
}

const methods = ({ volumes }: VolumePlans) =>
  Object.fromEntries(volumes.map((each) => [nameOf(each), each.method]));

describe('the volumes of a namespace', () => {
  test('are each in the plan, with method and reason', async () => {
    const plans = await plan({});
    expect(methods(plans)).toEqual({
      db: 'data-mover',
      free: 'data-mover',
      shared: 'skip',
      'web/cache': 'fs-backup',
    });
    expect(plans.volumes.map(({ reason }) => reason)).not.toContain('');
    expect(plans.problems.map(({ severity, name, message }) => [severity, name, message])).toEqual([
      ['warning', 'web', expect.stringContaining('names "gone"')],
    ]);
  });

  test('are judged by what they are, also when volumes and their classes are left out of the backup', async () => {
    await configMap(
      'policies',
      [
        'version: v1',
        'volumePolicies:',
        '- conditions: { nfs: { server: 10.0.0.9 }, capacity: "5Gi,5Gi", storageClass: [it-plan-nfs] }',
        '  action: { type: skip }',
        '- conditions: { csi: { driver: csi.caravel.dev } }',
        '  action: { type: skip }',
      ].join('\n'),
    );
    const plans = await plan({
      includeClusterResources: false,
      resourcePolicy: { kind: 'configmap', name: 'policies' },
    });
    const reasons = Object.fromEntries(plans.volumes.map((each) => [nameOf(each), each.reason]));
    expect(reasons).toMatchObject({
      shared: 'volume policy 1 says skip',
      db: 'volume policy 2 says skip',
      free: 'volume policy 2 says skip',
    });
  });

  test('are read through their pods by default when that is asked for, and kept in the storage otherwise', async () => {
    const plans = await plan({ defaultVolumesToFsBackup: true, snapshotMoveData: false });
    expect(methods(plans)).toEqual({
      db: 'fs-backup',
      free: 'csi-snapshot',
      shared: 'skip',
      'web/cache': 'fs-backup',
    });
    const web = plans.groups.find(({ files }) => files.length > 0);
    expect(web?.pods).toEqual([{ namespace: APP, name: 'web' }]);
  });

  test('of pods that are not in the backup are left to snapshots', async () => {
    const plans = await plan({ defaultVolumesToFsBackup: true, excludedResources: ['pods'] });
    expect(methods(plans)).toEqual({ db: 'data-mover', free: 'data-mover', shared: 'skip' });
  });

  test('whose claims are not in the backup are left out', async () => {
    const plans = await plan({ excludedResources: ['persistentvolumeclaims'] });
    expect(methods(plans)).toEqual({ db: 'skip', 'web/cache': 'fs-backup' });
  });
});

describe("the node-agent's settings", () => {
  test('that cannot be read end the backup before it begins, with the field', async () => {
    await configMap('node-agent-config', '{"podResources": {"cpuRequest": "much"}}');
    await expect(plan({})).rejects.toThrow(
      `ConfigMap ${world.name}/node-agent-config: podResources.cpuRequest: invalid quantity`,
    );
  });

  test('that nobody knows are a warning', async () => {
    await configMap('node-agent-config', '{"somethingNew": true}');
    const { problems } = await plan({});
    expect(problems.map(({ message }) => message)).toContainEqual(
      expect.stringContaining('somethingNew: unknown field'),
    );
  });

  test('say how many movers run at once', async () => {
    await configMap('node-agent-config', '{"loadConcurrency": {"globalConfig": 7}}');
    const run = await createBackup(world, `plan-${count++}`, { includedNamespaces: [APP] });
    // The lab has one node.
    expect(await step(world, 'adoptBackup', run)).toMatchObject({ state: 'ready', movers: 7 });
  });
});
