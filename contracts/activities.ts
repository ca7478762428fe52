import type { ErrorCode } from '../core/errors/catalog.ts';
import type { ReleaseCause } from '../core/hooks/report.ts';
import type { VolumeCut, VolumeGroup, VolumeOutcome } from '../core/model.ts';
import type { Problem } from '../core/problems.ts';
import type { BackupPreview, PreviewInput } from './preview.ts';
import type { DocRef, Execution, RunRef, RunResult, RunType } from './run.ts';

/**
 * The verbs that workflows call. Each is begin-or-continue: safe to run twice, and safe to run again after any crash.
 * Inputs and results are small; lists and plans are documents in the bucket (DocRef).
 */

/** What a door may bring: a run of an existing resource, or the resource itself as a document. */
export type DoorInput =
  | { namespace: string; name: string; uid?: string }
  | {
      apiVersion: string;
      kind: string;
      metadata: { name: string; namespace?: string; [field: string]: unknown };
      spec?: object;
    };

export interface Opened {
  run: RunRef;
  /** Id under which the one workflow of this run lives. */
  workflowId: string;
}

export interface RunContextRef {
  run: RunRef;
  /** The resource with defaults, its location and settings, as they were when the run began. */
  context: DocRef;
}

export type Adopted =
  | { state: 'ready'; context: DocRef; startedAt: string; /** Mover slots of the cluster. */ movers: number }
  | { state: 'rejected'; errors: string[] }
  | { state: 'ended'; result: RunResult };

export interface Counted {
  doc: DocRef;
  items: number;
  errors: number;
  warnings: number;
}

export interface VolumeRef extends RunContextRef {
  /** Document with all volume plans of the run, and which of them is meant. */
  volumes: DocRef;
  index: number;
}

/** Volumes that the storage cuts at one moment. */
export interface GroupRef extends RunContextRef {
  volumes: DocRef;
  members: number[];
}

export interface StageTimes {
  [stage: string]: number;
}

export interface Ending {
  run: RunRef;
  phase: 'Failed' | 'Canceled';
  code: string;
  reason: string;
  /** Only when it is another one than the catalogue's. */
  hint?: string;
  stages: StageTimes;
}

export interface DoorActivities {
  /** Creates the custom resource when it is missing; says where its run lives. */
  openDoor(input: { type: RunType; input: DoorInput }): Promise<Opened>;
  /** Starts or attaches to the canonical run and waits for its end. */
  followRun(opened: Opened): Promise<RunResult>;
}

export interface RunActivities {
  /** Writes what a run is doing into its custom resource (phase, progress). */
  reportStage(input: { run: RunRef; phase: string; totalItems?: number; itemsDone?: number }): Promise<void>;
  /** The only writer of an unsuccessful end; a terminal phase is written once. */
  endRun(input: Ending): Promise<RunResult>;
  /** Last of all; also what a run that did not come to a good end has broken off. */
  removeScratch(input: { run: RunRef; context?: DocRef; unfinished?: boolean }): Promise<void>;
}

export interface BackupActivities {
  adoptBackup(run: RunRef): Promise<Adopted>;
  planBackup(input: RunContextRef): Promise<{ plan: DocRef; shards: number }>;
  exportShard(input: RunContextRef & { plan: DocRef; shard: number }): Promise<Counted>;
  /** Cluster-scoped objects that the exported ones need: PVs, CRDs, PriorityClasses, role bindings of ServiceAccounts. */
  exportRelated(input: RunContextRef & { plan: DocRef; shards: DocRef[] }): Promise<Counted>;
  planVolumes(input: RunContextRef & { shards: DocRef[] }): Promise<{
    volumes: DocRef;
    groups: PlannedGroup[];
    /** Hooks of the groups. */ hooks?: DocRef;
    count: number;
  }>;
  assembleBackup(
    input: RunContextRef & {
      plan: DocRef;
      shards: DocRef[];
      volumes: DocRef;
      outcomes: DocRef[];
      /** Of each group that has hooks, what came of them. */
      hooks?: DocRef[];
      stages: StageTimes;
    },
  ): Promise<{ manifest: DocRef; result: RunResult }>;
  /** Writes velero-backup.json, last, and the terminal phase into the custom resource. */
  sealBackup(
    input: RunContextRef & { manifest: DocRef; result: RunResult; stages: StageTimes },
  ): Promise<RunResult>;
}

