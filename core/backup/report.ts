import { logLine } from '../format/log-line.ts';
import { movedVolume, readVolume, skippedVolume } from '../format/volume-info.ts';
import type { BackupVolumeInfo } from '../format/volume-info.ts';
import { keptMissing, keptVolumeInfo } from './kept-snapshot.ts';
import { backupOperation, CLAIM_BACKUP_ACTION } from '../format/item-operations.ts';
import type { BackupOperation } from '../format/item-operations.ts';
import type { ItemNote, VolumeOutcome, VolumePlan } from '../model.ts';
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
  const { pvInfo, method, approach = 'any', reason } = plan;
  if (outcome && method === 'fs-backup') return filesInfo(plan, outcome);
  if (outcome && method === 'csi-snapshot') return snapshotInfo(plan, outcome);
  if (outcome) return movedInfo(plan, outcome, operationId);
  if (method !== 'failed') return skippedVolume(claimOf(plan), { [approach]: reason }, pvInfo);
  // Not skipped: a restore must know that data is missing, and make no empty volume of it.
  return movedVolume({
    ...{ claim: claimOf(plan), driver: plan.driver, operationId, snapshotId: '', size: 0, phase: 'Failed' },
    ...{ startedAt: seconds(runStartedAt), ok: false, pvInfo },
  });
}

const claimOf = ({ namespace, claim, volume }: VolumePlan) => ({ namespace, name: claim, volume });

const movedInfo = (plan: VolumePlan, outcome: VolumeOutcome, operationId: string): BackupVolumeInfo =>
  movedVolume({
    claim: claimOf(plan),
    driver: plan.driver,
    operationId,
    snapshotId: outcome.snapshotId ?? '',
    size: outcome.bytes,
    incrementalSize: outcome.bytesMoved,
    phase: outcome.ok ? 'Completed' : 'Failed',
    startedAt: seconds(outcome.startedAt),
    completedAt: seconds(outcome.completedAt),
    ok: outcome.ok,
    pvInfo: plan.pvInfo,
  });

const snapshotInfo = (plan: VolumePlan, outcome: VolumeOutcome): BackupVolumeInfo =>
  outcome.kept
    ? keptVolumeInfo({ plan, outcome, kept: outcome.kept })
    : keptMissing(plan, outcome.startedAt, outcome.completedAt);

function filesInfo(plan: VolumePlan, outcome: VolumeOutcome): BackupVolumeInfo {
  const { namespace, claim, volume, pod, podVolume = '', pvInfo } = plan;
  return readVolume({
    claim: { namespace, name: claim, volume },
    pod: pod ?? { namespace: '', name: '', node: '' },
    podVolume,
    snapshotId: outcome.snapshotId ?? '',
    size: outcome.bytes,
    incrementalSize: outcome.bytesMoved,
    startedAt: seconds(outcome.startedAt),
    completedAt: seconds(outcome.completedAt),
    ok: outcome.ok,
    pvInfo,
  });
}

/** What a file says of volumes: a volume of a pod alone that was left out is in no list of Velero's. */
export const isListed = ({ plan, outcome }: ReportedVolume): boolean =>
  outcome !== undefined || plan.claim !== '' || plan.volume !== '';

/** `<namespace>/<claim>`, or `<namespace>/<pod>/<volume>` for a volume of a pod alone. */
export const volumeName = ({ namespace, claim, volume, pod, podVolume }: VolumePlan): string => {
  if (claim) return `${namespace}/${claim}`;
  return pod ? `${namespace}/${pod.name}/${podVolume ?? ''}` : volume;
};

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
  const { item, prefix } = itemOf(plan);
  const problems: Problem[] = [];
  if (outcome.problem) {
    const { message } = outcome.problem;
    problems.push({ ...outcome.problem, message: `${prefix}${message}`, ...item });
  }
  const { vanished = 0, ...notKept } = outcome.notKept;
  const warn = (code: Problem['code'], message: string) =>
    void problems.push(problem('warning', 'transfer', code, `${prefix}${message}`, item));
  if (vanished > 0) warn('VolumeUnreadable', `${vanished} files were deleted while the volume was read`);
  const lost = Object.entries(notKept).filter(([, count]) => count > 0);
  const what = lost.map(([kind, count]) => `${count} ${kind}`).join(', ');
  if (lost.length > 0) warn('NotSupported', `the repository cannot keep: ${what}`);
  return problems;
}

/** The object that a volume's problems are told of. */
function itemOf({ namespace, claim, pod, podVolume }: VolumePlan) {
  if (claim || !pod)
    return { item: { namespace, resource: 'persistentvolumeclaims', name: claim }, prefix: '' };
  const item = { namespace: pod.namespace, resource: 'pods', name: pod.name };
  return { item, prefix: `volume ${podVolume ?? ''}: ` };
}

/** An object that is not in the backup though nothing went wrong. */
export function noteLine({ message, ...item }: ItemNote, time: string, run: string): string {
  const named = Object.entries(item).filter(([, value]) => value !== '');
  const msg = `Excluding item because ${message}`;
  return logLine({ time, level: 'info', msg }, { backup: run, ...Object.fromEntries(named) });
}

/** Lines of the log file, in Velero's text form. */
export function problemLines(problems: readonly Problem[], time: string, run: string): string[] {
  return problems.map(({ severity, code, message, hint, step, namespace, resource, name }) =>
    logLine(
      { time, level: severity === 'error' ? 'error' : 'warning', msg: message },
      {
        backup: run,
        code,
        hint: hintOf(code, hint),
        step,
        ...(namespace !== undefined && { namespace }),
        ...(resource && { resource }),
        ...(name && { name }),
      },
    ),
  );
}
