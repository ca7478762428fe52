import type { Problem } from '../problems.ts';

/** Volumes of a backup: how each is protected, and what came of it. */

/**
 * `data-mover`: CSI snapshot, its data in the repository. `csi-snapshot`: CSI snapshot that stays in the storage.
 * `fs-backup`: files read through a running pod. `skip`: left out on purpose. `failed`: cannot be protected.
 */
export type VolumeMethod = 'data-mover' | 'csi-snapshot' | 'fs-backup' | 'skip' | 'failed';

/** The pod whose volume a file-system backup reads. */
export interface VolumePod {
  namespace: string;
  name: string;
  uid: string;
  node: string;
}

/** How one volume is protected, with the reason, also for those left out. */
export interface VolumePlan {
  index: number;
  /** Of the claim; of the pod for a pod's volume without a claim; empty for a PersistentVolume without a claim. */
  namespace: string;
  /** Empty, like claimUid, for volumes without a claim. */
  claim: string;
  claimUid: string;
  /** PersistentVolume; empty for pod volumes without one. */
  volume: string;
  /** Kubernetes' field name of the volume's source: csi, nfs, emptyDir …; empty while there is no volume. */
  volumeType: string;
  method: VolumeMethod;
  reason: string;
  /** Always there for `fs-backup`, and for pod volumes without a claim. */
  pod?: VolumePod;
  /** What the volume is called in the pod. */
  podVolume?: string;
  driver: string;
  storageClass: string;
  volumeMode: 'Filesystem' | 'Block';
  accessModes: string[];
  requestedBytes: number;
  snapshotClass: string;
  claimLabels: Record<string, string>;
  pvInfo: { reclaimPolicy: string; labels: Record<string, string> };
  /** Value of the label that makes claims one group (spec.volumeGroupSnapshotLabelKey). */
  volumeGroup?: string;
  /** Of volumes left out: the way that could have taken it. */
  approach?: SkipApproach;
}

/** Velero's words in the reasons for skipping. */
export type SkipApproach = 'podvolume' | 'csiSnapshot' | 'any';

/** Volumes that are cut at the same moment, between the hooks of the pods that use them. */
export interface VolumeGroup {
  id: number;
  /** By index, those of method `data-mover`. */
  volumes: number[];
  /** Those of method `csi-snapshot`. */
  kept: number[];
  /** Those of method `fs-backup`. */
  files: number[];
  /** Sets of `volumes` or `kept` that the storage cuts at one moment. */
  together?: number[][];
  pods: { namespace: string; name: string }[];
}

/** A VolumeGroupSnapshot that will be made. */
export interface GroupSnapshot {
  /** Volumes, by index. */
  members: number[];
  namespace: string;
  label: string;
  value: string;
  snapshotClass: string;
  /** Of the API. */
  version: string;
}

export interface VolumePlans {
  volumes: VolumePlan[];
  groups: VolumeGroup[];
  together?: GroupSnapshot[];
  problems: Problem[];
}

/** A storage snapshot that exists, and the objects that stand for it in the application's namespace. */
export interface VolumeCut {
  snapshot: string;
  content: string;
  handle: string;
  driver: string;
  snapshotClass: string;
  /** The VolumeGroupSnapshot that it is a part of, and with which alone it can be deleted. */
  group?: string;
  /** 0 when the driver does not say. */
  restoreSize: number;
  /** ISO time at which the storage made it. */
  takenAt: string;
}

/** How a volume's protection or recovery ended. */
export interface VolumeOutcome {
  index: number;
  ok: boolean;
  /** The DataUpload or DataDownload that shows it. */
  object: string;
  snapshotId?: string;
  bytes: number;
  bytesMoved: number;
  files: number;
  startedAt: string;
  completedAt: string;
  /** Milliseconds of each step, in order. */
  stagesMs: Record<string, number>;
  notKept: Record<string, number>;
  problem?: Problem;
  /** Of a CSI snapshot that stays in the storage. */
  kept?: KeptSnapshot;
}

/** The objects that stand for a storage snapshot, as they were when it was ready, and its class. */
export interface KeptSnapshot {
  snapshot: object;
  content: object;
  class?: object;
}
