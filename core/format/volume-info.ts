import { parseList, renderDocument } from './json.ts';

/** `…-volumeinfo.json.gz`: how each volume was treated. Stock Velero's restore goes by it, keyed by PV name. */

export interface CsiSnapshotInfo {
  snapshotHandle: string;
  size: number;
  driver: string;
  vscName: string;
  operationID?: string;
  /** Always present; the capital letters here and below are Velero's. */
  ReadyToUse: boolean | null;
  volumeGroupSnapshotHandle?: string;
}

export interface DataMovementInfo {
  dataMover: string;
  uploaderType: string;
  retainedSnapshot?: string;
  snapshotHandle: string;
  operationID: string;
  size: number;
  incrementalSize?: number;
  Phase: string;
}

export interface NativeSnapshotInfo {
  snapshotHandle: string;
  volumeType: string;
  volumeAZ: string;
  /** A number in quotes. */
  iops: string;
  Phase: string;
}

/** Of a PodVolumeBackup (`pvbInfo`) or PodVolumeRestore (`pvrInfo`). */
export interface PodVolumeInfo {
  snapshotHandle?: string;
  size?: number;
  incrementalSize?: number;
  uploaderType: string;
  volumeName: string;
  podName: string;
  podNamespace: string;
  nodeName?: string;
  Phase: string;
}

export interface PvInfo {
  reclaimPolicy: string;
  labels: Record<string, string> | null;
}

interface VolumeIdentity {
  pvcName?: string;
  pvcNamespace?: string;
  pvName?: string;
}

export interface BackupVolumeInfo extends VolumeIdentity {
  /** Absent for skipped volumes. */
  backupMethod?: 'NativeSnapshot' | 'PodVolumeBackup' | 'CSISnapshot';
  snapshotDataMoved: boolean;
  /** True only for a CSI snapshot that stays in the storage. */
  preserveLocalSnapshot: boolean;
  skipped: boolean;
  skippedReason?: string;
  startTimestamp?: string;
  completionTimestamp?: string;
  result?: 'succeeded' | 'failed';
  csiSnapshotInfo?: CsiSnapshotInfo;
  snapshotDataMovementInfo?: DataMovementInfo;
  nativeSnapshotInfo?: NativeSnapshotInfo;
  pvbInfo?: PodVolumeInfo;
  pvInfo?: PvInfo;
}

export interface RestoreVolumeInfo extends VolumeIdentity {
  restoreMethod?: 'NativeSnapshot' | 'PodVolumeRestore' | 'CSISnapshot';
  snapshotDataMoved: boolean;
  csiSnapshotInfo?: CsiSnapshotInfo;
  snapshotDataMovementInfo?: DataMovementInfo;
  nativeSnapshotInfo?: NativeSnapshotInfo;
  pvrInfo?: PodVolumeInfo;
}

interface Claim {
  namespace: string;
  name: string;
  volume: string;
}

/** Velero names its own mover `velero` here and the uploader `kopia`; other values send a restore to a plugin. */
const VELERO_MOVER = 'velero';
const UPLOADER = 'kopia';
/** Velero's word for what a data movement does not keep of its snapshot. */
const UNKNOWN = 'unknown';

interface MovedInput {
  claim: Claim;
  driver: string;
  operationId: string;
  /** Kopia manifest id; empty while there is none. */
  snapshotId: string;
  size: number;
  incrementalSize?: number;
  retainedSnapshot?: string;
  phase: string;
}

/** A volume whose snapshot was moved into the repository. The CLI dereferences both sub-objects: they are never absent. */
export function movedVolume(
  input: MovedInput & { startedAt: string; completedAt?: string; ok?: boolean; pvInfo: PvInfo },
): BackupVolumeInfo {
  return {
    ...identity(input.claim),
    backupMethod: 'CSISnapshot',
    snapshotDataMoved: true,
    preserveLocalSnapshot: false,
    skipped: false,
    startTimestamp: input.startedAt,
    ...(input.completedAt ? { completionTimestamp: input.completedAt } : {}),
    ...(input.ok === undefined ? {} : { result: input.ok ? 'succeeded' : 'failed' }),
    csiSnapshotInfo: {
      snapshotHandle: UNKNOWN,
      size: 0,
      driver: input.driver,
      vscName: UNKNOWN,
      operationID: UNKNOWN,
      ReadyToUse: null,
    },
    snapshotDataMovementInfo: movement(input, input.phase),
    pvInfo: input.pvInfo,
  };
}

