import { logLine } from '../format/log-line.ts';
import { movedVolume, skippedVolume } from '../format/volume-info.ts';
import type { BackupVolumeInfo } from '../format/volume-info.ts';
import { backupOperation, CLAIM_BACKUP_ACTION } from '../format/item-operations.ts';
import type { BackupOperation } from '../format/item-operations.ts';
import type { VolumeOutcome, VolumePlan } from '../model.ts';
import { hintOf, problem } from '../problems.ts';
import type { Problem } from '../problems.ts';

export interface ReportedVolume {
  plan: VolumePlan;
  /** Absent for volumes that nobody tried to move. */
  outcome?: VolumeOutcome;
  operationId: string;
}

const seconds = (time: string) => time.replace(/\.\d+Z$/, 'Z');

/** The entry of the volume info file: what a restore and `describe --details` know of the volume. */
export function volumeInfo(
  { plan, outcome, operationId }: ReportedVolume,
  runStartedAt: string,
): BackupVolumeInfo {
  const claim = { namespace: plan.namespace, name: plan.claim, volume: plan.volume };
  const { pvInfo } = plan;
  if (!outcome && plan.method === 'failed') {
    // Not skipped: a restore must know that data is missing, and make no empty volume of it.
    const missing = { claim, driver: plan.driver, operationId, snapshotId: '', size: 0, phase: 'Failed' };
    return movedVolume({ ...missing, startedAt: seconds(runStartedAt), ok: false, pvInfo });
  }
  if (!outcome) return skippedVolume(claim, { [plan.approach ?? 'any']: plan.reason }, pvInfo);
  return movedVolume({
    claim,
    driver: plan.driver,
    operationId,
    snapshotId: outcome.snapshotId ?? '',
    size: outcome.bytes,
    incrementalSize: outcome.bytesMoved,
    phase: outcome.ok ? 'Completed' : 'Failed',
    startedAt: seconds(outcome.startedAt),
    completedAt: seconds(outcome.completedAt),
    ok: outcome.ok,
    pvInfo,
  });
}

export function volumeOperation(
  run: { name: string; uid: string; namespace: string },
  { plan, outcome, operationId }: ReportedVolume & { outcome: VolumeOutcome },
): BackupOperation {
  return backupOperation({
    backup: run.name,
    uid: run.uid,
    action: CLAIM_BACKUP_ACTION,
    item: { groupResource: 'persistentvolumeclaims', namespace: plan.namespace, name: plan.claim },
    operationId,
    postOperationItems: [
      { groupResource: 'datauploads.velero.io', namespace: run.namespace, name: outcome.object },
    ],
    status: {
      phase: outcome.ok ? 'Completed' : 'Failed',
      error: outcome.problem?.message,
      nCompleted: outcome.bytes,
      nTotal: outcome.bytes,
      operationUnits: 'Bytes',
      description: outcome.ok ? 'Completed' : 'Failed',
      created: seconds(outcome.startedAt),
      started: seconds(outcome.startedAt),
      updated: seconds(outcome.completedAt),
    },
  });
}

/** A failed outcome as a problem of its claim; what Kopia cannot keep as a warning, never silently. */
export function volumeProblems({ plan, outcome }: ReportedVolume): Problem[] {
  if (!outcome) return [];
  const item = { namespace: plan.namespace, resource: 'persistentvolumeclaims', name: plan.claim };
  const problems: Problem[] = [];
  if (outcome.problem) {
    const { severity, step, code, message } = outcome.problem;
    problems.push(problem(severity, step, code, message, item));
  }
  const lost = Object.entries(outcome.notKept).filter(([, count]) => count > 0);
  if (lost.length > 0) {
    const what = lost.map(([kind, count]) => `${count} ${kind}`).join(', ');
    problems.push(
      problem('warning', 'transfer', 'NotSupported', `the repository cannot keep: ${what}`, item),
    );
  }
  return problems;
}

/** Lines of the log file, in Velero's text form. */
export function problemLines(problems: readonly Problem[], time: string, run: string): string[] {
  return problems.map(({ severity, code, message, step, namespace, resource, name }) =>
    logLine(
      { time, level: severity === 'error' ? 'error' : 'warning', msg: message },
      {
        backup: run,
        code,
        hint: hintOf(code),
        step,
        ...(namespace !== undefined && { namespace }),
        ...(resource && { resource }),
        ...(name && { name }),
      },
    ),
  );
}
