import type { BackupVolumeInfo } from '../format/volume-info.ts';
import { problem } from '../problems.ts';
import type { Problem } from '../problems.ts';
import type { StoredPod } from './facts.ts';

/**
 * Volumes of restored pods whose files are in the backup, but in no claim that could be withheld: Kubernetes makes them
 * anew, empty, with the pod.
 */
export function lostPodVolumes(
  pods: readonly StoredPod[],
  infos: readonly BackupVolumeInfo[],
  targetOf: (namespace: string) => string,
): Problem[] {
  const read = infos.filter(({ backupMethod, pvcName }) => backupMethod === 'PodVolumeBackup' && !pvcName);
  return pods.flatMap(({ namespace, name }) => {
    const mine = read.filter(
      ({ pvbInfo }) => pvbInfo?.podNamespace === namespace && pvbInfo.podName === name,
    );
    const item = { namespace: targetOf(namespace), resource: 'pods', name };
    return mine.map(({ pvbInfo }) => {
      const message = `volume ${pvbInfo?.volumeName ?? ''} comes up empty: its data is a file-system backup (PodVolumeBackup)`;
      return problem('error', 'planRestore', 'PodVolumeNotRestored', message, item);
    });
  });
}
