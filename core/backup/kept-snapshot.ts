import type { BackupVolumeInfo, PvInfo } from '../format/volume-info.ts';
import { backupOperation } from '../format/item-operations.ts';
import type { BackupOperation } from '../format/item-operations.ts';
import { LABELS } from '../../contracts/ids.ts';
import { formatQuantity, quantityBytes } from '../format/quantity.ts';
import type { KeptSnapshot, VolumeOutcome, VolumePlan } from '../model.ts';

/** CSI snapshots that stay in the storage: what a backup stores of them, so that a restore finds them by their handles. */

export const SNAPSHOT_BACKUP_ACTION = 'velero.io/csi-volumesnapshot-backupper';
export const SNAPSHOT_GROUP = 'snapshot.storage.k8s.io';

// oxlint-disable-next-line typescript/no-explicit-any -- raw JSON
type Raw = any;

/** A snapshot that was taken and its volume. */
export interface KeptVolume {
  plan: VolumePlan;
  outcome: VolumeOutcome;
  kept: KeptSnapshot;
}

/** Those of the volumes whose snapshot is a part of the backup. */
export const keptVolumes = (
  volumes: readonly { plan: VolumePlan; outcome?: VolumeOutcome }[],
): KeptVolume[] =>
  volumes.flatMap(({ plan, outcome }) => (outcome?.kept ? [{ plan, outcome, kept: outcome.kept }] : []));

const seconds = (time: string) => time.replace(/\.\d+Z$/, 'Z');
const nameOf = (object: Raw): string => object.metadata.name;
export const handleOf = ({ content }: KeptSnapshot): string => (content as Raw).status?.snapshotHandle ?? '';
const sizeOf = ({ content }: KeptSnapshot): number => Number((content as Raw).status?.restoreSize ?? 0);

/** As Velero forms it; unlike Velero's, with the time of the snapshot, so that a repeated step says the same. */
export const keptOperationId = ({ outcome, kept }: KeptVolume): string => {
  const { namespace } = (kept.snapshot as Raw).metadata;
  return `${namespace}/${nameOf(kept.snapshot)}/${seconds(outcome.startedAt)}`;
};

/** What marks an object as a run's: garbage collection would take restored ones for leftovers. */
const isMark = (key: string) =>
  key.startsWith('caravel.dev/') || key === LABELS.component || key === LABELS.managedBy;

/** Nor is a snapshot that is made anew a member of the old group, by owner and finalizers. */
function unmarked(object: Raw, labels: Record<string, string>): Raw {
  const without = (map: Record<string, string> = {}) =>
    Object.fromEntries(Object.entries(map).filter(([key]) => !isMark(key)));
  const { ownerReferences: _owners, finalizers: _finalizers, ...metadata } = object.metadata;
  return {
    ...object,
    metadata: {
      ...metadata,
      labels: { ...without(metadata.labels), ...labels },
      annotations: without(metadata.annotations),
    },
  };
}

const policyOf = (kept: KeptSnapshot): string => (kept.class as Raw)?.deletionPolicy ?? 'Delete';

/** The VolumeSnapshot as it is stored: a restore makes a new content from these annotations. */
export function storedSnapshot(kept: KeptSnapshot, claimLabels: Record<string, string>, backup: string): Raw {
  const { content } = kept as Raw;
  const group = content.status?.volumeGroupSnapshotHandle;
  const snapshot = unmarked(kept.snapshot, { ...claimLabels, [LABELS.backupName]: backup });
  const annotations = {
    'velero.io/csi-vsc-deletion-policy': policyOf(kept),
    'velero.io/csi-volumesnapshot-handle': handleOf(kept),
    'velero.io/csi-driver-name': content.spec.driver,
    'velero.io/csi-volumesnapshot-restore-size': formatQuantity(BigInt(sizeOf(kept))),
    ...(group && { 'velero.io/csi-volumegroupsnapshot-handle': group }),
  };
  const { metadata } = snapshot;
  return {
    ...snapshot,
    metadata: { ...metadata, annotations: { ...metadata.annotations, ...annotations } },
  };
}

