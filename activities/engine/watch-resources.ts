import type { RunRef, RunType } from '../../contracts/run.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { GVR_OF, isTerminal } from '../run/status.ts';
import type { RunObject } from '../run/status.ts';
import type { Deps } from '../support/deps.ts';
import { pause } from '../support/pause.ts';
import { watchRequests } from '../requests/watch.ts';
import { RunStarts, startGarbageCollection } from './start-runs.ts';
import { watchLocations } from './watch-locations.ts';

/**
 * The controller: sees custom resources come and go, and starts or cancels their runs by id. It keeps nothing that
 * the cluster and Temporal do not know, so it may die at any moment and two of it do no harm.
 */
export async function watchResources(
  deps: Deps,
  scope: { cluster: string; namespace: string },
  signal: AbortSignal,
): Promise<void> {
  const types: RunType[] = ['backup', 'restore'];
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  const watching = { deps, scope, starts: new RunStarts(deps, both), signal: both };
  const work = [
    ...types.map((type) => watchType(watching, type)),
    watchRequests(deps, scope.namespace, both),
    watchLocations(deps, scope.namespace, both),
    lookForLost(watching),
    collectRegularly(watching),
  ];
  // One that fails ends all: the next attempt begins with all of them.
  const ending = work.map((part) =>
    part.catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  await Promise.all(ending);
}

interface Watching {
  deps: Deps;
  scope: { cluster: string; namespace: string };
  starts: RunStarts;
  signal: AbortSignal;
}

async function watchType(
  { deps, scope: { cluster, namespace }, starts, signal }: Watching,
  type: RunType,
): Promise<void> {
  for await (const { type: change, object } of deps.kube.watch<RunObject>(GVR_OF[type], {
    namespace,
    signal,
  })) {
    if (!object) continue;
    const run: RunRef = {
      type,
      cluster,
      namespace,
      name: object.metadata.name,
      uid: object.metadata.uid ?? '',
    };
    const gone = change === 'DELETED' || object.metadata.deletionTimestamp !== undefined;
    const open = !gone && !isTerminal(object.status?.phase);
    starts.note(run, open);
    if (gone) await starts.cancel(run);
    else if (open) await starts.start(run);
  }
}

/** A terminated workflow changes no resource, so no event tells of it. */
async function lookForLost({ starts, signal }: Watching): Promise<void> {
  while (!signal.aborted) {
    await pause(TIMEOUTS.lostRuns, signal);
    if (!signal.aborted) await starts.again();
  }
}

async function collectRegularly({ deps, scope, signal }: Watching): Promise<void> {
  while (!signal.aborted) {
    await pause(TIMEOUTS.garbage, signal);
    if (!signal.aborted) await startGarbageCollection(deps, scope);
  }
}
