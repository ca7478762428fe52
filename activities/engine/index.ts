import type { EngineActivities, LocationInput } from '../../contracts/activities.ts';
import type { Deps } from '../support/deps.ts';
import { activity } from '../support/step.ts';
import { checkLocation } from './check-location.ts';
import { collectGarbage } from './collect-garbage.ts';
import { watchResources } from './watch-resources.ts';

export function engineActivities(deps: Deps): EngineActivities {
  type Scope = { cluster: string; namespace: string };
  return {
    watchResources: activity((scope: Scope, signal) => watchResources(deps, scope, signal)),
    checkLocation: activity((input: LocationInput) => checkLocation(deps, input)),
    collectGarbage: activity((scope: Scope, signal) => collectGarbage(deps, scope, signal)),
  };
}
