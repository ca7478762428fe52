import type { BackupVolumeInfo } from '../format/volume-info.ts';
import { partOf, partsOf, textOf } from '../transform/manifest.ts';

/** Backups of old Velero versions have no volume infos; what they say elsewhere of their volumes is put in that form. */

const base = { snapshotDataMoved: false, preserveLocalSnapshot: false, skipped: false };

/** From `…-podvolumebackups.json.gz`. */
export function podVolumeInfos(stored: unknown): BackupVolumeInfo[] {
  return partsOf(stored).flatMap((object) => {
    const spec = partOf(object['spec']);
    const annotations = partOf(partOf(object['metadata'])['annotations']);
    const pvcName = textOf(annotations['velero.io/pvc-name']);
    const [podNamespace, podName] = ['namespace', 'name'].map((key) => textOf(partOf(spec['pod'])[key]));
    if (!podNamespace) return [];
    const claim = pvcName === '' ? {} : { pvcName, pvcNamespace: podNamespace };
    const volumeName = textOf(spec['volume']);
    // Before Velero 1.10 there was restic alone, and nothing to name it.
    const uploaderType = textOf(spec['uploaderType']) || 'restic';
    const pvbInfo = { uploaderType, volumeName, podName: podName ?? '', podNamespace, Phase: '' };
    return [{ ...base, ...claim, backupMethod: 'PodVolumeBackup' as const, pvbInfo }];
  });
}

/** From `…-volumesnapshots.json.gz`. */
export function nativeSnapshotInfos(stored: unknown): BackupVolumeInfo[] {
  return partsOf(stored).flatMap((object) => {
    const pvName = textOf(partOf(object['spec'])['persistentVolumeName']);
    return pvName === '' ? [] : [{ ...base, pvName, backupMethod: 'NativeSnapshot' as const }];
  });
}
