import { GVR } from '../../contracts/api/gvr.ts';
import type { BackupStorageLocation } from '../../contracts/api/location.ts';
import { SCRATCH_OWNER } from '../../contracts/ids.ts';
import { LIMITS, TIMEOUTS } from '../../contracts/settings.ts';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import { BACKUPS_PREFIX, RESTORES_PREFIX } from '../../core/format/keys.ts';
import { parseScratchOwner } from '../../core/format/scratch-owner.ts';
import type { ScratchOwner } from '../../core/format/scratch-owner.ts';
import { isFolderName } from '../../platform/store/keys.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import { discardBroken, sweep } from '../run/unfinished.ts';
import type { Deps } from '../support/deps.ts';
import { openLocation } from '../support/location.ts';
import type { Location } from '../support/location.ts';
import { scratchOwner } from '../support/scratch-owner.ts';
import { isOver } from './slots.ts';

interface Scope {
  cluster: string;
  namespace: string;
}

/** One run's folder in the bucket. */
interface Area {
  prefix: string;
  uid: string;
}

/** `<cluster>/<control namespace>` of a run's workflow id. */
export const scopeOf = (workflowId: string) => workflowId.split('/').slice(1, 3).join('/');

/**
 * Removes the scratch of runs that are over, and what nobody knows any more. Returns where it was. Unsettled runs still
 * have something in the cluster: a mover, say, that will write into a repository which only scratch names.
 */
export async function sweepScratch(
  deps: Deps,
  scope: Scope,
  unsettled: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<string[]> {
  const { namespace } = scope;
  const removed: string[] = [];
  const locations = await deps.kube.list<BackupStorageLocation>(GVR.backupStorageLocations, { namespace });
  for (const { metadata, spec } of locations) {
    try {
      const location = await openLocation(deps, namespace, metadata.name);
      const areas = (await areasIn(location.store, topsOf(spec))).filter(({ uid }) => !unsettled.has(uid));
      const sweepHere = (area: Area) => sweepArea(deps, scope, location, area, signal);
      for (const area of areas) removed.push(...((await sweepHere(area)) ? [area.prefix] : []));
    } catch (error) {
      if (signal.aborted) throw error;
      deps.log.warn('scratch could not be swept', { location: metadata.name, error: messageOf(error) });
    }
  }
  return removed;
}

/** No backup is written into a location that is ReadOnly, but restores have their scratch where their backup is. */
const topsOf = ({ accessMode }: BackupStorageLocation['spec']) =>
  accessMode === 'ReadOnly' ? [RESTORES_PREFIX] : [BACKUPS_PREFIX, RESTORES_PREFIX];

const isName = (name: string) => Buffer.byteLength(name) <= LIMITS.nameBytes && isFolderName(name);

async function areasIn(store: ObjectStore, tops: string[]): Promise<Area[]> {
  const found: Area[] = [];
  for (const top of tops) {
    for (const name of (await store.folders(top)).filter(isName)) {
      const folder = `${top}${name}/.caravel/`;
      const uids = (await store.folders(folder)).filter(isName);
      found.push(...uids.map((uid) => ({ prefix: `${folder}${uid}/`, uid })));
    }
  }
  return found;
}

/** Says whether it removed something. An area that cannot be removed does not keep the others. */
async function sweepArea(
  deps: Deps,
  scope: Scope,
  location: Location,
  { prefix, uid }: Area,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    if (!(await isGarbage(deps, scope, location.store, { prefix, uid }))) return false;
    const run = { uid, controlNamespace: scope.namespace, location, scratch: prefix };
    await discardBroken(deps, run, signal);
    return (await sweep(run)) > 0;
  } catch (error) {
    if (signal.aborted) throw error;
    deps.log.warn('scratch could not be swept', { scratch: prefix, error: messageOf(error) });
    return false;
  }
}

async function isGarbage(deps: Deps, scope: Scope, store: ObjectStore, area: Area): Promise<boolean> {
  const owner = await readOwner(store, area);
  if (!owner) return await isForgotten(store, area);
  const { workflowId } = owner;
  const here = await scratchOwner(deps, workflowId);
  // Others that share the bucket sweep for themselves: only they know what runs.
  if (owner.clusterUid !== here.clusterUid || owner.temporalNamespace !== here.temporalNamespace)
    return false;
  if (scopeOf(workflowId) !== `${scope.cluster}/${scope.namespace}`) return false;
  return await isOver(deps.temporal, { workflowId, uid: area.uid });
}

async function readOwner(store: ObjectStore, { prefix }: Area): Promise<ScratchOwner | undefined> {
  const key = `${prefix}${SCRATCH_OWNER}`;
  if (!(await store.head(key))) return undefined;
  try {
    return parseScratchOwner((await store.get(key, { maxBytes: LIMITS.ownerBytes })).toString('utf8'));
  } catch (error) {
    if (error instanceof CaravelError && error.code === 'StoreTooLarge') return undefined;
    throw error;
  }
}

/** A sweep that broke off may have taken the owner along, and others may have written one that says nothing. */
async function isForgotten(store: ObjectStore, { prefix }: Area): Promise<boolean> {
  const end = Date.now() - TIMEOUTS.ownerlessScratch;
  for await (const { lastModified } of store.list(prefix)) {
    const written = Date.parse(lastModified);
    // 0 stands for a store that does not tell.
    if (!(written > 0 && written < end)) return false;
  }
  return true;
}
