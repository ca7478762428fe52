import { CLAIM_RESTORE_ACTION, restoreOperation } from '../format/item-operations.ts';
import type { RestoreOperation } from '../format/item-operations.ts';
import { logLine } from '../format/log-line.ts';
import { recoveredVolume } from '../format/volume-info.ts';
import type { RestoreVolumeInfo } from '../format/volume-info.ts';
import type { ApplyReport, ItemNote, RecoveryPlan, VolumeOutcome } from '../model.ts';
import { hintOf, problem } from '../problems.ts';
import type { Problem } from '../problems.ts';
import { addResult } from './report.ts';

/** A recovered claim in the files of the restore. */
export interface RecoveredClaim {
  plan: RecoveryPlan;
  /** Absent when the recovery never came to an end that it could write down. */
  outcome?: VolumeOutcome;
  operationId: string;
  /** PersistentVolume that the claim is bound to; empty when it is not. */
  volume: string;
}

const CLAIMS = 'persistentvolumeclaims';
const seconds = (time: string) => time.replace(/\.\d+Z$/, 'Z');

export const itemOfClaim = ({ namespace, claim }: RecoveryPlan) => ({
  namespace,
  resource: CLAIMS,
  name: claim,
});

export function claimOperation(
  run: { name: string; uid: string },
  { plan, outcome = noOutcome(plan), operationId }: RecoveredClaim,
): RestoreOperation {
  const phase = outcome.ok ? 'Completed' : 'Failed';
  return restoreOperation({
    restore: run.name,
    uid: run.uid,
    action: CLAIM_RESTORE_ACTION,
    item: { groupResource: CLAIMS, namespace: plan.namespace, name: plan.claim },
    operationId,
    status: {
      phase,
      error: outcome.problem?.message,
      nCompleted: outcome.bytes,
      nTotal: Math.max(plan.snapshotBytes, outcome.bytes),
      operationUnits: 'Bytes',
      description: phase,
      created: seconds(outcome.startedAt),
      started: seconds(outcome.startedAt),
      updated: seconds(outcome.completedAt),
    },
  });
}

/** In place of the outcome of a recovery that never wrote one. */
const noOutcome = ({ index }: RecoveryPlan): VolumeOutcome => ({
  index,
  ok: false,
  object: '',
  bytes: 0,
  bytesMoved: 0,
  files: 0,
  startedAt: '',
  completedAt: '',
  stagesMs: {},
  notKept: {},
  problem: problem('error', 'recoverVolume', 'Internal', 'the recovery of the volume reported no end'),
});

export function claimVolumeInfo({ plan, outcome, operationId, volume }: RecoveredClaim): RestoreVolumeInfo {
  return recoveredVolume({
    claim: { namespace: plan.namespace, name: plan.claim, volume },
    driver: '',
    operationId,
    snapshotId: plan.snapshotId,
    size: outcome?.bytes || plan.snapshotBytes,
  });
}

/** The line of the resource list and the results that a recovered claim gets. */
export function addClaim(report: ApplyReport, { plan, outcome = noOutcome(plan) }: RecoveredClaim): void {
  const at = itemOfClaim(plan);
  const item = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...at };
  const own = outcome.problem && { ...outcome.problem, ...at };
  const problems = [...(own ? [own] : []), ...lostProblems(outcome, at)];
  addResult(report, { item, action: outcome.ok ? 'created' : 'failed', problems });
}

function lostProblems({ notKept }: VolumeOutcome, at: ReturnType<typeof itemOfClaim>): Problem[] {
  const lost = Object.entries(notKept).filter(([, count]) => count > 0);
  if (lost.length === 0) return [];
  const what = lost.map(([kind, count]) => `${count} ${kind}`).join(', ');
  return [problem('warning', 'transfer', 'NotSupported', `not restored: ${what}`, at)];
}

/** The log of the restore, in Velero's text form. */
export interface RestoreLog {
  /** `<namespace>/<name>` of the Restore. */
  restore: string;
  time: string;
  stagesMs: Record<string, number>;
  names: Record<string, string[]>;
  recovered: readonly RecoveredClaim[];
  reprovisioned: Record<string, string>;
  notes: readonly ItemNote[];
  problems: readonly Problem[];
}

export function restoreLog({ restore, time, ...log }: RestoreLog): string {
  const info = (msg: string, fields: Record<string, string> = {}) =>
    logLine({ time, level: 'info', msg }, { restore, ...fields });
  const lines = [
    ...Object.entries(log.stagesMs).map(([stage, ms]) => info(`stage ${stage} took ${ms} ms`)),
    ...Object.entries(log.names).flatMap(([kind, names]) => names.map((name) => info(`${kind} ${name}`))),
    ...log.recovered.map((claim) => info(volumeLine(claim))),
    ...Object.entries(log.reprovisioned).map(([name, reason]) =>
      info(`PersistentVolume ${name} is not restored: ${reason}`),
    ),
    ...log.notes.map(({ message, resource, namespace, name }) =>
      info(`not restored: ${message}`, { resource, name, ...(namespace && { namespace }) }),
    ),
    ...log.problems.map((entry) => problemLine(entry, time, restore)),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function volumeLine({ plan, outcome }: RecoveredClaim): string {
  const name = `volume of claim ${plan.namespace}/${plan.claim}`;
  if (!outcome?.ok) return `${name}: failed`;
  return `${name}: ${outcome.bytes} bytes in ${outcome.files} files of snapshot ${plan.snapshotId}`;
}

function problemLine(entry: Problem, time: string, restore: string): string {
  const { severity, message, code, step, namespace, resource, name } = entry;
  return logLine(
    { time, level: severity === 'error' ? 'error' : 'warning', msg: message },
    { restore, code, hint: hintOf(code, entry.hint), step, namespace, resource, name },
  );
}
