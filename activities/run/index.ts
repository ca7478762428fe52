import type { Ending, RunActivities } from '../../contracts/activities.ts';
import type { RunRef, RunResult } from '../../contracts/run.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { explanation } from '../../core/problems.ts';
import { isNotFound } from '../../platform/kube/errors.ts';
import type { Deps } from '../support/deps.ts';
import { activity } from '../support/step.ts';
import { factsAnnotation, now, patchRun, stageFacts } from './status.ts';
import { removeScratch } from './unfinished.ts';

/** The verbs that backups and restores have in common. */
export function runActivities(deps: Deps): RunActivities {
  const { kube } = deps;

  async function reportStage(input: { run: RunRef; phase: string; totalItems?: number; itemsDone?: number }) {
    const { run, phase, totalItems, itemsDone } = input;
    const done = run.type === 'backup' ? 'itemsBackedUp' : 'itemsRestored';
    const progress = totalItems === undefined ? {} : { progress: { totalItems, [done]: itemsDone ?? 0 } };
    await patchRun(kube, run, () => ({ status: { phase, ...progress } }));
  }

  async function endRun({ run, phase, code, reason, hint, stages }: Ending): Promise<RunResult> {
    const failureReason =
      phase === 'Canceled' ? `Canceled: ${reason}` : explanation({ code, message: reason, hint });
    const status = { phase: 'Failed', failureReason, errors: 1, completionTimestamp: now() };
    try {
      await patchRun(kube, run, () => ({ metadata: factsAnnotation(stageFacts(stages, { code })), status }));
    } catch (error) {
      // Without its resource a run has nobody to tell.
      const gone = isNotFound(error) || (error instanceof CaravelError && error.code === 'ResourceGone');
      if (!gone) throw error;
    }
    const { name, uid } = run;
    return {
      name,
      uid,
      phase: 'Failed',
      items: 0,
      volumes: 0,
      bytes: 0,
      warnings: 0,
      errors: 1,
      reason: failureReason,
    };
  }

  return {
    reportStage: activity(reportStage),
    endRun: activity(endRun),
    removeScratch: activity((input: Parameters<RunActivities['removeScratch']>[0], signal) =>
      removeScratch(deps, input, signal),
    ),
  };
}
