import { describe, expect, it } from 'vitest';
import {
  isListed,
  problemLines,
  volumeInfo,
  volumeName,
  volumeOperation,
  volumeProblems,
} from '../../../../core/backup/report.ts';
import type { ReportedVolume } from '../../../../core/backup/report.ts';
import type { VolumeOutcome, VolumePlan } from '../../../../core/model.ts';
import { countProblems, hintOf, phaseOf, problem } from '../../../../core/problems.ts';

const plan: VolumePlan = {
  index: 0,
  namespace: 'shop',
  claim: 'data',
  claimUid: 'c-1',
  volume: 'pv-1',
  volumeType: 'csi',
  method: 'data-mover',
  reason: 'CSI snapshot of class only, data moved to the repository',
  driver: 'csi.example',
  storageClass: 'fast',
  volumeMode: 'Filesystem',
  accessModes: ['ReadWriteOnce'],
  requestedBytes: 1024,
  snapshotClass: 'only',
  claimLabels: {},
  pvInfo: { reclaimPolicy: 'Delete', labels: { zone: 'a' } },
};

const outcome: VolumeOutcome = {
  index: 0,
  ok: true,
  object: 'b-0123',
  snapshotId: 'k1',
  bytes: 1000,
  bytesMoved: 10,
  files: 3,
  startedAt: '2026-01-02T03:04:05.678Z',
  completedAt: '2026-01-02T03:05:06.789Z',
  stagesMs: {},
  notKept: {},
};

const failed: VolumeOutcome = {
  ...outcome,
  ok: false,
  bytes: 0,
  bytesMoved: 0,
  problem: problem('error', 'protectVolume', 'MoverFailed', 'kopia said no'),
};
delete failed.snapshotId;

const moved: ReportedVolume = { plan, outcome, operationId: 'du-1' };
const skipped: ReportedVolume = {
  plan: { ...plan, method: 'skip', reason: 'not wanted' },
  operationId: 'du-1',
};

const pod = { namespace: 'shop', name: 'web', uid: 'p-1', node: 'n1' };
const read: ReportedVolume = {
  plan: { ...plan, method: 'fs-backup', pod, podVolume: 'files', snapshotClass: '' },
  outcome,
  operationId: 'du-1',
};
const alone: ReportedVolume = {
  ...read,
  plan: { ...read.plan, claim: '', claimUid: '', volume: '', volumeType: 'emptyDir', podVolume: 'tmp' },
};

describe('a volume that was read through its pod', () => {
  it('has its pod in the volume info, and the claim that a restore goes by', () => {
    expect(volumeInfo(read, '2026-01-02T03:04:05Z')).toEqual({
      pvcName: 'data',
      pvcNamespace: 'shop',
      pvName: 'pv-1',
      backupMethod: 'PodVolumeBackup',
      snapshotDataMoved: false,
      preserveLocalSnapshot: false,
      skipped: false,
      startTimestamp: '2026-01-02T03:04:05Z',
      completionTimestamp: '2026-01-02T03:05:06Z',
      result: 'succeeded',
      pvbInfo: {
        snapshotHandle: 'k1',
        size: 1000,
        incrementalSize: 10,
        uploaderType: 'kopia',
        volumeName: 'files',
        podName: 'web',
        podNamespace: 'shop',
        nodeName: 'n1',
        Phase: 'Completed',
      },
      pvInfo: { reclaimPolicy: 'Delete', labels: { zone: 'a' } },
    });
  });

  it('and has no claim is told of by its pod alone', () => {
    const info = volumeInfo(alone, '2026-01-02T03:04:05Z');
    expect(info).toMatchObject({ backupMethod: 'PodVolumeBackup', pvbInfo: { volumeName: 'tmp' } });
    expect(Object.keys(info)).not.toEqual(expect.arrayContaining(['pvcName', 'pvcNamespace', 'pvInfo']));
    expect(volumeName(alone.plan)).toBe('shop/web/tmp');
    expect(volumeProblems({ ...alone, outcome: failed })).toMatchObject([
      { namespace: 'shop', resource: 'pods', name: 'web', message: 'volume tmp: kopia said no' },
    ]);
  });

  it('and failed is failed in the volume info as well, without a snapshot', () => {
    const info = volumeInfo({ ...read, outcome: failed }, '2026-01-02T03:04:05Z');
    expect(info).toMatchObject({ result: 'failed', skipped: false, pvbInfo: { Phase: 'Failed' } });
    expect(info.pvbInfo).not.toHaveProperty('snapshotHandle');
  });

  it('says how many files were deleted meanwhile', () => {
    const problems = volumeProblems({
      ...alone,
      outcome: { ...outcome, notKept: { vanished: 2, xattrs: 1 } },
    });
    expect(problems.map(({ severity, message }) => `${severity}: ${message}`)).toEqual([
      'warning: volume tmp: 2 files were deleted while the volume was read',
      'warning: volume tmp: the repository cannot keep: 1 xattrs',
    ]);
  });

  it('and was left out is listed only when it is more than a volume of the pod', () => {
    const { outcome: _, ...out } = alone;
    expect(isListed(out)).toBe(false);
    expect(isListed(alone)).toBe(true);
    expect(isListed({ ...read, plan: { ...read.plan, claim: '' } })).toBe(true);
  });
});

