import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { RunRef, RunType } from './run.ts';

/**
 * The only place that makes names: workflow ids, and the names and labels of the objects that a run creates.
 * Everything is derived from the custom resource, so that a repeated step finds what an earlier attempt made.
 */

const hex = (text: string) => bytesToHex(sha256(utf8ToBytes(text)));

/** Velero's rule for label values: up to `max` characters unchanged, longer ones end in 6 digits of their hash. */
export function validName(text: string, max = 63): string {
  return text.length <= max ? text : text.slice(0, max - 6) + hex(text).slice(0, 6);
}

/** First `length` hex digits of the hash of the parts; parts are joined by a character no Kubernetes name has. */
export function shortHash(length: number, ...parts: string[]): string {
  return hex(parts.join('|')).slice(0, length);
}

/** Canonical workflow id of a run: two doors opened for the same name meet here. */
export function runWorkflowId(run: Omit<RunRef, 'uid'>): string {
  return `${run.type}/${run.cluster}/${run.namespace}/${validName(run.name, 200)}`;
}

/** Child workflow that protects or recovers one volume of a run. */
export function volumeWorkflowId(run: RunRef, index: number): string {
  return `${run.type === 'backup' ? 'protectVolume' : 'recoverVolume'}/${run.uid}/${index}`;
}

/** Releases the application of a group when its run cannot; it goes on when the run is gone. */
export const unquiesceWorkflowId = (run: RunRef, group: number) => `unquiesce/${run.uid}/${group}`;

/** Lock of a pod that is quiesced: hooks of two runs must not come between each other. */
export const quietLockName = (pod: { namespace: string; name: string }) =>
  `quiet/${shortHash(16, pod.namespace, pod.name)}`;

/** Claim of a group's pods: of this very run, not of another one with its name. */
export const quietKey = (run: RunRef, group: number) => `${run.uid}/${group}`;

/** Secret in the control namespace with the hooks of a group, and what is known of them. */
export const hooksSecretName = (run: RunRef, group: number) =>
  `${validName(run.name.replaceAll('.', '-'), 40)}-${shortHash(16, run.uid, 'hooks', String(group))}-hooks`;

export const controllerWorkflowId = (cluster: string, namespace: string) =>
  `controller/${cluster}/${namespace}`;
export const limiterWorkflowId = (cluster: string) => `limiter/${cluster}`;
export const repositoryWorkflowId = (cluster: string, location: string, namespace: string) =>
  `initRepository/${cluster}/${location}/${namespace}`;
export const garbageWorkflowId = (cluster: string, namespace: string) =>
  `collectGarbage/${cluster}/${namespace}`;
/** The test of a location that the controller starts at once; also the id of the Schedule that repeats it. */
export const locationWorkflowId = (cluster: string, namespace: string, location: string) =>
  `checkLocation/${cluster}/${namespace}/${location}`;

export const previewWorkflowId = (cluster: string, namespace: string, uid: string) =>
  `previewBackup/${cluster}/${namespace}/${uid}`;

/** Velero's name of a BackupRepository; a name of the API has at most 253 characters. */
export const repositoryObjectName = (location: string, namespace: string) =>
  validName(`${namespace}-${location}-kopia`, 253);

/**
 * Name of everything made for one claim of a run: the DataUpload or DataDownload, and in the control namespace the
 * snapshot copy, the temporary claim and (with the attempt appended) the mover pod. At most 57 characters.
 */
export function volumeObjectName(run: RunRef, namespace: string, claim: string): string {
  return `${validName(run.name.replaceAll('.', '-'), 40)}-${shortHash(16, run.uid, namespace, claim)}`;
}

/** The same for any volume of a backup: one without a claim is called after its pod. */
export const protectionName = (run: RunRef, { namespace, claim, pod, podVolume = '' }: ProtectedVolume) =>
  volumeObjectName(run, namespace, claim || `${pod?.name ?? ''}/${podVolume}`);

interface ProtectedVolume {
  namespace: string;
  claim: string;
  pod?: { name: string };
  podVolume?: string;
}

/** The snapshot taken in the application's own namespace; gone again after the hand-over. */
export const sourceSnapshotName = (run: RunRef, namespace: string, claim: string) =>
  `caravel-${shortHash(20, run.uid, namespace, claim)}`;

