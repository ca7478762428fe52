import { describe, expect, it } from 'vitest';
import type { BackupVolumeInfo } from '../../../../core/format/volume-info.ts';
import { decideClaim, reprovisionReason } from '../../../../core/restore/claims.ts';
import type { ClaimDecision, ClaimInput } from '../../../../core/restore/claims.ts';
import type { StoredClaim, StoredUpload } from '../../../../core/restore/facts.ts';
import { nativeSnapshotInfos, podVolumeInfos } from '../../../../core/restore/legacy-volumes.ts';

const claim = (more: Partial<StoredClaim> = {}): StoredClaim => ({
  namespace: 'shop',
  name: 'data',
  uid: 'u',
  volume: 'pv-1',
  owner: '',
  labels: {},
  annotations: {},
  manifest: {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data' },
    spec: { storageClassName: 'fast' },
  },
  ...more,
});

const upload = (more: Partial<StoredUpload> = {}): StoredUpload => ({
  namespace: 'velero',
  name: 'du',
  backup: 'b',
  claim: 'shop/data',
  dataMover: '',
  phase: 'Completed',
  message: '',
  snapshotId: 'abc',
  bytes: 42,
  ...more,
});

const info = (more: Partial<BackupVolumeInfo> = {}): BackupVolumeInfo => ({
  pvcName: 'data',
  pvcNamespace: 'shop',
  pvName: 'pv-1',
  snapshotDataMoved: false,
  preserveLocalSnapshot: false,
  skipped: false,
  ...more,
});

const moved = (more: Partial<BackupVolumeInfo> = {}) =>
  info({
    backupMethod: 'CSISnapshot',
    snapshotDataMoved: true,
    result: 'succeeded',
    snapshotDataMovementInfo: {
      dataMover: 'velero',
      uploaderType: 'kopia',
      snapshotHandle: 'from-info',
      operationID: 'o',
      size: 7,
      Phase: 'Completed',
    },
    ...more,
  });

const input = (more: Partial<ClaimInput> = {}): ClaimInput => ({
  restoreData: true,
  backupLabel: 'b',
  uploads: [],
  infos: [],
  volumes: [{ name: 'pv-1', reclaimPolicy: 'Delete' }],
  volumesRestorable: true,
  exists: () => false,
  classFor: (name) => ({ name, known: true }),
  ...more,
});

const retained = [{ name: 'pv-1', reclaimPolicy: 'Retain' }];
const annotated = (value: string) => claim({ annotations: { 'velero.io/data-upload-name': value } });

