import { GVR, apiVersion } from '../../contracts/api/gvr.ts';
import type { DataDownload, DataUpload } from '../../contracts/api/data-movement.ts';
import { LABELS, operationId, runLabels, volumeObjectName } from '../../contracts/ids.ts';
import type { RunRef } from '../../contracts/run.ts';
import type { RecoveryPlan, VolumeCut, VolumePlan } from '../../core/model.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import type { Restore } from '../../contracts/api/restore.ts';
import { validName } from '../../contracts/ids.ts';
import type { Gvr, KubeClient, OwnerReference } from '../../platform/kube/types.ts';
import { isNotFound } from '../../platform/kube/errors.ts';
import { now } from '../run/status.ts';

/**
 * DataUpload and DataDownload: how users and the velero CLI see a volume's movement (a PodVolumeBackup stands for one
 * through a pod, see core/backup/pod-volume-backup.ts). They are projections: created with their phase already set, written only here, read by nobody of ours.
 */

export const MOVEMENT_GVR = { backup: GVR.dataUploads, restore: GVR.dataDownloads } as const;

export interface MovementStatus {
  phase?: string;
  message?: string;
  startTimestamp?: string;
  completionTimestamp?: string;
  snapshotID?: string;
  path?: string;
  node?: string;
  nodeOS?: string;
  incrementalBytes?: number;
  progress?: { totalBytes: number; bytesDone: number };
}

const owner = (run: RunRef): OwnerReference => ({
  apiVersion: 'velero.io/v1',
  kind: run.type === 'backup' ? 'Backup' : 'Restore',
  name: run.name,
  uid: run.uid,
  controller: true,
});

function metadata(run: RunRef, name: string, claimUid: string) {
  const mine =
    run.type === 'backup'
      ? { [LABELS.backupName]: validName(run.name), [LABELS.backupUid]: run.uid, [LABELS.pvcUid]: claimUid }
      : { [LABELS.restoreName]: validName(run.name), [LABELS.restoreUid]: run.uid };
  return {
    name,
    namespace: run.namespace,
    ownerReferences: [owner(run)],
    labels: {
      ...runLabels(run, 'movement'),
      ...mine,
      [LABELS.operationId]: operationId(run.type, run.uid, claimUid),
    },
  };
}

export function uploadFor(
  run: RunRef,
  backup: Backup,
  location: string,
  volume: VolumePlan,
  cut: VolumeCut,
): DataUpload {
  const name = volumeObjectName(run, volume.namespace, volume.claim);
  return {
    apiVersion: apiVersion(GVR.dataUploads),
    kind: 'DataUpload',
    metadata: metadata(run, name, volume.claimUid),
    spec: {
      snapshotType: 'CSI',
      csiSnapshot: {
        volumeSnapshot: cut.snapshot,
        storageClass: volume.storageClass,
        snapshotClass: volume.snapshotClass,
        driver: cut.driver,
      },
      sourcePVC: volume.claim,
      sourceNamespace: volume.namespace,
      backupStorageLocation: location,
      ...parallelConfig('ParallelFilesUpload', backup.spec.uploaderConfig?.parallelFilesUpload),
      operationTimeout: backup.spec.csiSnapshotTimeout ?? '10m0s',
    },
    status: { phase: 'Accepted', acceptedTimestamp: now() },
  };
}

/** Velero's name of the setting, where the spec has one. */
const parallelConfig = (name: string, count: number | undefined) =>
  count ? { dataMoverConfig: { [name]: String(count) } } : {};

export function downloadFor(
  run: RunRef,
  restore: Restore,
  location: string,
  volume: RecoveryPlan,
): DataDownload {
  const name = volumeObjectName(run, volume.namespace, volume.claim);
  return {
    apiVersion: apiVersion(GVR.dataDownloads),
    kind: 'DataDownload',
    metadata: metadata(run, name, volume.sourceClaimUid),
    spec: {
      targetVolume: { pvc: volume.claim, pv: '', namespace: volume.namespace },
      backupStorageLocation: location,
      snapshotID: volume.snapshotId,
      snapshotSize: volume.snapshotBytes,
      sourceNamespace: volume.repositoryNamespace,
      operationTimeout: restore.spec.itemOperationTimeout ?? '4h0m0s',
    },
    status: { phase: 'Accepted', acceptedTimestamp: now() },
  };
}

/** Shows a step of the movement. A projection that somebody deleted is not worth failing a transfer for. */
export async function showMovement(
  kube: KubeClient,
  gvr: Gvr,
  at: { namespace: string; name: string },
  status: MovementStatus,
): Promise<void> {
  try {
    await kube.patch(gvr, at.namespace, at.name, { status }, { type: 'merge' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
