import type { BackupVolumeInfo } from '../format/volume-info.ts';
import { problem } from '../problems.ts';
import type { Problem } from '../problems.ts';
import { unrestorable } from './claims.ts';
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
    return mine.map((info) => {
      const { code, what } = unrestorable('PodVolumeBackup', info);
      const message = `volume ${info.pvbInfo?.volumeName ?? ''} comes up empty: its data is ${what}`;
      return problem('error', 'planRestore', code, message, item);
    });
  });
}