describe('decideClaim', () => {
  it.each<[string, StoredClaim, Partial<ClaimInput>, object]>([
    ['never bound', claim({ volume: '' }), {}, { is: 'asStored' }],
    ['of a pod', claim({ owner: 'p' }), { uploads: [upload()] }, { is: 'skip' }],
    [
      'with an upload',
      claim(),
      { uploads: [upload()] },
      { is: 'recover', source: { snapshotId: 'abc', bytes: 42, dataUpload: 'du' } },
    ],
    [
      'with several uploads, by its annotation',
      annotated('velero/mine'),
      { uploads: [upload(), upload({ name: 'mine', snapshotId: 'xyz' })] },
      { is: 'recover', source: { snapshotId: 'xyz' } },
    ],
    [
      'with uploads of other backups too',
      claim(),
      { uploads: [upload({ backup: 'older', snapshotId: 'old' }), upload()] },
      { is: 'recover', source: { snapshotId: 'abc' } },
    ],
    [
      'with an entry only',
      claim(),
      { infos: [moved()] },
      { is: 'recover', source: { snapshotId: 'from-info', bytes: 7 } },
    ],
    [
      'with an upload that failed',
      claim(),
      { uploads: [upload({ phase: 'Failed', message: 'no space' })] },
      { is: 'withhold', code: 'SnapshotMissing', reason: expect.stringContaining('Failed: no space') },
    ],
    [
      'with an upload without snapshot',
      claim(),
      { uploads: [upload({ snapshotId: '' })] },
      { is: 'withhold', code: 'SnapshotMissing' },
    ],
    ['with an entry that failed', claim(), { infos: [moved({ result: 'failed' })] }, { is: 'withhold' }],
    ['whose upload is missing', annotated('velero/du'), {}, { is: 'withhold', code: 'SnapshotMissing' }],
    [
      'moved by another mover',
      claim(),
      { uploads: [upload({ dataMover: 'vendor' })] },
      { is: 'withhold', code: 'PluginNotSupported' },
    ],
    [
      'with a snapshot in the old storage',
      claim(),
      { infos: [info({ backupMethod: 'CSISnapshot' })] },
      { is: 'withhold', code: 'NotSupported' },
    ],
    [
      'with such a snapshot, by annotation',
      claim({ annotations: { 'velero.io/volume-snapshot-name': 's' } }),
      {},
      { is: 'withhold', code: 'NotSupported' },
    ],
    [
      'backed up from the file system',
      claim(),
      { infos: podVolumeInfos([pvb('data', 'kopia')]) },
      { is: 'withhold', code: 'PodVolumeNotRestored' },
    ],
    [
      'backed up with restic, by a Velero that knew nothing else',
      claim(),
      { infos: podVolumeInfos([pvb('data')]) },
      { is: 'withhold', code: 'ResticNotSupported', reason: expect.stringContaining('restic') },
    ],
    [
      'with a native snapshot',
      claim(),
      { infos: nativeSnapshotInfos([{ spec: { persistentVolumeName: 'pv-1' } }]) },
      { is: 'withhold', code: 'NativeSnapshotNotSupported' },
    ],
    [
      'skipped by the backup',
      claim(),
      { infos: [info({ skipped: true, skippedReason: 'volumeSnapshot: opted out;' })] },
      { is: 'fresh', warning: expect.stringContaining('opted out') },
    ],
    [
      'skipped, on a volume that is kept',
      claim(),
      { infos: [info({ skipped: true, skippedReason: 'r' })], volumes: retained },
      { is: 'asStored', warning: expect.stringContaining('used again') },
    ],
    ['unknown, on a volume that is kept', claim(), { volumes: retained }, { is: 'asStored' }],
    [
      'unknown, on a volume that cannot be restored',
      claim(),
      { volumes: retained, volumesRestorable: false },
      { is: 'fresh' },
    ],
    ['unknown', claim(), {}, { is: 'fresh', warning: expect.stringContaining('empty') }],
    ['without its data, as asked', claim(), { uploads: [upload()], restoreData: false }, { is: 'fresh' }],
    [
      'without its failed data, as asked',
      claim(),
      { uploads: [upload({ phase: 'Failed' })], restoreData: false },
      { is: 'fresh' },
    ],
    ['that exists', claim(), { uploads: [upload()], exists: () => true }, { is: 'existing' }],
    [
      'that exists and could not be filled',
      claim(),
      { uploads: [upload({ phase: 'Failed' })], exists: () => true },
      { is: 'existing' },
    ],
    [
      'of a class that is not there',
      claim(),
      { uploads: [upload()], classFor: () => ({ name: 'other', known: false }) },
      { is: 'withhold', code: 'StorageClassMissing', reason: expect.stringContaining('"other"') },
    ],
  ])('%s', (_, stored, more, expected) => {
    expect(decideClaim(stored, input(more))).toMatchObject(expected);
  });

  it('warns of no claim that the user wanted empty', () => {
    expect(decideClaim(claim(), input({ uploads: [upload()], restoreData: false }))).toEqual({ is: 'fresh' });
  });
});

function pvb(name: string, uploaderType?: string) {
  return {
    metadata: { annotations: { 'velero.io/pvc-name': name } },
    spec: { pod: { namespace: 'shop', name: 'p' }, ...(uploaderType && { uploaderType }) },
  };
}

describe('reprovisionReason', () => {
  const as = (is: 'asStored' | 'fresh'): ClaimDecision => ({ is });
  it.each<[string, string, BackupVolumeInfo | undefined, ClaimDecision | undefined, boolean]>([
    ['kept with its claim', 'Retain', undefined, as('asStored'), false],
    ['kept without a claim', 'Retain', undefined, undefined, false],
    ['kept, its claim gets another', 'Retain', undefined, as('fresh'), true],
    ['in the backup', 'Retain', moved(), undefined, true],
    ['deleted with its claim', 'Delete', undefined, undefined, true],
    ['skipped and kept', 'Retain', info({ skipped: true }), as('asStored'), false],
  ])('%s', (_, reclaimPolicy, entry, decision, anew) => {
    expect(reprovisionReason({ name: 'pv-1', reclaimPolicy }, entry, decision) !== undefined).toBe(anew);
  });
});
