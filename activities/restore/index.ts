import type { RestoreActivities, RunContextRef } from '../../contracts/activities.ts';
import type { RunRef } from '../../contracts/run.ts';
import type { Deps } from '../support/deps.ts';
import { activity } from '../support/step.ts';
import { adoptRestore } from './adopt.ts';
import { applyChunk } from './apply.ts';
import { fetchBackup } from './fetch.ts';
import { finishRestore } from './finish.ts';
import { ensureNamespaces } from './namespaces.ts';
import { planRestore } from './plan.ts';

type Input<K extends keyof RestoreActivities> = Parameters<RestoreActivities[K]>[0];

export function restoreActivities(deps: Deps): RestoreActivities {
  return {
    adoptRestore: activity((run: RunRef) => adoptRestore(deps, run)),
    fetchBackup: activity((input: RunContextRef, signal) => fetchBackup(deps, input, signal)),
    planRestore: activity((input: Input<'planRestore'>, signal) => planRestore(deps, input, signal)),
    ensureNamespaces: activity((input: Input<'ensureNamespaces'>, signal) =>
      ensureNamespaces(deps, input, signal),
    ),
    applyChunk: activity((input: Input<'applyChunk'>, signal, beat) => applyChunk(deps, input, signal, beat)),
    finishRestore: activity((input: Input<'finishRestore'>, signal) => finishRestore(deps, input, signal)),
  };
}
