import type { Problem, ProblemCounts } from '../core/problems.ts';
import type { BackupSpec } from './api/backup.ts';

/** What a backup would be, told without making one. */

export interface PreviewInput {
  /** Control namespace; the worker's own when absent. */
  namespace?: string;
  /** Name that the backup is to have: whether it is free is looked at. */
  name?: string;
  spec: BackupSpec;
  annotations?: Record<string, string>;
  /** Makes the id of the one workflow that does the work; whoever starts it under another id leaves it out. */
  uid?: string;
}

export interface PlannedVolume {
  namespace: string;
  /** Claim; or the pod and its volume for a volume without a claim. */
  volume: string;
  /** How it would be protected: data-mover, csi-snapshot, fs-backup, skip or failed. */
  method: string;
  reason: string;
  /** Bytes that would be read; 0 for volumes left out. */
  bytes: number;
  /** Where the number is from: the last transfer of the same claim, or what the claim asked for. */
  bytesFrom: 'lastBackup' | 'capacity';
}

export interface MethodTotal {
  volumes: number;
  bytes: number;
}

export interface BackupPreview {
  /** The phase with which the backup would end if nothing else went wrong. */
  expectedPhase: 'Completed' | 'PartiallyFailed' | 'FailedValidation';
  /** All that is wrong with the spec; with any of these nothing below was looked at. */
  validationErrors: string[];
  /** With all defaults. */
  spec: BackupSpec;
  location: string;
  namespaces: string[];
  items: number;
  /** `<apiVersion>/<Kind>` → objects. */
  resources: Record<string, number>;
  /** By method, all volumes. */
  methods: Record<string, MethodTotal>;
  volumes: PlannedVolume[];
  /** Pods in which hooks would run. */
  hooks: { namespace: string; pod: string; pre: number; post: number }[];
  counts: ProblemCounts;
  problems: Problem[];
  /** Entries that are counted above, but not listed, to keep the answer small; by list. */
  omitted: Record<string, number>;
}
