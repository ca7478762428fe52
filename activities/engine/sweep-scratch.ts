import { GVR } from '../../contracts/api/gvr.ts';
import type { BackupStorageLocation } from '../../contracts/api/location.ts';
import { SCRATCH_OWNER } from '../../contracts/ids.ts';
import { messageOf } from '../../core/errors/catalog.ts';
import { BACKUPS_PREFIX, RESTORES_PREFIX } from '../../core/format/keys.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import { discardBroken, sweep } from '../run/unfinished.ts';
import type { Deps } from '../support/deps.ts';
import { openLocation } from '../support/location.ts';

/** `<cluster>/<control namespace>` of a run's workflow id. */
export const scopeOf = (workflowId: string) => workflowId.split('/').slice(1, 3).join('/');

/** Scratch of runs whose workflow no longer runs, in every location that can be written. */
export async function sweepScratch(
  deps: Deps,
  { cluster, namespace }: { cluster: string; namespace: string },
  lost: (workflowId: string) => Promise<boolean>,
  signal: AbortSignal,
): Promise<string[]> {
  const removed: string[] = [];
  const locations = await deps.kube.list<BackupStorageLocation>(GVR.backupStorageLocations, { namespace });
  for (const location of locations.filter((candidate) => candidate.spec.accessMode !== 'ReadOnly')) {
    try {
      const open = await openLocation(deps, namespace, location.metadata.name);
      for (const scratch of await lostScratch(open.store, `${cluster}/${namespace}`, lost)) {
        const uid = scratch.split('/').at(-2) ?? '';
        const run = { uid, controlNamespace: namespace, location: open, scratch };
        await discardBroken(deps, run, signal);
        removed.push(...((await sweep(run)) > 0 ? [scratch] : []));
      }
    } catch (error) {
      deps.log.warn('scratch could not be swept', {
        location: location.metadata.name,
        error: messageOf(error),
      });
    }
  }
  return removed;
}

async function lostScratch(
  store: ObjectStore,
  scope: string,
  lost: (workflowId: string) => Promise<boolean>,
): Promise<string[]> {
  const found: string[] = [];
  for (const scratch of await scratchFolders(store)) {
    const owner = await scratchOwner(store, scratch);
    // Scratch of another cluster that shares the bucket is left to that cluster.
    if (owner && scopeOf(owner) === scope && (await lost(owner))) found.push(scratch);
  }
  return found;
}

async function scratchFolders(store: ObjectStore): Promise<string[]> {
  const found: string[] = [];
  for (const top of [BACKUPS_PREFIX, RESTORES_PREFIX]) {
    for (const name of await store.folders(top)) {
      const uids = await store.folders(`${top}${name}/.caravel/`);
      found.push(...uids.map((uid) => `${top}${name}/.caravel/${uid}/`));
    }
  }
  return found;
}

async function scratchOwner(store: ObjectStore, scratch: string): Promise<string | undefined> {
  const key = `${scratch}${SCRATCH_OWNER}`;
  return (await store.head(key)) ? (await store.get(key)).toString('utf8') : undefined;
}