interface ReadInput {
  /** Without a name for a volume of the pod alone. */
  claim: Claim;
  pod: { namespace: string; name: string; node: string };
  /** What the volume is called in the pod. */
  podVolume: string;
  snapshotId: string;
  size: number;
  incrementalSize: number;
  startedAt: string;
  completedAt: string;
  ok: boolean;
  pvInfo: PvInfo;
}

/** A volume that was read through its pod. Velero says nothing of a PersistentVolume where there is no claim. */
export function readVolume(input: ReadInput): BackupVolumeInfo {
  const { claim, pod, podVolume, snapshotId, size, incrementalSize, ok } = input;
  return {
    ...(claim.name ? identity(claim) : {}),
    backupMethod: 'PodVolumeBackup',
    snapshotDataMoved: false,
    preserveLocalSnapshot: false,
    skipped: false,
    startTimestamp: input.startedAt,
    completionTimestamp: input.completedAt,
    result: ok ? 'succeeded' : 'failed',
    pvbInfo: {
      ...(snapshotId ? { snapshotHandle: snapshotId } : {}),
      ...(size ? { size } : {}),
      ...(incrementalSize ? { incrementalSize } : {}),
      uploaderType: UPLOADER,
      volumeName: podVolume,
      podName: pod.name,
      podNamespace: pod.namespace,
      nodeName: pod.node,
      Phase: ok ? 'Completed' : 'Failed',
    },
    ...(claim.name ? { pvInfo: input.pvInfo } : {}),
  };
}

/** A volume that was left out, by the way that could have taken it and why it did not: `volumeSnapshot` → reason. */
export function skippedVolume(
  claim: Claim,
  reasons: Record<string, string>,
  pvInfo: PvInfo,
): BackupVolumeInfo {
  const approaches = Object.keys(reasons).sort();
  return {
    ...identity(claim),
    snapshotDataMoved: false,
    preserveLocalSnapshot: false,
    skipped: true,
    skippedReason: approaches.map((approach) => `${approach}: ${reasons[approach]};`).join(''),
    pvInfo,
  };
}

/** A claim filled from the repository. Velero never sets the phase of a restore's movement. */
export function recoveredVolume(input: Omit<MovedInput, 'phase'>): RestoreVolumeInfo {
  return {
    ...identity(input.claim),
    restoreMethod: 'CSISnapshot',
    snapshotDataMoved: true,
    snapshotDataMovementInfo: movement(input, ''),
  };
}

export const renderVolumeInfos = (infos: (BackupVolumeInfo | RestoreVolumeInfo)[]): string =>
  renderDocument(infos);

export const parseVolumeInfos = (text: string, file = 'volumeinfo'): BackupVolumeInfo[] =>
  parseList<BackupVolumeInfo>(text, file);

function identity(claim: Claim): VolumeIdentity {
  return {
    ...(claim.name ? { pvcName: claim.name } : {}),
    ...(claim.namespace ? { pvcNamespace: claim.namespace } : {}),
    ...(claim.volume ? { pvName: claim.volume } : {}),
  };
}

function movement(input: Omit<MovedInput, 'phase'>, phase: string): DataMovementInfo {
  return {
    dataMover: VELERO_MOVER,
    uploaderType: UPLOADER,
    ...(input.retainedSnapshot ? { retainedSnapshot: input.retainedSnapshot } : {}),
    snapshotHandle: input.snapshotId,
    operationID: input.operationId,
    size: input.size,
    ...(input.incrementalSize ? { incrementalSize: input.incrementalSize } : {}),
    Phase: phase,
  };
}
