import type { Problem } from './problems.ts';

export type * from './volume/model.ts';

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
  /** False for a version that the server offers beside the one it prefers; such objects are stored once more in it. */
  preferred?: boolean;
}

/** A resource as the API server serves it, with every name users call it by. */
export interface ServedResource extends ResourceRef {
  singular: string;
  shortNames: string[];
}

/** `deployments.apps`; the core group has no suffix. */
export const groupResource = (ref: { group: string; resource: string }) =>
  ref.group === '' ? ref.resource : `${ref.resource}.${ref.group}`;

export const apiVersionOf = (ref: { group: string; version: string }) =>
  ref.group === '' ? ref.version : `${ref.group}/${ref.version}`;

/** Which resource types are in a backup: the fields of its spec. Old and new filters are never used together. */
export interface ResourceFilterSpec {
  includedResources?: string[] | null | undefined;
  excludedResources?: string[] | null | undefined;
  includeClusterResources?: boolean | null | undefined;
  includedClusterScopedResources?: string[] | null | undefined;
  excludedClusterScopedResources?: string[] | null | undefined;
  includedNamespaceScopedResources?: string[] | null | undefined;
  excludedNamespaceScopedResources?: string[] | null | undefined;
}

/** A list to make, in these namespaces; without namespaces it is cluster-wide. */
export interface ExportList {
  resource: ResourceRef;
  namespaces?: string[];
}

/** An object that `spec.orderedResources` names. */
export interface OrderedItem {
  /** Types of that name; usually one. */
  resources: ResourceRef[];
  namespace?: string;
  name: string;
}

export interface ExportShard {
  id: number;
  lists: ExportList[];
  /** Read one by one, in this order. */
  ordered?: OrderedItem[];
}

export interface BackupPlan {
  /** Namespaces in the backup, sorted; what is listed cluster-wide is filtered by them. */
  namespaces: string[];
  /** Include list was empty or `*`, so lists are made cluster-wide. */
  wholeCluster: boolean;
  /** Nothing limits the namespaces: objects without one belong to the backup as well. */
  everything: boolean;
  /** Of the spec, with what a resource policy adds. */
  filters: ResourceFilterSpec;
  shards: ExportShard[];
  /** Everything that is served, for related objects. */
  resources: ServedResource[];
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
  /** `<ns>/<name>`. */
  serviceAccounts: string[];
  /** `<ns>/<name>` of Secrets that snapshot classes name; they come along whatever the filters say. */
  classSecrets: string[];
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
  source: SourceFact;
  storageClass?: string;
  claim?: string;
  reclaimPolicy: string;
  labels: Record<string, string>;
  capacity: string;
}

/** Of a volume's source what volume policies ask about. */
export interface SourceFact {
  /** Field name of the source in a PersistentVolume or pod; empty for a claim in a pod. */
  type: string;
  nfs?: { server: string; path: string };
  csi?: { driver: string; volumeAttributes: Record<string, string> };
}

export interface PodVolumeFact {
  name: string;
  claim?: string;
  source: SourceFact;
  /** How its containers use it; init containers do not count, they have ended. */
  use: 'mount' | 'device' | 'none';
}

export interface PodFact {
  namespace: string;
  name: string;
  uid: string;
  phase: string;
  node?: string;
  /** It runs on nodes of Windows. */
  windows?: true;
  /** Claims mounted, by volume name. */
  claims: Record<string, string>;
  /** All of its volumes. */
  volumes: PodVolumeFact[];
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
  /** Objects that were met but are not in the backup, with the reason; for the log. */
  notes: ItemNote[];
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
  chunks: RestoreChunk[];
}

/** What one step applies; small resources share one. */
export interface RestoreChunk {
  parts: { groupResource: string; segment: StoredDoc }[];
  /** Objects in the segments; not all of them need be selected. */
  items: number;
}

/** Which objects of the backup are restored, after all names and patterns are resolved. */
export interface RestoreSelection {
  /** By their names in the backup. */
  namespaces: string[];
  /** Objects without a namespace: all of them, those that selected objects need, or none. */
  cluster: 'all' | 'related' | 'none';
  /** Group-resource → `ns/name` or `name` of what comes along because a selected object needs it. */
  related: Record<string, string[]>;
}

/** What becomes of a claim, where that is not simply its creation as it was stored. */
export type ClaimFate =
  /** Filled from the backup by `recoveries[index]`. */
  | { fate: 'recover'; index: number }
  /** It must not come up empty, so nothing can bind it. The reason is among the plan's problems. */
  | { fate: 'withhold'; reason: string }
  /** It was there before, and with it data that is not touched. */
  | { fate: 'existing' }
  /** It gets a new, empty volume. */
  | { fate: 'fresh' }
  | { fate: 'skip'; reason: string };

/** Changes asked for by ConfigMaps in the control namespace. */
export interface RestoreChanges {
  images: { from: string; to: string }[];
  /** Old class → new class. */
  classes: Record<string, string>;
  /** Classes in the cluster or restored with the rest. */
  knownClasses: string[];
}

export interface RestorePlan {
  waves: RestoreWave[];
  selection: RestoreSelection;
  changes: RestoreChanges;
  /** Namespaces that are needed, and what they are called in the cluster. */
  namespaces: { source: string; target: string }[];
  recoveries: RecoveryPlan[];
  /** By `<ns>/<name>` in the backup. */
  claims: Record<string, ClaimFate>;
  /** PersistentVolumes of the backup that are not restored, with the reason; the others wait for their old claims. */
  reprovisioned: Record<string, string>;
  /** Namespaces of the backup by name, as their manifests. */
  namespaceManifests: Record<string, Record<string, unknown>>;
  problems: Problem[];
  items: number;
}

export interface ArchiveSegment extends StoredDoc {
  items: number;
}

/** What the objects of one resource in a stored backup look like before any is read. */
export interface ArchiveIndex {
  resources: Record<string, { segments: ArchiveSegment[]; items: number; namespaces: string[] }>;
  items: number;
  problems: Problem[];
}

export type ItemAction = 'created' | 'updated' | 'skipped' | 'failed';

/** Something worth a line in the log, but neither a warning nor an error. */
export interface ItemNote {
  resource: string;
  /** Empty string = cluster-scoped. */
  namespace: string;
  name: string;
  message: string;
}

export interface ApplyReport {
  /** `<apiVersion>/<Kind>` → names with their action, e.g. `shop/web(created)`. */
  names: Record<string, string[]>;
  counts: Record<ItemAction, number>;
  problems: Problem[];
  notes: ItemNote[];
}
