import type { Activities } from '../contracts/activities.ts';
import { backupActivities } from './backup/index.ts';
import { engineActivities } from './engine/index.ts';
import { slotActivities } from './engine/slots.ts';
import { hookActivities } from './hooks/index.ts';
import { previewActivities } from './preview/index.ts';
import { restoreActivities } from './restore/index.ts';
import { doorActivities } from './run/door.ts';
import { runActivities } from './run/index.ts';
import type { Deps } from './support/deps.ts';
import { volumeActivities } from './volume/index.ts';

/** The one map of activities that is handed to a worker. */
export function composeActivities(deps: Deps): Activities {
  return {
    ...doorActivities(deps),
    ...runActivities(deps),
    ...backupActivities(deps),
    ...volumeActivities(deps),
    ...hookActivities(deps),
    ...previewActivities(deps),
    ...restoreActivities(deps),
    ...slotActivities(deps),
    ...engineActivities(deps),
  };
}
