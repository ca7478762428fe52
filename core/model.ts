import type { Problem } from './problems.ts';

/** The documents that a run keeps in its scratch area; activities read and write them, workflows only carry references. */

/** A reference to a stored document; the same shape as contracts' DocRef. */
export interface StoredDoc {
  key: string;
  sha256: string;
  bytes: number;
}

export interface ResourceRef {
  group: string;
  version: string;
  resource: string;
  kind: string;
  namespaced: boolean;
}

/** `deployments.apps`; the core group has no suffix. */
export const groupResource = (ref: { group: string; resource: string }) =>
  ref.group === '' ? ref.resource : `${ref.resource}.${ref.group}`;

export const apiVersionOf = (ref: { group: string; version: string }) =>
  ref.group === '' ? ref.version : `${ref.group}/${ref.version}`;

/** Lists to make: every resource in every namespace named; no namespace = one cluster-wide list. */
export interface ExportShard {
  id: number;
  lists: { resource: ResourceRef; namespace?: string }[];
}

export interface BackupPlan {
  /** Namespaces in the backup, sorted; what is listed cluster-wide is filtered by them. */
  namespaces: string[];
  /** Include list was empty or `*`, so lists are made cluster-wide. */
  wholeCluster: boolean;
  shards: ExportShard[];
  /** Served resources by group-resource, for related objects. */
  resources: ResourceRef[];
  problems: Problem[];
}

/** What volume planning needs to know of the exported objects. */
export interface Facts {
  claims: ClaimFact[];
  volumes: VolumeFact[];
  pods: PodFact[];
  /** Group-resources of which at least one object was exported. */
  groupResources: string[];
  /** PriorityClasses named by pods. */
  priorityClasses: string[];
}

export interface ClaimFact {
  namespace: string;
  name: string;
  uid: string;
  volume?: string;
  phase?: string;
  storageClass?: string;
  volumeMode: 'Filesystem' | 'Block';
  accessModes: string[];
  requestedBytes: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export interface VolumeFact {
  name: string;
  /** CSI driver, when it is a CSI volume. */
  driver?: string;
  claim?: string;
  reclaimPolicy: string;
  labels: Record<string, string>;
  capacity: string;
}

export interface PodFact {
  namespace: string;
  name: string;
  uid: string;
  phase: string;
  node?: string;
  /** Claims mounted, by volume name. */
  claims: Record<string, string>;
  annotations: Record<string, string>;
  labels: Record<string, string>;
}

export interface ShardIndex {
  segments: StoredDoc[];
  /** `<apiVersion>/<Kind>` → `ns/name` or `name`. */
  names: Record<string, string[]>;
  items: number;
  facts: Facts;
  problems: Problem[];
}

/** How one claim's volume is protected, with the reason, also for those left out. */
export interface VolumePlan {
  index: number;
  namespace: string;
  claim: string;
  claimUid: string;
  volume: string;
  method: 'data-mover' | 'skip' | 'failed';
  reason: string;
  driver: string;
  storageClass: string;
  volumeMode: 'Filesystem' | 'Block';
  accessModes: string[];
  requestedBytes: number;
  snapshotClass: string;
  claimLabels: Record<string, string>;
  pvInfo: { reclaimPolicy: string; labels: Record<string, string> };
  problem?: Problem;
}

/** Volumes that are cut at the same moment, between the hooks of the pods that use them. */
export interface VolumeGroup {
  id: number;
  volumes: number[];
  pods: { namespace: string; name: string }[];
}

export interface VolumePlans {
  volumes: VolumePlan[];
  groups: VolumeGroup[];
  problems: Problem[];
}

/** A storage snapshot that exists, and the objects that stand for it in the application's namespace. */
export interface VolumeCut {
  snapshot: string;
  content: string;
  handle: string;
  driver: string;
  snapshotClass: string;
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
}

/** A volume to be filled from the backup. */
export interface RecoveryPlan {
  index: number;
  /** Namespace in the backup and in the cluster. */
  sourceNamespace: string;
  namespace: string;
  claim: string;
  sourceClaimUid: string;
  /** The target claim as it will be created, without volumeName. */
  manifest: Record<string, unknown>;
  volumeMode: 'Filesystem' | 'Block';
  storageClass: string;
  snapshotId: string;
  snapshotBytes: number;
  /** Name of the DataUpload in the backup. */
  dataUpload: string;
  /** Namespace of the Kopia repository. */
  repositoryNamespace: string;
  pvInfo?: { reclaimPolicy: string; labels: Record<string, string> | null };
  /** Placement of the pod that will use the claim: the mover is its first consumer and must fit where the pod does. */
  placement?: Record<string, unknown>;
}

/** One step of the restore order; its chunks are applied in parallel. */
export interface RestoreWave {
  name: string;
  chunks: { groupResource: string; segment: StoredDoc }[];
}

export interface RestorePlan {
  waves: RestoreWave[];
  namespaces: { source: string; target: string }[];
  recoveries: RecoveryPlan[];
  /** Claims that `recoveries` create, as `<target ns>/<name>`. */
  recoveredClaims: string[];
  /** PersistentVolumes of the backup that are provisioned anew, with the reason. */
  reprovisioned: Record<string, string>;
  /** Claims (source ns/name) that must not come up empty, with the reason. */
  withheldClaims: Record<string, string>;
  /** Namespaces of the backup by name, as their manifests. */
  namespaceManifests: Record<string, Record<string, unknown>>;
  problems: Problem[];
  items: number;
}

/** What the objects of one resource in a stored backup look like before any is read. */
export interface ArchiveIndex {
  resources: Record<string, { segments: StoredDoc[]; items: number; namespaces: string[] }>;
  items: number;
  problems: Problem[];
}

export type ItemAction = 'created' | 'updated' | 'skipped' | 'failed';

export interface ApplyReport {
  /** `<apiVersion>/<Kind>` → names with their action, e.g. `shop/web(created)`. */
  names: Record<string, string[]>;
  counts: Record<ItemAction, number>;
  problems: Problem[];
}
