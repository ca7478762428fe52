import { describe, expect, it } from 'vitest';
import {
  keptClaim,
  keptMissing,
  keptOperation,
  keptVolumeInfo,
  keptVolumes,
  storedContent,
  storedSnapshot,
} from '../../../../core/backup/kept-snapshot.ts';
import type { KeptSnapshot, VolumeOutcome, VolumePlan } from '../../../../core/model.ts';

const OURS = {
  labels: {
    'caravel.dev/run-uid': 'u',
    'app.kubernetes.io/component': 'kept-snapshot',
    'app.kubernetes.io/managed-by': 'caravel',
  },
  annotations: { 'caravel.dev/workflow-id': 'w', 'caravel.dev/kept-by': 'default/b' },
};

const kept: KeptSnapshot = {
  snapshot: {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: { name: 's', namespace: 'shop', ...OURS },
    spec: { volumeSnapshotClassName: 'c' },
  },
  content: {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshotContent',
    metadata: {
      name: 'snapcontent-1',
      labels: OURS.labels,
      annotations: { ...OURS.annotations, 'snapshot.storage.kubernetes.io/deletion-secret-name': 'x' },
    },
    spec: { driver: 'd.example', deletionPolicy: 'Retain' },
    status: { snapshotHandle: 'h', restoreSize: 2 * 2 ** 30, readyToUse: true },
  },
  class: { metadata: { name: 'c' }, deletionPolicy: 'Delete' },
};

const plan = {
  namespace: 'shop',
  claim: 'data',
  volume: 'pv-1',
  method: 'csi-snapshot',
  driver: 'd.example',
  pvInfo: { reclaimPolicy: 'Delete', labels: { zone: 'a' } },
} as unknown as VolumePlan;

const outcome = {
  ok: true,
  startedAt: '2026-01-02T03:04:05.678Z',
  completedAt: '2026-01-02T03:05:06.789Z',
  kept,
} as unknown as VolumeOutcome;

const labels = { app: 'db', 'app.kubernetes.io/component': 'database' };

describe('a kept snapshot is stored', () => {
  it('with its handle, for whoever makes it anew, and without marks of ours', () => {
    expect(storedSnapshot(kept, labels, 'b').metadata).toEqual({
      name: 's',
      namespace: 'shop',
      labels: { ...labels, 'velero.io/backup-name': 'b' },
      annotations: {
        'velero.io/csi-vsc-deletion-policy': 'Delete',
        'velero.io/csi-volumesnapshot-handle': 'h',
        'velero.io/csi-driver-name': 'd.example',
        'velero.io/csi-volumesnapshot-restore-size': '2Gi',
      },
    });
  });

  it('with its content, which has the policy of its class again', () => {
    expect(storedContent(kept, 'b')).toMatchObject({
      metadata: {
        labels: { 'velero.io/backup-name': 'b' },
        annotations: { 'snapshot.storage.kubernetes.io/deletion-secret-name': 'x' },
      },
      spec: { driver: 'd.example', deletionPolicy: 'Delete' },
      status: { snapshotHandle: 'h' },
    });
    const retained = { ...kept, class: { metadata: { name: 'c' }, deletionPolicy: 'Retain' } };
    expect(storedContent(retained, 'b').spec.deletionPolicy).toBe('Retain');
    const { class: _class, ...unknown } = kept;
    expect(storedContent(unknown, 'b').spec.deletionPolicy).toBe('Delete');
  });

  it('with the handle of its group, when it has one', () => {
    const content = kept.content as { status: object };
    const grouped = { ...content, status: { ...content.status, volumeGroupSnapshotHandle: 'g' } };
    expect(storedSnapshot({ ...kept, content: grouped }, {}, 'b').metadata.annotations).toMatchObject({
      'velero.io/csi-volumegroupsnapshot-handle': 'g',
    });
  });
});

describe('its claim is stored', () => {
  const claim = (storage?: string) => ({
    metadata: { name: 'data', labels: { app: 'db' } },
    spec: { volumeName: 'pv-1', resources: { requests: { ...(storage && { storage }) } } },
  });

  it.each([
    ['1Gi', '2Gi'],
    ['2Gi', '2Gi'],
    ['3Gi', '3Gi'],
    [undefined, '2Gi'],
  ])('asking for %s as %s, by the name of its snapshot', (asked, stored) => {
    const { metadata, spec } = keptClaim(claim(asked), 'b', kept);
    expect(metadata).toEqual({
      name: 'data',
      labels: { app: 'db', 'velero.io/volume-snapshot-name': 's', 'velero.io/backup-name': 'b' },
      annotations: { 'velero.io/volume-snapshot-name': 's' },
    });
    expect(spec).toEqual({ volumeName: 'pv-1', resources: { requests: { storage: stored } } });
  });
});

describe('the files of a backup say of it', () => {
  it('in the volume info that it was not moved, and where it is', () => {
    expect(keptVolumeInfo({ plan, outcome, kept })).toEqual({
      pvcName: 'data',
      pvcNamespace: 'shop',
      pvName: 'pv-1',
      backupMethod: 'CSISnapshot',
      snapshotDataMoved: false,
      preserveLocalSnapshot: true,
      skipped: false,
      startTimestamp: '2026-01-02T03:04:05Z',
      completionTimestamp: '2026-01-02T03:05:06Z',
      result: 'succeeded',
      csiSnapshotInfo: {
        snapshotHandle: 'h',
        size: 2 * 2 ** 30,
        driver: 'd.example',
        vscName: 'snapcontent-1',
        operationID: 'shop/s/2026-01-02T03:04:05Z',
        ReadyToUse: true,
      },
      pvInfo: { reclaimPolicy: 'Delete', labels: { zone: 'a' } },
    });
  });

  it('in the volume info that it failed, when it could not be taken', () => {
    expect(keptMissing(plan, outcome.startedAt)).toMatchObject({
      backupMethod: 'CSISnapshot',
      preserveLocalSnapshot: false,
      skipped: false,
      result: 'failed',
      csiSnapshotInfo: { snapshotHandle: '', ReadyToUse: false },
    });
  });

  it('in the operations by the same id', () => {
    const { spec, status } = keptOperation({ name: 'b', uid: 'u' }, { plan, outcome, kept });
    expect(spec).toMatchObject({
      backupItemAction: 'velero.io/csi-volumesnapshot-backupper',
      operationID: 'shop/s/2026-01-02T03:04:05Z',
      resourceIdentifier: {
        Group: 'snapshot.storage.k8s.io',
        Resource: 'volumesnapshots',
        Namespace: 'shop',
        Name: 's',
      },
    });
    expect(spec.postOperationItems?.map(({ Resource, Name }) => `${Resource}/${Name}`)).toEqual([
      'volumesnapshots/s',
      'volumesnapshotcontents/snapcontent-1',
    ]);
    expect(status.phase).toBe('Completed');
  });
});

it('volumes without a snapshot are none of them', () => {
  const { kept: _kept, ...failed } = outcome;
  expect(keptVolumes([{ plan }, { plan, outcome: failed }, { plan, outcome }])).toHaveLength(1);
});
