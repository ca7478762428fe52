/** What every part of Caravel calls a run: one execution for one custom resource, named by the resource's uid. */

/** The kinds of custom resource that start a run; also the names of the workflow types. */
export type RunType = 'backup' | 'restore';

/** The identity of a run. `uid` is the custom resource's uid, never a Temporal run id. */
export interface RunRef {
  type: RunType;
  /** Configured name of the cluster (default `local`). */
  cluster: string;
  /** Control namespace, where the custom resource lives. */
  namespace: string;
  name: string;
  uid: string;
}

/** Input of the workflow types `backup` and `restore` when the custom resource exists already. */
export interface RunInput {
  namespace: string;
  name: string;
  uid: string;
}

/** An execution of a workflow. Without `runId`, whichever runs under the id. */
export interface Execution {
  workflowId: string;
  runId?: string;
}

/** A document in the run's scratch area of the bucket; lists, plans and logs travel through Temporal only as such. */
export interface DocRef {
  /** Object key below the location's prefix. */
  key: string;
  /** Hex SHA-256 of the stored bytes; checked on every read. */
  sha256: string;
  bytes: number;
}

export type TerminalPhase = 'Completed' | 'PartiallyFailed' | 'Failed' | 'FailedValidation';

/** What a run's workflow returns; small, because nothing that is needed after the end is read from history. */
export interface RunResult {
  name: string;
  uid: string;
  phase: TerminalPhase;
  items: number;
  volumes: number;
  /** Bytes of volume data covered by this run (not only those sent). */
  bytes: number;
  warnings: number;
  errors: number;
  /** Why the phase is not Completed; the first cause only, the whole list is in the results file. */
  reason?: string;
}