/** The snapshot of all claims of a namespace with one value of the group label. */
export const groupSnapshotName = (run: RunRef, namespace: string, value: string) =>
  `caravel-${shortHash(20, run.uid, namespace, 'group', value)}`;

export const moverPodName = (volumeObject: string, attempt: number) => `${volumeObject}-${attempt}`;
export const moverSecretName = (volumeObject: string) => `${volumeObject}-repo`;

/** Operation id of a data movement, as Velero forms it. */
export const operationId = (type: RunType, runUid: string, claimUid: string) =>
  validName(`${type === 'backup' ? 'du' : 'dd'}-${runUid}.${claimUid}`);

/** Kopia source of a data-mover backup; relative path, taken verbatim by Kopia and by Velero. */
export const dataMoverSource = (namespace: string, claim: string) =>
  `default@default:${DATA_MOVER_REQUESTER}/kopia/${namespace}/${claim}`;

/** Kopia source of a file-system backup, the same as Velero's: by the claim, or the pod's volume where there is none. */
export const podVolumeSource = ({ namespace, claim, pod, podVolume = '' }: ProtectedVolume) =>
  `default@default:${POD_VOLUME_REQUESTER}/kopia/${namespace}/${pod?.name ?? ''}/${claim || podVolume}`;

/** Who asked for a snapshot: Velero's words for its ways to back up a volume. */
export const DATA_MOVER_REQUESTER = 'snapshot-data-upload-download';
export const POD_VOLUME_REQUESTER = 'snapshot-pod-volume';

export const LABELS = {
  /** Uid of the run that made the object; garbage collection starts from here. */
  runUid: 'caravel.dev/run-uid',
  runType: 'caravel.dev/run-type',
  runName: 'caravel.dev/run-name',
  volume: 'caravel.dev/volume',
  /** Number of the mover pod of a volume, from 1. */
  attempt: 'caravel.dev/attempt',
  component: 'app.kubernetes.io/component',
  managedBy: 'app.kubernetes.io/managed-by',
  backupName: 'velero.io/backup-name',
  backupUid: 'velero.io/backup-uid',
  restoreName: 'velero.io/restore-name',
  restoreUid: 'velero.io/restore-uid',
  pvcUid: 'velero.io/pvc-uid',
  operationId: 'velero.io/async-operation-id',
  storageLocation: 'velero.io/storage-location',
  volumeNamespace: 'velero.io/volume-namespace',
  repositoryType: 'velero.io/repository-type',
  excludeFromBackup: 'velero.io/exclude-from-backup',
} as const;

/** Annotation with the id of the workflow that owns a created object. */
export const WORKFLOW_ANNOTATION = 'caravel.dev/workflow-id';
/** Annotation with the id of another workflow that needs the object, also when its owner no longer runs. */
export const NEEDED_BY_ANNOTATION = 'caravel.dev/needed-by';
/** Annotation on the objects of a snapshot that stays in the storage: `<location>/<backup>` that it is a part of. */
export const KEPT_ANNOTATION = 'caravel.dev/kept-by';
/** Annotation on the copy of a snapshot that belongs to a group: only with the group it can be deleted. */
export const GROUP_ANNOTATION = 'caravel.dev/group-snapshot';
/** Annotation that is changed to have a controller look at an object again. */
export const NUDGE_ANNOTATION = 'caravel.dev/nudge';
/** Annotation on a custom resource with the facts that Velero's status schema has no field for, as JSON. */
export const FACTS_ANNOTATION = 'caravel.dev/facts';

/** Selects every object that runs create. */
export const OURS = `${LABELS.managedBy}=caravel`;

/** Labels of every object that a run creates. */
export function runLabels(run: RunRef, component: string): Record<string, string> {
  return {
    [LABELS.runUid]: run.uid,
    [LABELS.runType]: run.type,
    [LABELS.runName]: validName(run.name),
    [LABELS.component]: component,
    [LABELS.managedBy]: 'caravel',
  };
}

/** Scratch prefix of a run in its location; removed at its end, swept by uid when the end did not come. */
export function scratchPrefix(run: RunRef): string {
  return `${run.type === 'backup' ? 'backups' : 'restores'}/${run.name}/.caravel/${run.uid}/`;
}

/** Below it, one object for the repository of each namespace that the run uses. */
export const repositoryMarks = (scratch: string) => `${scratch}repositories/`;

/** Object in a scratch area that says whose it is; written first. */
export const SCRATCH_OWNER = 'owner';