/** What a workflow sees of a group. */
export interface PlannedGroup extends Omit<VolumeGroup, 'pods'> {
  hooks?: GroupWindow;
}

/** The time in which the application of a group is quiesced. */
export interface GroupWindow {
  /** It is released so long after its pre-hooks began, whatever happens. */
  deadlineMs: number;
  /** There are post-hooks. */
  releases: boolean;
  /** How long the run waits for the post-hooks before it goes on without their result. */
  patienceMs: number;
}

/** A group with hooks, and what is written down of them. */
export interface HookGroupRef {
  run: RunRef;
  group: number;
}

export interface PreHooksDone {
  /** `<namespace>/<name>` of those with a failed hook that must not fail: they are not backed up. */
  failedPods: string[];
}

export interface HookActivities {
  /** Asks the limiter for the group's pods, alone; it answers the workflow with the signal `lockGranted`. */
  requestQuiet(input: RunContextRef & { hooks: DocRef; group: number; holder: Execution }): Promise<void>;
  /** Writes the hooks down where they can be read without the bucket. */
  prepareHooks(input: RunContextRef & { hooks: DocRef; group: number }): Promise<void>;
  /** Each hook is begun at most once. */
  runPreHooks(ref: HookGroupRef): Promise<PreHooksDone>;
  /** Each hook of a pod that may have been quiesced is run at least once. */
  runPostHooks(ref: HookGroupRef): Promise<void>;
  /** What came of the hooks, as a document. */
  collectHooks(
    input: RunContextRef & {
      hooks: DocRef;
      group: number;
      released?: ReleaseCause;
      /** Milliseconds for which another run had the group's pods. */
      waitedMs?: number;
      fault?: { code: ErrorCode; message: string };
    },
  ): Promise<DocRef>;
  dropHooks(ref: HookGroupRef): Promise<void>;
  /** Whether this execution of a workflow is over, however it ended. */
  executionEnded(execution: Execution): Promise<boolean>;
}

export type PreviewStart = PreviewInput & {
  uid: string;
  /** Id of the workflow that asks. */ startedAs: string;
};

export type PreviewOpened =
  | ({ state: 'ready' } & RunContextRef)
  | { state: 'rejected'; preview: BackupPreview }
  /** The workflow of this id is the one to do it. */
  | { state: 'elsewhere'; workflowId: string };

export interface PreviewActivities {
  /** Checks the spec and begins a scratch area. */
  openPreview(input: PreviewStart): Promise<PreviewOpened>;
  reportPreview(
    input: RunContextRef & { plan: DocRef; shards: DocRef[]; volumes: DocRef; hooks?: DocRef },
  ): Promise<BackupPreview>;
}

export interface ProtectActivities {
  cutVolume(input: VolumeRef): Promise<VolumeCut>;
  /** The cuts in the order of the members. */
  cutGroup(input: GroupRef): Promise<VolumeCut[]>;
  /** The group is gone with all its storage snapshots, unless it is kept. */
  cleanUpGroup(input: GroupRef): Promise<void>;
  /** Copies the snapshot's objects into the control namespace; the copy owns the storage snapshot from then on. */
  handOverSnapshot(input: VolumeRef & { cut: VolumeCut }): Promise<void>;
  /** Waits until a snapshot can be used and makes it outlive its objects; returns the volume's outcome. */
  keepSnapshot(input: VolumeRef & { cut: VolumeCut }): Promise<DocRef>;
  /** The same for a group, all its members or none; the outcomes in the order of the members. */
  keepGroup(input: GroupRef & { cuts: VolumeCut[] }): Promise<DocRef[]>;
  /** The objects of kept snapshots are gone; those storage snapshots as well that are not a part of a sealed backup. */
  settleKept(input: RunContextRef): Promise<void>;
  /** The same as prepareRepository for all volumes of the run. */
  prepareRepositories(input: RunContextRef & { volumes: DocRef }): Promise<void>;
  /** The Kopia repository of the namespace exists and holds the policies of the run's sources. */
  prepareRepository(input: VolumeRef): Promise<void>;
  /** Makes the temporary claim, creates or re-attaches to the mover pod and follows it to its result. */
  transferUp(input: VolumeRef & { cut: VolumeCut }): Promise<TransferSummary>;
  /** Shows the volume's PodVolumeBackup; refuses a volume that cannot be read through its pod. */
  acceptPodVolume(input: VolumeRef & { failedPods?: string[] }): Promise<void>;
  /** Creates or re-attaches to the mover on the pod's node and follows it to its result, as long as the pod runs. */
  transferPodVolume(input: VolumeRef): Promise<TransferSummary>;
  /** Everything made for the volume is gone, the storage snapshot included. */
  cleanUpProtection(input: VolumeRef & { cut?: VolumeCut }): Promise<void>;
  /**
   * Writes the outcome of a volume into its DataUpload/DataDownload and as a document. What a backup `sent` is read back
   * from the repository before: a snapshot that does not stand there as it was sent makes a failed outcome.
   */
  recordOutcome(input: VolumeRef & { outcome: VolumeOutcome; sent?: TransferSummary }): Promise<DocRef>;
}

