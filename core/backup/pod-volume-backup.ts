import type { Backup } from '../../contracts/api/backup.ts';
import { apiVersion, GVR } from '../../contracts/api/gvr.ts';
import type { PodVolumeBackup, PodVolumeBackupStatus } from '../../contracts/api/pod-volume.ts';
import { LABELS, protectionName, runLabels, validName } from '../../contracts/ids.ts';
import type { RunRef } from '../../contracts/run.ts';
import { renderDocument } from '../format/json.ts';
import type { VolumeOutcome, VolumePlan } from '../model.ts';

/** The resource that shows a file-system backup, and that a restore finds the data by. */

export interface PodVolumeInput {
  run: RunRef;
  backup: Backup;
  /** Name of the BackupStorageLocation. */
  location: string;
  plan: VolumePlan;
}

const PVC_NAME = 'velero.io/pvc-name';

/** As it is made: with its phase already set, so that nobody else takes it up. */
export function podVolumeBackup(input: PodVolumeInput, status: PodVolumeBackupStatus): PodVolumeBackup {
  const { run, location, plan, backup } = input;
  const { pod, podVolume = '' } = plan;
  return {
    apiVersion: apiVersion(GVR.podVolumeBackups),
    kind: 'PodVolumeBackup',
    metadata: metadata(run, plan),
    spec: {
      node: pod?.node ?? '',
      pod: podReference(plan),
      volume: podVolume,
      backupStorageLocation: location,
      repoIdentifier: '',
      uploaderType: 'kopia',
      tags: tagsOf(run, plan),
      ...uploaderSettings(backup),
    },
    status,
  };
}

function podReference({ pod }: VolumePlan): PodVolumeBackup['spec']['pod'] {
  const { namespace = '', name = '', uid = '' } = pod ?? {};
  return { kind: 'Pod', namespace, name, uid };
}

/** Velero says it whenever the Backup has any such settings. */
function uploaderSettings({ spec: { uploaderConfig } }: Backup) {
  if (!uploaderConfig) return {};
  return { uploaderSettings: { ParallelFilesUpload: String(uploaderConfig.parallelFilesUpload ?? 0) } };
}

function metadata(run: RunRef, plan: VolumePlan): PodVolumeBackup['metadata'] {
  const { claim, claimUid } = plan;
  return {
    name: protectionName(run, plan),
    namespace: run.namespace,
    ownerReferences: [
      { apiVersion: 'velero.io/v1', kind: 'Backup', name: run.name, uid: run.uid, controller: true },
    ],
    labels: {
      ...runLabels(run, 'movement'),
      [LABELS.backupName]: validName(run.name),
      [LABELS.backupUid]: run.uid,
      ...(claimUid && { [LABELS.pvcUid]: claimUid }),
    },
    ...(claim && { annotations: { [PVC_NAME]: claim } }),
  };
}

const tagsOf = (run: RunRef, { pod, podVolume = '', claimUid }: VolumePlan): Record<string, string> => ({
  backup: run.name,
  'backup-uid': run.uid,
  ns: pod?.namespace ?? '',
  pod: pod?.name ?? '',
  'pod-uid': pod?.uid ?? '',
  volume: podVolume,
  ...(claimUid && { 'pvc-uid': claimUid }),
});

/** As it ended. `shown` is what the cluster has of it; a restore goes by the outcome, whatever became of that. */
export function endedPodVolumeBackup(
  input: PodVolumeInput,
  outcome: VolumeOutcome,
  shown?: PodVolumeBackup,
): PodVolumeBackup {
  const made = podVolumeBackup(input, { ...shown?.status, ...outcomeStatus(outcome) });
  return { ...made, metadata: { ...shown?.metadata, ...made.metadata } };
}

const seconds = (time: string) => time.replace(/\.\d+Z$/, 'Z');

function outcomeStatus(outcome: VolumeOutcome): PodVolumeBackupStatus {
  const times = {
    startTimestamp: seconds(outcome.startedAt),
    completionTimestamp: seconds(outcome.completedAt),
  };
  if (!outcome.ok) return { ...times, phase: 'Failed', message: outcome.problem?.message ?? '' };
  return {
    ...times,
    phase: 'Completed',
    snapshotID: outcome.snapshotId ?? '',
    progress: { totalBytes: outcome.bytes, bytesDone: outcome.bytes },
    incrementalBytes: outcome.bytesMoved,
  };
}

/** The file `…-podvolumebackups.json.gz`; Velero writes `null` when there are none. */
export const renderPodVolumeBackups = (objects: readonly PodVolumeBackup[]): string =>
  renderDocument(objects.length > 0 ? objects : null);
