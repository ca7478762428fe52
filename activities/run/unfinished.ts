import type { RunActivities } from '../../contracts/activities.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import { LABELS, repositoryMarks, scratchPrefix } from '../../contracts/ids.ts';
import type { RunRef } from '../../contracts/run.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { deleteIncompleteSnapshots } from '../../platform/kopia/repository.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import type { Deps } from '../support/deps.ts';
import { locationOfContext } from '../support/context.ts';
import { openLocation, repositoryOf } from '../support/location.ts';
import type { Location } from '../support/location.ts';
import { showMovement } from '../volume/movement.ts';
import { movementCredentials } from '../volume/repository.ts';
import { now } from './status.ts';

/** What is left of a run when all that it made in the cluster is gone. */

/** A run that did not come to a good end has more to remove than its scratch. */
export async function removeScratch(
  deps: Deps,
  { run, context, unfinished }: Parameters<RunActivities['removeScratch']>[0],
  signal: AbortSignal,
): Promise<void> {
  // A run that never adopted has written nothing.
  if (!context) return;
  const location = await openLocation(deps, run.namespace, locationOfContext(context));
  const { uid, namespace: controlNamespace } = run;
  const ended = { uid, controlNamespace, scratch: scratchPrefix(run), location };
  if (unfinished) {
    await endMovements(deps.kube, run);
    await discardBroken(deps, ended, signal);
  }
  await sweep(ended);
}

/** A run that has ended, where it had its scratch. */
export interface EndedRun {
  uid: string;
  controlNamespace: string;
  location: Location;
  scratch: string;
}

/** Returns how many objects it removed. */
export async function sweep({ location: { store }, scratch }: EndedRun): Promise<number> {
  await store.abortUploads(scratch);
  return await store.removeAll(scratch);
}

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * Removes the snapshots that movers of the run broke off from every repository that it used: they are pinned and would
 * stay for ever. The last mover must be gone: told to end, it writes one more. Kopia's own checkpoints are not pinned;
 * the next backup of the volume goes on from them.
 */
export async function discardBroken(deps: Deps, run: EndedRun, signal: AbortSignal): Promise<void> {
  const { location, controlNamespace } = run;
  const marks = repositoryMarks(run.scratch);
  for await (const { key } of location.store.list(marks)) {
    const namespace = key.slice(marks.length);
    // It becomes part of keys; what others put there goes with the rest.
    if (!DNS_LABEL.test(namespace)) continue;
    const access = {
      spec: repositoryOf(location, namespace),
      credentials: await movementCredentials(deps, controlNamespace, location),
      ...{ kopiaPath: deps.config.kopiaPath, workDir: deps.config.workDir, signal },
    };
    try {
      await deleteIncompleteSnapshots(access, run.uid);
    } catch (error) {
      if (!(error instanceof CaravelError) || error.retryable) throw error;
      const { code, message } = error;
      deps.log.warn('what the run broke off stays in the repository', { namespace, code, error: message });
    }
    // Another attempt goes on with the next one.
    await location.store.remove([key]);
  }
}

const MOVEMENTS = {
  backup: [GVR.dataUploads, GVR.podVolumeBackups],
  restore: [GVR.dataDownloads],
} as const;

type Movement = KubeObject & { status?: { phase?: string } };

const ENDED: ReadonlySet<string> = new Set(['Completed', 'Failed', 'Canceled']);

/** A volume whose workflow was cancelled has not said how it ended. */
export async function endMovements(kube: KubeClient, run: RunRef): Promise<void> {
  const labelSelector = `${LABELS.runUid}=${run.uid}`;
  for (const gvr of MOVEMENTS[run.type]) {
    const movements = await kube.list<Movement>(gvr, { namespace: run.namespace, labelSelector });
    for (const { metadata, status } of movements) {
      if (ENDED.has(status?.phase ?? '')) continue;
      const canceled = { phase: 'Canceled', message: 'the run was cancelled', completionTimestamp: now() };
      await showMovement(kube, gvr, { namespace: run.namespace, name: metadata.name }, canceled);
    }
  }
}