describe('the volume info of a volume', () => {
  it('that was moved says where its data is, in whole seconds', () => {
    expect(volumeInfo(moved, '2026-01-02T03:04:05Z')).toMatchObject({
      pvcNamespace: 'shop',
      pvcName: 'data',
      pvName: 'pv-1',
      backupMethod: 'CSISnapshot',
      snapshotDataMoved: true,
      skipped: false,
      result: 'succeeded',
      startTimestamp: '2026-01-02T03:04:05Z',
      completionTimestamp: '2026-01-02T03:05:06Z',
      snapshotDataMovementInfo: {
        snapshotHandle: 'k1',
        operationID: 'du-1',
        size: 1000,
        incrementalSize: 10,
        Phase: 'Completed',
      },
      pvInfo: { reclaimPolicy: 'Delete', labels: { zone: 'a' } },
    });
  });

  it('that failed names no snapshot', () => {
    expect(volumeInfo({ ...moved, outcome: failed }, '2026-01-02T03:04:05Z')).toMatchObject({
      result: 'failed',
      snapshotDataMovementInfo: { snapshotHandle: '', size: 0, Phase: 'Failed' },
    });
  });

  it('says of a volume that could not be planned that its data is missing, so that no restore takes it for empty', () => {
    const { outcome: _, ...untried } = moved;
    const plan = { ...untried.plan, method: 'failed' as const, reason: 'no VolumeSnapshotClass' };
    expect(volumeInfo({ ...untried, plan }, '2026-01-02T03:04:05.678Z')).toMatchObject({
      backupMethod: 'CSISnapshot',
      snapshotDataMoved: true,
      skipped: false,
      result: 'failed',
      startTimestamp: '2026-01-02T03:04:05Z',
    });
  });

  it('that nobody tried to move says why', () => {
    expect(volumeInfo(skipped, '2026-01-02T03:04:05Z')).toEqual({
      pvcNamespace: 'shop',
      pvcName: 'data',
      pvName: 'pv-1',
      snapshotDataMoved: false,
      preserveLocalSnapshot: false,
      skipped: true,
      skippedReason: 'any: not wanted;',
      pvInfo: { reclaimPolicy: 'Delete', labels: { zone: 'a' } },
    });
  });
});

describe('the item operation of a volume', () => {
  const run = { name: 'b', uid: 'u', namespace: 'velero' };

  it('points from the claim to its DataUpload', () => {
    const { spec, status } = volumeOperation(run, { ...moved, outcome });
    expect(spec).toEqual({
      backupName: 'b',
      backupUID: 'u',
      backupItemAction: 'velero.io/csi-pvc-backupper',
      resourceIdentifier: { Group: '', Resource: 'persistentvolumeclaims', Namespace: 'shop', Name: 'data' },
      operationID: 'du-1',
      postOperationItems: [
        { Group: 'velero.io', Resource: 'datauploads', Namespace: 'velero', Name: 'b-0123' },
      ],
    });
    expect(status).toEqual({
      phase: 'Completed',
      nCompleted: 1000,
      nTotal: 1000,
      operationUnits: 'Bytes',
      description: 'Completed',
      created: '2026-01-02T03:04:05Z',
      started: '2026-01-02T03:04:05Z',
      updated: '2026-01-02T03:05:06Z',
    });
  });

  it('that failed has its error', () => {
    expect(volumeOperation(run, { ...moved, outcome: failed }).status).toMatchObject({
      phase: 'Failed',
      error: 'kopia said no',
    });
  });
});

describe('the problems of a volume', () => {
  const item = { namespace: 'shop', resource: 'persistentvolumeclaims', name: 'data' };

  it('are none when all of it was kept', () => {
    expect(volumeProblems(moved)).toEqual([]);
    expect(volumeProblems({ ...moved, outcome: { ...outcome, notKept: { xattrs: 0 } } })).toEqual([]);
    expect(volumeProblems(skipped)).toEqual([]);
  });

  it('are those of its outcome, told of its claim', () => {
    expect(volumeProblems({ ...moved, outcome: failed })).toEqual([
      { severity: 'error', step: 'protectVolume', code: 'MoverFailed', message: 'kopia said no', ...item },
    ]);
  });

  it('are what the repository cannot keep, as one warning', () => {
    const notKept = { xattrs: 2, acls: 0, sockets: 1 };
    expect(volumeProblems({ ...moved, outcome: { ...outcome, notKept } })).toEqual([
      {
        severity: 'warning',
        step: 'transfer',
        code: 'NotSupported',
        message: 'the repository cannot keep: 2 xattrs, 1 sockets',
        ...item,
      },
    ]);
  });
});

describe('problems', () => {
  const problems = [
    problem('error', 'plan', 'InvalidInput', 'no such "namespace"', {
      namespace: 'x',
      resource: 'namespaces',
    }),
    problem('warning', 'related', 'KubeInvalid', 'gone', { namespace: '', resource: 'pvs', name: 'pv-1' }),
  ];

  it('are lines of the log with their hint', () => {
    expect(problemLines(problems, '2026-01-02T03:04:05Z', 'velero/b')).toEqual([
      'time="2026-01-02T03:04:05Z" level=error msg="no such \\"namespace\\"" backup=velero/b code=InvalidInput hint="Correct the named field and apply again." namespace=x resource=namespaces step=plan',
      `time="2026-01-02T03:04:05Z" level=warning msg=gone backup=velero/b code=KubeInvalid hint="${hintOf('KubeInvalid')}" name=pv-1 namespace= resource=pvs step=related`,
    ]);
  });

  it('are counted, and one error is enough for PartiallyFailed', () => {
    expect(countProblems(problems)).toEqual({ errors: 1, warnings: 1 });
    expect(phaseOf({ errors: 1, warnings: 0 })).toBe('PartiallyFailed');
    expect(phaseOf({ errors: 0, warnings: 9 })).toBe('Completed');
  });

  it('of an unknown code have no hint', () => {
    expect(hintOf('toString')).toBe('');
  });
});
