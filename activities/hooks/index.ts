import type { HookActivities, HookGroupRef } from '../../contracts/activities.ts';
import { isRunning } from '../engine/slots.ts';
import type { Deps } from '../support/deps.ts';
import { activity } from '../support/step.ts';
import { removeBook } from './book.ts';
import { collectHooks, prepareHooks } from './collect.ts';
import { requestQuiet } from './request-quiet.ts';
import { runPostHooks, runPreHooks } from './run.ts';

type Input<K extends keyof HookActivities> = Parameters<HookActivities[K]>[0];

export function hookActivities(deps: Deps): HookActivities {
  return {
    requestQuiet: activity((input: Input<'requestQuiet'>) => requestQuiet(deps, input)),
    prepareHooks: activity((input: Input<'prepareHooks'>) => prepareHooks(deps, input)),
    runPreHooks: activity((ref: HookGroupRef, signal) => runPreHooks(deps, ref, signal)),
    runPostHooks: activity((ref: HookGroupRef, signal) => runPostHooks(deps, ref, signal)),
    collectHooks: activity((input: Input<'collectHooks'>, signal) => collectHooks(deps, input, signal)),
    dropHooks: activity((ref: HookGroupRef) => removeBook(deps.kube, ref)),
    executionEnded: activity(
      async (execution: Input<'executionEnded'>) => !(await isRunning(deps.temporal, execution)),
    ),
  };
}
