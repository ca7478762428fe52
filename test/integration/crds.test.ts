import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiVersion, GVR, readResource, type Backup, type DataUpload } from '../../contracts/api/index.ts';
import { KubeError } from '../../platform/kube/errors.ts';
import type { KubeClient } from '../../platform/kube/types.ts';
import { applyCrds, connectKube, makeNamespace, removeNamespace } from '../support/cluster.ts';

type Gvr = (typeof GVR)[keyof typeof GVR];

let kube: KubeClient;
let namespace: string;

beforeAll(async () => {
  kube = connectKube();
  namespace = await makeNamespace(kube, 'caravel-crds');
});

afterAll(async () => {
  await removeNamespace(kube, namespace);
  await kube.close();
});

const create = (gvr: Gvr, kind: string, name: string, body: object) =>
  kube.create(gvr, namespace, { apiVersion: apiVersion(gvr), kind, metadata: { name, namespace }, ...body });

const selector = { matchExpressions: [{ key: 'app', operator: 'In', values: ['web'] }] };
const transfer = {
  phase: 'InProgress',
  progress: { totalBytes: 9_007_199_254_740_991, bytesDone: 5_000_000_000 },
};
const pod = { kind: 'Pod', namespace: 'app', name: 'p', uid: 'u' };
const podVolume = { pod, volume: 'data', backupStorageLocation: 'default', repoIdentifier: '' };
const movement = { backupStorageLocation: 'default', sourceNamespace: 'app', operationTimeout: '10m0s' };

/** One object of each kind as Velero, its CLI and users write them: nulls, empty objects, status with the create. */
const EXAMPLES: [string, Gvr, object][] = [
  [
    'Backup',
    GVR.backups,
    {
      spec: {
        metadata: {},
        includedNamespaces: ['*'],
        excludedResources: null,
        labelSelector: null,
        orLabelSelectors: [selector],
        hooks: {
          resources: [
            {
              name: 'h',
              labelSelector: selector,
              pre: [{ exec: { command: ['sync'], onError: 'Fail', timeout: '30s' } }],
            },
          ],
        },
        ttl: '0s',
        snapshotMoveData: true,
        orderedResources: null,
        uploaderConfig: { parallelFilesUpload: 4 },
        resourcePolicy: { kind: 'configmap', name: 'p' },
      },
      status: {
        phase: 'Completed',
        startTimestamp: null,
        expiration: '2026-05-20T08:00:22Z',
        progress: null,
      },
    },
  ],
  [
    'Restore',
    GVR.restores,
    {
      spec: {
        backupName: 'b',
        hooks: {
          resources: [
            {
              name: 'x',
              postHooks: [
                {
                  init: {
                    initContainers: [{ name: 'a', image: 'i', command: ['c'], odd: { deep: [1] } }],
                    timeout: '1s',
                  },
                },
                { exec: { command: ['true'], waitForReady: null, waitTimeout: '1m0s' } },
              ],
            },
          ],
        },
        restoreStatus: {},
        resourceModifier: { apiGroup: '', kind: 'configmap', name: 'm' },
        uploaderConfig: { writeSparseFiles: null },
      },
      status: {},
    },
  ],
  [
    'Schedule',
    GVR.schedules,
    {
      spec: {
        schedule: '0 3 * * *',
        template: { ttl: '720h0m0s', hooks: {} },
        useOwnerReferencesInBackup: null,
      },
      status: {},
    },
  ],
  [
    'BackupStorageLocation',
    GVR.backupStorageLocations,
    {
      spec: {
        provider: 'aws',
        objectStorage: { bucket: 'b', caCert: 'Y2E=', caCertRef: { key: 'ca' } },
        config: { s3ForcePathStyle: 'true' },
        credential: { name: 's', key: 'cloud' },
        backupSyncPeriod: null,
        accessMode: 'ReadWrite',
        default: true,
      },
      status: { phase: 'Available', lastSyncedTime: null },
    },
  ],
  ['VolumeSnapshotLocation', GVR.volumeSnapshotLocations, { spec: { provider: 'aws', config: {} } }],
  ['DeleteBackupRequest', GVR.deleteBackupRequests, { spec: { backupName: 'b' }, status: { errors: null } }],
  [
    'DownloadRequest',
    GVR.downloadRequests,
    { spec: { target: { kind: 'BackupVolumeInfos', name: 'b' } }, status: {} },
  ],
  ['ServerStatusRequest', GVR.serverStatusRequests, { spec: {}, status: { plugins: null } }],
  [
    'PodVolumeBackup',
    GVR.podVolumeBackups,
    { spec: { ...podVolume, node: 'n1', uploaderType: '' }, status: transfer },
  ],
  [
    'PodVolumeRestore',
    GVR.podVolumeRestores,
    { spec: { ...podVolume, snapshotID: 'k1', sourceNamespace: 'app', snapshotSize: 1 }, status: transfer },
  ],
  [
    'BackupRepository',
    GVR.backupRepositories,
    {
      spec: {
        volumeNamespace: 'app',
        backupStorageLocation: 'default',
        maintenanceFrequency: '1h0m0s',
        repositoryType: 'kopia',
      },
      status: { recentMaintenance: [{ result: 'Succeeded', startTimestamp: '2026-05-20T08:00:22Z' }] },
    },
  ],
  [
    'DataUpload',
    GVR.dataUploads,
    {
      spec: { ...movement, snapshotType: 'CSI', sourcePVC: 'c', csiSnapshot: null, dataMoverConfig: null },
      status: transfer,
    },
  ],
  [
    'DataDownload',
    GVR.dataDownloads,
    {
      spec: { ...movement, snapshotID: 'k1', targetVolume: { pvc: 'c', pv: '', namespace: 'app' } },
      status: transfer,
    },
  ],
];

