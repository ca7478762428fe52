import type { BackupVolumeInfo } from '../format/volume-info.ts';
import type { ErrorCode } from '../errors/catalog.ts';
import { classOfClaim } from './facts.ts';
import type { StoredClaim, StoredUpload, StoredVolume } from './facts.ts';

/** What is known of the volumes of a backup and of the cluster, to decide about claims. */
export interface ClaimInput {
  /** spec.restorePVs; only an explicit false leaves the data out. */
  restoreData: boolean;
  /** Value of the label `velero.io/backup-name` of this backup's objects. */
  backupLabel: string;
  uploads: readonly StoredUpload[];
  infos: readonly BackupVolumeInfo[];
  volumes: readonly StoredVolume[];
  /** Can the PersistentVolumes themselves be restored? */
  volumesRestorable: boolean;
  /** Claims in the cluster by the names that stored ones will have. */
  exists(claim: StoredClaim): boolean;
  /** Class that a stored class becomes, and whether it is there. */
  classFor(name: string): { name: string; known: boolean };
}

/** Where the data of a claim is. */
export interface DataSource {
  snapshotId: string;
  bytes: number;
  dataUpload: string;
}

export type ClaimDecision =
  | { is: 'recover'; source: DataSource }
  | { is: 'withhold'; code: ErrorCode; reason: string }
  /** A volume of its own, empty; with a warning unless that was asked for. */
  | { is: 'fresh'; warning?: string }
  /** As it was stored, its volume included. */
  | { is: 'asStored'; warning?: string }
  | { is: 'existing'; warning: string }
  | { is: 'skip'; warning?: string; error?: string };

const nameOf = (claim: StoredClaim) => `${claim.namespace}/${claim.name}`;

const withhold = (code: ErrorCode, reason: string): ClaimDecision => ({ is: 'withhold', code, reason });

export const infoOfClaim = (claim: StoredClaim, infos: readonly BackupVolumeInfo[]) =>
  infos.find(({ pvcNamespace, pvcName }) => pvcNamespace === claim.namespace && pvcName === claim.name) ??
  infos.find(({ pvName, pvcName }) => !pvcName && pvName !== undefined && pvName === claim.volume);

/** The annotation names the upload; without it, the one upload of this backup for the claim. */
function uploadOf(claim: StoredClaim, { uploads, backupLabel }: ClaimInput): StoredUpload | undefined {
  const named = claim.annotations['velero.io/data-upload-name'];
  const mine = uploads.filter((upload) => upload.claim === nameOf(claim));
  if (named) {
    const exact = mine.find(({ namespace, name }) => named === `${namespace}/${name}` || named === name);
    if (exact) return exact;
  }
  // A backup of the control namespace holds the uploads of other backups as well.
  const ofBackup = mine.filter(({ backup }) => backup === backupLabel);
  return ofBackup.length === 1 ? ofBackup[0] : undefined;
}

export function decideClaim(claim: StoredClaim, input: ClaimInput): ClaimDecision {
  if (claim.owner !== '') {
    const warning = `the volume belongs to pod ${claim.owner} (generic ephemeral volume) and is made anew, empty, with it`;
    return { is: 'skip', warning };
  }
  const decision = claim.volume === '' ? ({ is: 'asStored' } as const) : decideBound(claim, input);
  if (decision.is !== 'recover' && decision.is !== 'withhold') return decision;
  if (!input.restoreData) return { is: 'fresh' };
  if (input.exists(claim)) {
    const warning = `could not restore, PersistentVolumeClaim "${claim.name}" already exists: its volume is left as it is, the data in the backup is not restored`;
    return { is: 'existing', warning };
  }
  return decision.is === 'recover' ? withClass(claim, decision, input) : decision;
}

/** Without its class a claim would wait for ever. */
function withClass(claim: StoredClaim, decision: ClaimDecision, input: ClaimInput): ClaimDecision {
  const asked = classOfClaim(claim);
  if (asked === '') return decision;
  const { name, known } = input.classFor(asked);
  return known
    ? decision
    : withhold(
        'StorageClassMissing',
        `claim ${nameOf(claim)}: StorageClass "${name}" does not exist in this cluster`,
      );
}

function decideBound(claim: StoredClaim, input: ClaimInput): ClaimDecision {
  const upload = uploadOf(claim, input);
  const info = infoOfClaim(claim, input.infos);
  if (upload || info?.snapshotDataMoved || claim.annotations['velero.io/data-upload-name']) {
    return decideMoved(claim, movementOf(upload, info));
  }
  const method =
    info?.backupMethod ?? (claim.annotations['velero.io/volume-snapshot-name'] ? 'CSISnapshot' : undefined);
  if (method) {
    const { code, what } = unrestorable(method, info);
    return withhold(code, `claim ${nameOf(claim)}: ${what} cannot be restored`);
  }
  return decideWithoutData(claim, info, input);
}

