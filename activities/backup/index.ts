import type { BackupActivities } from '../../contracts/activities.ts';
import type { RunRef } from '../../contracts/run.ts';
import type { Deps } from '../support/deps.ts';
import { activity } from '../support/step.ts';
import { adoptBackup } from './adopt.ts';
import { assembleBackup } from './assemble.ts';
import { exportShard } from './export.ts';
import { planBackup } from './plan.ts';
import { planVolumes } from './plan-volumes.ts';
import { exportRelated } from './related.ts';
import { sealBackup } from './seal.ts';

type Input<K extends keyof BackupActivities> = Parameters<BackupActivities[K]>[0];

export function backupActivities(deps: Deps): BackupActivities {
  return {
    adoptBackup: activity((run: RunRef) => adoptBackup(deps, run)),
    planBackup: activity((input: Input<'planBackup'>) => planBackup(deps, input)),
    exportShard: activity((input: Input<'exportShard'>, signal, beat) =>
      exportShard(deps, input, signal, beat),
    ),
    exportRelated: activity((input: Input<'exportRelated'>, signal) => exportRelated(deps, input, signal)),
    planVolumes: activity((input: Input<'planVolumes'>) => planVolumes(deps, input)),
    assembleBackup: activity((input: Input<'assembleBackup'>, signal) => assembleBackup(deps, input, signal)),
    sealBackup: activity((input: Input<'sealBackup'>) => sealBackup(deps, input)),
  };
}