export interface TransferSummary {
  snapshotId: string;
  /** As in TransferResult. */
  root?: string;
  dirs: number;
  symlinks: number;
  bytesTotal: number;
  bytesMoved: number;
  files: number;
  notKept: Record<string, number>;
  stagesMs: Record<string, number>;
}

export interface RestoreActivities {
  adoptRestore(run: RunRef): Promise<Adopted>;
  /** Streams the tarball into segments by resource. */
  fetchBackup(input: RunContextRef): Promise<Counted>;
  planRestore(input: RunContextRef & { archive: DocRef }): Promise<{
    plan: DocRef;
    waves: { name: string; chunks: number }[];
    recoveries: number;
    items: number;
  }>;
  ensureNamespaces(input: RunContextRef & { plan: DocRef }): Promise<Counted>;
  /** `outcomes` of the volumes: a pod whose claim could not be filled is left out, with that reason. */
  applyChunk(
    input: RunContextRef & { plan: DocRef; wave: number; chunk: number; outcomes: DocRef[] },
  ): Promise<Counted>;
  finishRestore(
    input: RunContextRef & {
      plan: DocRef;
      archive: DocRef;
      reports: DocRef[];
      outcomes: DocRef[];
      stages: StageTimes;
    },
  ): Promise<RunResult>;
}

export interface RecoverActivities {
  /** Reads the snapshots of all recoveries, so that no mover has to. */
  readSnapshots(input: RunContextRef & { plan: DocRef }): Promise<void>;
  /** Makes the claim in the control namespace, creates or re-attaches to the mover and follows it until all is written. */
  transferDown(input: VolumeRef): Promise<TransferSummary>;
  /** The running mover is gone from the node: its object is deleted gracefully and no VolumeAttachment is left. */
  releaseVolume(input: VolumeRef): Promise<void>;
  /** The filled volume becomes the target claim's. */
  handOverVolume(input: VolumeRef): Promise<void>;
  /** A claim that cannot be filled is created so that nothing fills it with an empty volume. */
  withholdClaim(input: VolumeRef & { reason: string }): Promise<void>;
  cleanUpRecovery(input: VolumeRef): Promise<void>;
}

export interface SlotActivities {
  /** Asks the limiter for a slot; it answers the workflow with the signal `slotGranted`. */
  requestSlot(input: { cluster: string; holder: string; limit: number }): Promise<void>;
  /** Those that no longer run. */
  endedWorkflows(executions: Execution[]): Promise<Execution[]>;
}

export interface RepositoryActivities {
  initialiseRepository(input: {
    location: string;
    controlNamespace: string;
    namespace: string;
  }): Promise<void>;
}

export interface LocationInput {
  /** Control namespace. */
  namespace: string;
  /** Name of the BackupStorageLocation. */
  location: string;
  /** The resource was made, changed or deleted, so its Kopia repositories are looked at as well. */
  changed?: boolean;
}

export interface LocationState {
  phase: 'Available' | 'Unavailable' | 'Gone';
  message?: string;
}

export interface EngineActivities {
  /** Watches the custom resources and starts or cancels runs; returns only on an error. */
  watchResources(input: { cluster: string; namespace: string }): Promise<void>;
  /** Tests a BackupStorageLocation and writes the answer into its status. */
  checkLocation(input: LocationInput): Promise<LocationState>;
  /** Undoes what belongs to workflows that no longer run. */
  collectGarbage(input: {
    cluster: string;
    namespace: string;
  }): Promise<{ removed: string[]; problems: Problem[] }>;
}

export type Activities = DoorActivities &
  RunActivities &
  BackupActivities &
  HookActivities &
  PreviewActivities &
  ProtectActivities &
  RestoreActivities &
  RecoverActivities &
  SlotActivities &
  RepositoryActivities &
  EngineActivities;