/** What a volume was saved with, and the code that says that it cannot be restored. */
export function unrestorable(
  method: NonNullable<BackupVolumeInfo['backupMethod']>,
  info: BackupVolumeInfo | undefined,
): { code: ErrorCode; what: string } {
  if (method === 'NativeSnapshot')
    return { code: 'NativeSnapshotNotSupported', what: 'a native snapshot of a volume snapshotter plugin' };
  if (method === 'CSISnapshot') {
    const what = 'a snapshot that stayed in the storage of the source cluster (spec.snapshotMoveData: false)';
    return { code: 'NotSupported', what };
  }
  return info?.pvbInfo?.uploaderType === 'restic'
    ? { code: 'ResticNotSupported', what: 'a file-system backup made with restic' }
    : { code: 'PodVolumeNotRestored', what: 'a file-system backup (PodVolumeBackup)' };
}

/** What the backup says of the movement of the data. */
interface Movement extends DataSource {
  mover: string;
  succeeded: boolean;
  /** Its end, in the words of whoever moved it. */
  end: string;
}

/** The upload is what a restore goes by; a backup that lost it may still have the volume's entry. */
function movementOf(
  upload: StoredUpload | undefined,
  info: BackupVolumeInfo | undefined,
): Movement | undefined {
  const entry = info && movementOfInfo(info);
  if (!upload) return entry;
  return {
    mover: upload.dataMover,
    succeeded: upload.phase === 'Completed',
    end: upload.message ? `${upload.phase}: ${upload.message}` : upload.phase,
    snapshotId: upload.snapshotId || (entry?.snapshotId ?? ''),
    bytes: upload.bytes || (entry?.bytes ?? 0),
    dataUpload: upload.name,
  };
}

function movementOfInfo({ result, snapshotDataMovementInfo: moved }: BackupVolumeInfo): Movement {
  return {
    mover: moved?.dataMover ?? '',
    succeeded: result === 'succeeded',
    end: moved?.Phase || (result ?? ''),
    snapshotId: moved?.snapshotHandle ?? '',
    bytes: moved?.size ?? 0,
    dataUpload: '',
  };
}

function decideMoved(claim: StoredClaim, movement: Movement | undefined): ClaimDecision {
  const lacks = (reason: string) => withhold('SnapshotMissing', `claim ${nameOf(claim)}: ${reason}`);
  if (!movement) return lacks('the backup names a DataUpload for its data, but does not hold it');
  const { mover, succeeded, end, snapshotId, bytes, dataUpload } = movement;
  if (mover !== '' && mover !== 'velero') {
    const reason = `its data was moved by "${mover}", which is not installed`;
    return withhold('PluginNotSupported', `claim ${nameOf(claim)}: ${reason}`);
  }
  const how = end || 'its end is unknown';
  if (snapshotId === '') return lacks(`the backup has no snapshot of its volume (${how})`);
  if (!succeeded) return lacks(`the backup of its volume did not succeed (${how})`);
  return { is: 'recover', source: { snapshotId, bytes, dataUpload } };
}

/** The backup left the volume out, or never knew it. A volume that outlives its claim can be taken up again. */
function decideWithoutData(
  claim: StoredClaim,
  info: BackupVolumeInfo | undefined,
  { volumes, volumesRestorable }: ClaimInput,
): ClaimDecision {
  const reason = info?.skippedReason
    ? `skipped: ${info.skippedReason.replace(/;$/, '')}`
    : 'no data of it in the backup';
  const volume = volumes.find(({ name }) => name === claim.volume);
  if (volume && volumesRestorable && volume.reclaimPolicy !== 'Delete') {
    const kept = `its old volume ${volume.name} is used again (reclaim policy ${volume.reclaimPolicy})`;
    return { is: 'asStored', ...(info && { warning: `the volume was not backed up (${reason}); ${kept}` }) };
  }
  return {
    is: 'fresh',
    warning: `the volume was not backed up (${reason}); the claim gets a new, empty one`,
  };
}

/** Why a PersistentVolume of the backup is not restored; undefined when it is. */
export function reprovisionReason(
  volume: StoredVolume,
  info: BackupVolumeInfo | undefined,
  claim: ClaimDecision | undefined,
): string | undefined {
  if (claim && claim.is !== 'asStored') return `its claim is decided by itself (${claim.is})`;
  if (info?.backupMethod) return `its data is in the backup (${info.backupMethod})`;
  if (volume.reclaimPolicy === 'Delete') return 'reclaim policy Delete: the volume went with its claim';
  return undefined;
}
