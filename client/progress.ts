import {
  GVR,
  readResource,
  type Backup,
  type CustomResource,
  type DataDownload,
  type DataUpload,
  type PodVolumeBackup,
  type PodVolumeRestore,
  type Restore,
} from '../contracts/api/index.ts';
import { LABELS } from '../contracts/ids.ts';
import type { RunType, TerminalPhase } from '../contracts/run.ts';

/** How a run and its volumes stand, read from custom resources only: whoever can see those can follow. */

export interface VolumeProgress {
  /** Name of the object that shows the transfer. */
  id: string;
  namespace: string;
  /** Claim, or pod/volume for a volume that is read through its pod. */
  volume: string;
  phase: string;
  bytesDone: number;
  /** 0 while unknown. */
  bytesTotal: number;
  /** Bytes that were new to the repository; backups only. */
  bytesNew?: number;
  snapshotId?: string;
  node?: string;
  message?: string;
  startTimestamp?: string;
  completionTimestamp?: string;
}

export interface RunProgress {
  type: RunType;
  namespace: string;
  name: string;
  uid: string;
  /** `New` until a worker has taken the run up. */
  phase: string;
  itemsDone: number;
  /** 0 while unknown. */
  itemsTotal: number;
  warnings: number;
  errors: number;
  failureReason?: string;
  validationErrors: string[];
  /** Sorted by namespace and name. */
  volumes: VolumeProgress[];
}

export const RUN_GVR = { backup: GVR.backups, restore: GVR.restores } as const;
export const RUN_LABEL = { backup: LABELS.backupName, restore: LABELS.restoreName } as const;
export const MOVEMENT_GVRS = {
  backup: [GVR.dataUploads, GVR.podVolumeBackups],
  restore: [GVR.dataDownloads, GVR.podVolumeRestores],
} as const;

const TERMINAL: ReadonlySet<string> = new Set<TerminalPhase>([
  'Completed',
  'PartiallyFailed',
  'Failed',
  'FailedValidation',
]);

export const isTerminal = (phase: string): phase is TerminalPhase => TERMINAL.has(phase);

type Movement = DataUpload | DataDownload | PodVolumeBackup | PodVolumeRestore;

function volumeOf(movement: Movement): Pick<VolumeProgress, 'namespace' | 'volume'> {
  switch (movement.kind) {
    case 'DataUpload':
      return { namespace: movement.spec.sourceNamespace, volume: movement.spec.sourcePVC };
    case 'DataDownload':
      return { namespace: movement.spec.targetVolume.namespace, volume: movement.spec.targetVolume.pvc };
    default: {
      const { pod, volume } = movement.spec;
      return { namespace: pod.namespace ?? '', volume: `${pod.name ?? '?'}/${volume}` };
    }
  }
}

/** Only the fields that are there, so that readers can spread the result. */
function present<T extends object>(fields: { [Key in keyof T]: T[Key] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

export function volumeProgress(raw: object): VolumeProgress {
  const movement = readResource<Movement>(raw);
  const status: Partial<NonNullable<DataUpload['status']>> = movement.status ?? {};
  const { snapshotID, incrementalBytes, node, message, startTimestamp, completionTimestamp } = status;
  return {
    id: movement.metadata.name,
    ...volumeOf(movement),
    phase: status.phase ?? 'New',
    bytesDone: status.progress?.bytesDone ?? 0,
    bytesTotal: status.progress?.totalBytes ?? 0,
    ...present<VolumeProgress>({
      bytesNew: incrementalBytes,
      snapshotId: snapshotID,
      node,
      message,
      startTimestamp,
      completionTimestamp,
    } as VolumeProgress),
  };
}

type Run = Backup | Restore;

function itemsOf(status: Run['status']): { itemsDone: number; itemsTotal: number } {
  const progress: { totalItems?: number; itemsBackedUp?: number; itemsRestored?: number } =
    status?.progress ?? {};
  return {
    itemsDone: progress.itemsBackedUp ?? progress.itemsRestored ?? 0,
    itemsTotal: progress.totalItems ?? 0,
  };
}

const byName = (a: VolumeProgress, b: VolumeProgress): number =>
  a.namespace.localeCompare(b.namespace) || a.volume.localeCompare(b.volume);

export function runProgress(type: RunType, raw: object, volumes: Iterable<VolumeProgress>): RunProgress {
  const { metadata, status = {} } = readResource<Run & CustomResource>(raw);
  const { phase, warnings = 0, errors = 0, failureReason, validationErrors = [] } = status;
  const { name, namespace = '', uid = '' } = metadata;
  return {
    ...{ type, namespace, name, uid, warnings, errors, validationErrors },
    phase: phase || 'New',
    ...itemsOf(status),
    ...(failureReason !== undefined && { failureReason }),
    volumes: [...volumes].sort(byName),
  };
}
