import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backupKeys } from '../../core/format/keys.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { inPod } from '../support/application.ts';
import { leftovers } from '../support/leftovers.ts';
import { createClaim, createPod, podVolumeBackupsOf } from '../support/pod-volumes.ts';
import { dropSnapshots, volumeInfos } from '../support/storage.ts';
import { createWorld, factsOf, namespaceObject, removeNamespace, runToEnd } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** One backup in which volume policies, annotations and the spec each decide about some volumes. */

const APP = 'e2e-policy-app';
let world: World;

const policy = (text: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'policies' },
  data: { 'any-key.yaml': text },
});

const POLICIES = `
version: v1
includeExcludePolicy:
  excludedNamespaceScopedResources: [configmap]
volumePolicies:
  - conditions: { pvcPhase: [Pending] }
    action: { type: skip }
  - conditions: { pvcLabels: { tier: cache } }
    action: { type: skip }
  - conditions: { pvcLabels: { tier: files } }
    action: { type: fs-backup }
  - conditions: { volumeTypes: [emptyDir] }
    action: { type: fs-backup }
  - conditions: { capacity: "1Gi,", csi: { driver: csi.caravel.dev }, storageClass: [caravel-csi] }
    action: { type: snapshot }
`;

beforeAll(async () => {
  world = await createWorld('e2e-policy');
  const { kube } = world;
  await removeNamespace(kube, APP);
  await kube.create(GVRS.namespaces, undefined, namespaceObject(APP));
  for (const name of ['db', 'files', 'cache', 'free']) await createClaim(world, APP, name);
  for (const name of ['files', 'cache']) {
    await kube.patch(GVRS.persistentvolumeclaims, APP, name, { metadata: { labels: { tier: name } } });
  }
  await kube.create(GVRS.persistentvolumeclaims, APP, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'waiting' },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'caravel-csi-wffc',
      resources: { requests: { storage: '1Gi' } },
    },
  });
  await createPod(world, APP, 'web', {
    annotations: { 'backup.velero.io/backup-volumes': 'db' },
    volumes: Object.fromEntries([
      ...['db', 'files', 'cache'].map((claimName) => [claimName, { persistentVolumeClaim: { claimName } }]),
      ['tmp', { emptyDir: {} }],
      ['node', { hostPath: { path: '/etc' } }],
    ]),
  });
  for (const name of ['db', 'files', 'tmp']) {
    await inPod(world, APP, 'web', ['sh', '-c', `echo ${name} > /${name}/word; sync`]);
  }
  await world.startWorker();
});

afterAll(async () => {
  const kept = (await leftovers(world)).flatMap(
    (entry) => /^snapshot (\S+) in the storage$/.exec(entry)?.[1] ?? [],
  );
  await dropSnapshots(world, 'csi.caravel.dev', kept);
  await world?.stop([APP]);
});

const apply = async (text: string) => {
  await world.kube.remove(GVRS.configmaps, world.name, 'policies');
  await world.kube.create(GVRS.configmaps, world.name, policy(text));
};

const spec = {
  includedNamespaces: [APP],
  resourcePolicy: { kind: 'ConfigMap', name: 'policies' },
  snapshotVolumes: false,
};

describe('a backup under volume policies', () => {
  test('treats each volume by the first policy that matches, and says so', async () => {
    await apply(POLICIES);
    const backup = await runToEnd(world, 'Backup', 'mixed', { ...spec, snapshotMoveData: true });
    expect(backup.status).toMatchObject({ phase: 'Completed' });
    const facts = factsOf(backup).volumes as {
      claim: string;
      method: string;
      reason?: string;
      ok?: boolean;
    }[];
    const methods = Object.fromEntries(
      facts.map(({ claim, method, ok }) => [claim, ok ? method : `not: ${method}`]),
    );
    expect(methods).toEqual({
      // The annotation would have it read through the pod, and spec.snapshotVolumes would leave it out.
      [`${APP}/db`]: 'data-mover',
      [`${APP}/free`]: 'data-mover',
      [`${APP}/files`]: 'fs-backup',
      [`${APP}/web/tmp`]: 'fs-backup',
      [`${APP}/cache`]: 'not: skip',
      [`${APP}/waiting`]: 'not: skip',
      [`${APP}/web/node`]: 'not: skip',
    });
    expect(facts.find(({ claim }) => claim === `${APP}/cache`)?.reason).toBe('volume policy 2 says skip');
    expect(Object.keys(await podVolumeBackupsOf(world, 'mixed')).sort()).toEqual(['web/files', 'web/tmp']);
    const infos = await volumeInfos(world, 'mixed');
    expect(infos.find(({ pvcName }) => pvcName === 'cache')).toMatchObject({
      skipped: true,
      skippedReason: 'any: volume policy 2 says skip;',
    });
    expect(await leftovers(world)).toEqual([]);
  });

  test('keeps snapshots in the storage by the same policies', async () => {
    await apply(POLICIES);
    const backup = await runToEnd(world, 'Backup', 'mixed-kept', { ...spec, snapshotMoveData: false });
    expect(backup.status).toMatchObject({ phase: 'Completed', csiVolumeSnapshotsCompleted: 2 });
    const infos = await volumeInfos(world, 'mixed-kept');
    const methods = infos.map(({ pvcName = '', backupMethod = 'none', snapshotDataMoved }) => [
      pvcName,
      backupMethod,
      snapshotDataMoved,
    ]);
    expect(methods.sort(([a = ''], [b = '']) => String(a).localeCompare(String(b)))).toEqual([
      ['', 'PodVolumeBackup', false],
      ['cache', 'none', false],
      ['db', 'CSISnapshot', false],
      ['files', 'PodVolumeBackup', false],
      ['free', 'CSISnapshot', false],
      ['waiting', 'none', false],
    ]);
  });

  test('leaves out the resources that the policies exclude', async () => {
    const list = gunzipSync(await world.store.get(backupKeys('mixed').resourceList)).toString('utf8');
    const names = JSON.parse(list) as Record<string, string[]>;
    expect(names).not.toHaveProperty('v1/ConfigMap');
    expect(names).toHaveProperty('v1/Pod');
  });

  test.each([
    ['that does not exist', undefined, ['fail to get ResourcePolicies', 'policies']],
    ['that is no YAML', 'version: [v1', ['fail to read the ResourcePolicies from ConfigMap']],
    [
      'with faults',
      'version: v2\nvolumePolicies:\n- conditions: { capacity: "10Gi" }\n  action: { type: copy }\n',
      [
        'version: incompatible version number "v2"',
        'volumePolicies[0].conditions.capacity: wrong format',
        'volumePolicies[0].action.type: invalid action type "copy"',
      ],
    ],
  ])('is refused with policies %s, and every fault is named', async (name, text, faults) => {
    await world.kube.remove(GVRS.configmaps, world.name, 'policies');
    if (text !== undefined) await apply(text);
    const backup = await runToEnd(world, 'Backup', `bad-${name.replaceAll(' ', '-')}`.toLowerCase(), spec);
    expect(backup.status?.phase).toBe('FailedValidation');
    const said = backup.status?.validationErrors?.join('\n') ?? '';
    for (const fault of faults) expect(said).toContain(fault);
    expect(said).toContain(`${world.name}/policies`);
  });
});