/** A wrong value, and the field that the API server must name. */
const REFUSED: [kind: string, field: string, gvr: Gvr, body: object][] = [
  ['Backup', 'spec.includedNamespaces', GVR.backups, { spec: { includedNamespaces: 'app' } }],
  ['Backup', 'spec.ttl', GVR.backups, { spec: { ttl: 5 } }],
  ['Backup', 'status.phase', GVR.backups, { status: { phase: 'Done' } }],
  [
    'Backup',
    'spec.hooks.resources[0].pre[0].exec.command',
    GVR.backups,
    { spec: { hooks: { resources: [{ name: 'h', pre: [{ exec: { command: [] } }] }] } } },
  ],
  ['Restore', 'spec.namespaceMapping.a', GVR.restores, { spec: { namespaceMapping: { a: 1 } } }],
  ['Schedule', 'spec.template', GVR.schedules, { spec: { schedule: '@daily' } }],
  ['BackupStorageLocation', 'spec.objectStorage', GVR.backupStorageLocations, { spec: { provider: 'aws' } }],
  [
    'DownloadRequest',
    'spec.target.kind',
    GVR.downloadRequests,
    { spec: { target: { kind: 'X', name: 'b' } } },
  ],
  ['DataUpload', 'spec.sourcePVC', GVR.dataUploads, { spec: { snapshotType: 'CSI' } }],
  [
    'DataUpload',
    'status.startTimestamp',
    GVR.dataUploads,
    { spec: { ...movement, snapshotType: 'CSI', sourcePVC: 'c' }, status: { startTimestamp: 'today' } },
  ],
];

describe('custom resource definitions on a real API server', () => {
  it('are established, and structural', async () => {
    expect(await applyCrds(kube)).toEqual([]);
  });

  it.each(EXAMPLES)('accept a %s', async (kind, gvr, body) => {
    const { spec, status } = body as { spec?: object; status?: object };
    const made = await create(gvr, kind, 'example', body);
    const read = await kube.get(gvr, namespace, 'example');
    expect(read).toEqual(made);
    // Nothing pruned, nothing defaulted, except the name that a Secret reference may leave out.
    expect(read).toMatchObject({ ...(spec && { spec }), ...(status && { status }) });
  });

  it.each(REFUSED)('refuse a %s with a wrong %s', async (kind, field, gvr, body) => {
    const error: unknown = await create(gvr, kind, 'refused', body).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(KubeError);
    expect((error as KubeError).code).toBe(422);
    expect((error as KubeError).message).toContain(field);
  });

  it('accept an object without a spec, and a status through the object itself', async () => {
    await create(GVR.backups, 'Backup', 'bare', {});
    await kube.patch(GVR.backups, namespace, 'bare', {
      status: { phase: 'InProgress', progress: { totalItems: 3 } },
    });
    const backup = readResource<Backup>(await kube.get(GVR.backups, namespace, 'bare'));
    expect(backup).toMatchObject({ spec: {}, status: { phase: 'InProgress', progress: { totalItems: 3 } } });
    expect(backup.metadata.generation).toBe(2);
    const patch = kube.patch(
      GVR.backups,
      namespace,
      'bare',
      { status: { phase: 'Failed' } },
      { subresource: 'status' },
    );
    await expect(patch).rejects.toMatchObject({ code: 404 });
  });

  it('keep 64-bit numbers exact', async () => {
    const upload = readResource<DataUpload>(await kube.get(GVR.dataUploads, namespace, 'example'));
    expect(upload.status?.progress).toEqual(transfer.progress);
  });

  it('serve names and short names', async () => {
    const { resources } = await kube.discover();
    const ours = resources.filter(({ group }) => group === 'velero.io');
    expect(ours).toHaveLength(13);
    expect(ours.flatMap(({ shortNames }) => shortNames).sort()).toEqual(['bsl', 'ssr', 'vsl']);
    expect(ours.find(({ kind }) => kind === 'DataUpload')).toMatchObject({
      resource: 'datauploads',
      singular: 'dataupload',
      namespaced: true,
    });
  });
});
