import { describe, expect, it } from 'vitest';
import { parseVolumeInfos } from '../../../../core/format/volume-info.ts';
import type { BackupVolumeInfo } from '../../../../core/format/volume-info.ts';
import type { StoredPod } from '../../../../core/restore/facts.ts';
import { podVolumeInfos } from '../../../../core/restore/legacy-volumes.ts';
import { lostPodVolumes } from '../../../../core/restore/pod-volumes.ts';

const pod = (name: string, namespace = 'shop'): StoredPod => ({
  namespace,
  name,
  labels: {},
  claims: [],
  priorityClass: '',
  ended: false,
  hooks: false,
});

const info = (
  podName: string,
  volumeName: string,
  more: Partial<BackupVolumeInfo> = {},
): BackupVolumeInfo => ({
  backupMethod: 'PodVolumeBackup',
  snapshotDataMoved: false,
  preserveLocalSnapshot: false,
  skipped: false,
  pvbInfo: { uploaderType: 'kopia', volumeName, podName, podNamespace: 'shop', Phase: 'Completed' },
  ...more,
});

const lost = (pods: StoredPod[], infos: BackupVolumeInfo[]) =>
  lostPodVolumes(pods, infos, (namespace) => `${namespace}-copy`).map(
    ({ severity, code, message, namespace, name }) => ({ severity, code, message, namespace, name }),
  );

describe('a restored pod with a volume that only its file-system backup has', () => {
  it('is told of as an error with its own code, in the namespace of the restore', () => {
    expect(lost([pod('web')], [info('web', 'tmp')])).toEqual([
      {
        severity: 'error',
        code: 'PodVolumeNotRestored',
        message: expect.stringContaining('volume tmp comes up empty') as string,
        namespace: 'shop-copy',
        name: 'web',
      },
    ]);
  });

  it('each volume by itself, and none of other pods or of claims', () => {
    const infos = [
      info('web', 'tmp'),
      info('web', 'cache'),
      info('other', 'tmp'),
      info('web', 'data', { pvcName: 'data', pvcNamespace: 'shop', pvName: 'pv-1' }),
      info('web', 'moved', { backupMethod: 'CSISnapshot' }),
    ];
    expect(lost([pod('web'), pod('web', 'elsewhere')], infos)).toHaveLength(2);
  });

  it('is found in backups of old versions as well', () => {
    const stored = [
      { spec: { pod: { namespace: 'shop', name: 'web' }, volume: 'tmp' } },
      {
        metadata: { annotations: { 'velero.io/pvc-name': 'data' } },
        spec: { pod: { namespace: 'shop', name: 'web' } },
      },
    ];
    expect(lost([pod('web')], podVolumeInfos(stored))).toHaveLength(1);
  });

  it('no nonsense in the file does harm', () => {
    const infos = parseVolumeInfos(
      '[{"backupMethod":"PodVolumeBackup"},{"backupMethod":"PodVolumeBackup","pvbInfo":7}]',
    );
    expect(lost([pod('web')], infos)).toEqual([]);
  });
});