/** The VolumeSnapshotContent as it is stored, with the policy that it had before it was made to outlive its snapshot. */
export function storedContent(kept: KeptSnapshot, backup: string): Raw {
  const content = unmarked(kept.content, { [LABELS.backupName]: backup });
  return { ...content, spec: { ...content.spec, deletionPolicy: policyOf(kept) } };
}

/** The claim as it is stored: it names its snapshot, and asks for no less than that holds. */
export function keptClaim(object: Raw, backup: string, kept: KeptSnapshot): Raw {
  const snapshot = nameOf(kept.snapshot);
  const { metadata, spec = {} } = object;
  const requests = spec.resources?.requests ?? {};
  const asked = quantityBytes(requests.storage ?? '0');
  const size = sizeOf(kept);
  const storage = size > asked ? formatQuantity(BigInt(size)) : requests.storage;
  return {
    ...object,
    metadata: {
      ...metadata,
      labels: {
        ...metadata.labels,
        'velero.io/volume-snapshot-name': snapshot,
        'velero.io/backup-name': backup,
      },
      annotations: { ...metadata.annotations, 'velero.io/volume-snapshot-name': snapshot },
    },
    spec: { ...spec, resources: { ...spec.resources, requests: { ...requests, storage } } },
  };
}

export function keptVolumeInfo(volume: KeptVolume): BackupVolumeInfo {
  const { plan, outcome, kept } = volume;
  const content = kept.content as Raw;
  const group = content.status?.volumeGroupSnapshotHandle;
  return {
    ...keptIdentity(plan),
    preserveLocalSnapshot: true,
    startTimestamp: seconds(outcome.startedAt),
    completionTimestamp: seconds(outcome.completedAt),
    result: 'succeeded',
    csiSnapshotInfo: {
      snapshotHandle: handleOf(kept),
      size: sizeOf(kept),
      driver: content.spec.driver,
      vscName: nameOf(content),
      operationID: keptOperationId(volume),
      ReadyToUse: true,
      ...(group && { volumeGroupSnapshotHandle: group }),
    },
  };
}

/** Of a snapshot that could not be taken: there is nothing to restore, and no empty volume either. */
export const keptMissing = (
  plan: VolumePlan,
  startedAt: string,
  completedAt = startedAt,
): BackupVolumeInfo => ({
  ...keptIdentity(plan),
  preserveLocalSnapshot: false,
  startTimestamp: seconds(startedAt),
  completionTimestamp: seconds(completedAt),
  result: 'failed',
  csiSnapshotInfo: { snapshotHandle: '', size: 0, driver: plan.driver, vscName: '', ReadyToUse: false },
});

const keptIdentity = ({ namespace, claim, volume, pvInfo }: VolumePlan) => ({
  pvcName: claim,
  pvcNamespace: namespace,
  pvName: volume,
  backupMethod: 'CSISnapshot' as const,
  snapshotDataMoved: false,
  skipped: false,
  pvInfo: pvInfo satisfies PvInfo,
});

export function keptOperation(run: { name: string; uid: string }, volume: KeptVolume): BackupOperation {
  const { outcome, kept } = volume;
  const { namespace } = (kept.snapshot as Raw).metadata;
  const item = {
    groupResource: `volumesnapshots.${SNAPSHOT_GROUP}`,
    namespace,
    name: nameOf(kept.snapshot),
  };
  return backupOperation({
    backup: run.name,
    uid: run.uid,
    action: SNAPSHOT_BACKUP_ACTION,
    item,
    operationId: keptOperationId(volume),
    postOperationItems: [
      item,
      { groupResource: `volumesnapshotcontents.${SNAPSHOT_GROUP}`, name: nameOf(kept.content) },
    ],
    status: {
      phase: 'Completed',
      created: seconds(outcome.startedAt),
      started: seconds(outcome.startedAt),
      updated: seconds(outcome.completedAt),
    },
  });
}
