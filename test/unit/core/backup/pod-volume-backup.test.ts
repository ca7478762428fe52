import { describe, expect, it } from 'vitest';
import type { Backup } from '../../../../contracts/api/backup.ts';
import {
  endedPodVolumeBackup,
  podVolumeBackup,
  renderPodVolumeBackups,
} from '../../../../core/backup/pod-volume-backup.ts';
import type { VolumeOutcome, VolumePlan } from '../../../../core/model.ts';
import { problem } from '../../../../core/problems.ts';

const plan: VolumePlan = {
  index: 0,
  namespace: 'shop',
  claim: 'data',
  claimUid: 'c-1',
  volume: 'pv-1',
  volumeType: 'csi',
  method: 'fs-backup',
  reason: 'opted in',
  pod: { namespace: 'shop', name: 'web', uid: 'p-1', node: 'n1' },
  podVolume: 'files',
  driver: '',
  storageClass: 'fast',
  volumeMode: 'Filesystem',
  accessModes: ['ReadWriteOnce'],
  requestedBytes: 1024,
  snapshotClass: '',
  claimLabels: {},
  pvInfo: { reclaimPolicy: 'Delete', labels: {} },
};

const backup: Backup = {
  apiVersion: 'velero.io/v1',
  kind: 'Backup',
  metadata: { name: 'daily', namespace: 'velero' },
  spec: { uploaderConfig: { parallelFilesUpload: 4 } },
};

const run = { type: 'backup', cluster: 'local', namespace: 'velero', name: 'daily', uid: 'u-1' } as const;
const input = { run, backup, location: 'default', plan };

const outcome: VolumeOutcome = {
  index: 0,
  ok: true,
  object: '',
  snapshotId: 'k1',
  bytes: 1000,
  bytesMoved: 10,
  files: 3,
  startedAt: '2026-01-02T03:04:05.678Z',
  completedAt: '2026-01-02T03:05:06.789Z',
  stagesMs: {},
  notKept: {},
};

describe('a PodVolumeBackup', () => {
  it('names the pod, the volume and the claim as Velero does', () => {
    const made = podVolumeBackup(input, { phase: 'Accepted' });
    expect(made).toMatchObject({
      apiVersion: 'velero.io/v1',
      kind: 'PodVolumeBackup',
      metadata: {
        namespace: 'velero',
        ownerReferences: [{ kind: 'Backup', name: 'daily', uid: 'u-1', controller: true }],
        labels: {
          'velero.io/backup-name': 'daily',
          'velero.io/backup-uid': 'u-1',
          'velero.io/pvc-uid': 'c-1',
          'caravel.dev/run-uid': 'u-1',
        },
        annotations: { 'velero.io/pvc-name': 'data' },
      },
      spec: {
        node: 'n1',
        pod: { kind: 'Pod', namespace: 'shop', name: 'web', uid: 'p-1' },
        volume: 'files',
        backupStorageLocation: 'default',
        repoIdentifier: '',
        uploaderType: 'kopia',
        uploaderSettings: { ParallelFilesUpload: '4' },
        tags: {
          backup: 'daily',
          'backup-uid': 'u-1',
          ns: 'shop',
          pod: 'web',
          'pod-uid': 'p-1',
          volume: 'files',
          'pvc-uid': 'c-1',
        },
      },
      status: { phase: 'Accepted' },
    });
  });

  it('of a volume without a claim says nothing of one, and has a name of its own', () => {
    const alone = { ...input, plan: { ...plan, claim: '', claimUid: '', volume: '', podVolume: 'tmp' } };
    const { metadata, spec } = podVolumeBackup(alone, { phase: 'Accepted' });
    expect(metadata).not.toHaveProperty('annotations');
    expect(metadata.labels).not.toHaveProperty('velero.io/pvc-uid');
    expect(spec.tags).not.toHaveProperty('pvc-uid');
    const other = { ...alone, plan: { ...alone.plan, podVolume: 'cache' } };
    const names = [alone, other, input].map((each) => podVolumeBackup(each, {}).metadata.name);
    expect(new Set(names).size).toBe(3);
  });

  it('that ended has the outcome, over whatever the cluster still shows', () => {
    const shown = podVolumeBackup(input, { phase: 'InProgress', path: '/p', acceptedTimestamp: 'a' });
    shown.metadata.uid = 'r-1';
    const ended = endedPodVolumeBackup(input, outcome, shown);
    expect(ended.metadata.uid).toBe('r-1');
    expect(ended.status).toEqual({
      phase: 'Completed',
      path: '/p',
      acceptedTimestamp: 'a',
      snapshotID: 'k1',
      startTimestamp: '2026-01-02T03:04:05Z',
      completionTimestamp: '2026-01-02T03:05:06Z',
      progress: { totalBytes: 1000, bytesDone: 1000 },
      incrementalBytes: 10,
    });
    expect(endedPodVolumeBackup(input, outcome).status).toMatchObject({ snapshotID: 'k1' });
  });

  it('that failed has no snapshot, but the reason', () => {
    const failed = { ...outcome, ok: false, problem: problem('error', 's', 'PodGone', 'pod web is gone') };
    const { status } = endedPodVolumeBackup(input, failed);
    expect(status).toMatchObject({ phase: 'Failed', message: 'pod web is gone' });
    expect(status).not.toHaveProperty('snapshotID');
  });

  it('none of them is a null in the file', () => {
    expect(renderPodVolumeBackups([])).toBe('null\n');
    expect(JSON.parse(renderPodVolumeBackups([endedPodVolumeBackup(input, outcome)]))).toHaveLength(1);
  });
});
