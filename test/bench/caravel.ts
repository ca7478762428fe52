import type { Backup } from '../../contracts/api/backup.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import type { Restore } from '../../contracts/api/restore.ts';
import { runWorkflowId } from '../../contracts/ids.ts';
import { apply, ended, factsOf } from '../support/world.ts';
import type { Facts, World } from '../support/world.ts';
import { watchLoad } from './machine.ts';
import type { Load } from './machine.ts';
import { shareTime, stepsOf } from './timeline.ts';
import type { TimeShares } from './timeline.ts';

/** One run of Caravel, from the creation of its resource until the resource says Completed. */

export interface CaravelRun extends TimeShares {
  ms: number;
  load: Load;
  facts: Facts;
  /** Steps that Temporal handed out, and how long they waited for a worker in all. */
  activities: number;
  queuedMs: number;
}

type Run = Backup | Restore;
const GVRS_OF = { Backup: GVR.backups, Restore: GVR.restores } as const;
const OVER = /^(Completed|PartiallyFailed|Failed|FailedValidation)$/;

export async function measureRun(
  world: World,
  kind: Run['kind'],
  name: string,
  spec: object,
  meanwhile?: (uid: string) => void,
): Promise<CaravelRun> {
  const loadOf = watchLoad();
  const from = Date.now();
  const { metadata } = await apply(world, kind, name, spec);
  meanwhile?.(metadata.uid ?? '');
  const run = await world.kube.waitFor<Run, Run>(
    GVRS_OF[kind],
    world.name,
    name,
    (object) => (OVER.test(object?.status?.phase ?? '') ? object : undefined),
    { timeoutMs: 600_000 },
  );
  const to = Date.now();
  const load = loadOf();
  if (run.status?.phase !== 'Completed') throw new Error(`${kind} ${name} ended ${run.status?.phase ?? ''}`);
  await ended(world, kind, name);
  const type = kind === 'Backup' ? 'backup' : 'restore';
  const id = runWorkflowId({ type, cluster: world.name, namespace: world.name, name });
  const steps = await stepsOf(world.temporal, id);
  return {
    ms: to - from,
    load,
    facts: factsOf(run),
    activities: steps.length,
    queuedMs: steps.reduce((sum, step) => sum + step.queuedMs, 0),
    ...shareTime(steps, from, to),
  };
}
