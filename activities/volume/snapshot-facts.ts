import type { RunContextRef, VolumeRef } from '../../contracts/activities.ts';
import type { SnapshotFacts } from '../../contracts/mover.ts';
import type { DocRef } from '../../contracts/run.ts';
import { LIMITS } from '../../contracts/settings.ts';
import { messageOf } from '../../core/errors/catalog.ts';
import type { RecoveryPlan, RestorePlan } from '../../core/model.ts';
import { factsOf } from '../../platform/kopia/facts.ts';
import { isComplete } from '../../platform/kopia/output.ts';
import { readSnapshotManifests } from '../../platform/kopia/repository.ts';
import { sharedDoc } from '../../platform/store/documents.ts';
import { openRun } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { inLanes } from '../support/lanes.ts';
import { repositoryOf } from '../support/location.ts';
import { movementCredentials } from './repository.ts';

/**
 * What a worker knows of the snapshots that a restore needs: one kopia process reads all those of a repository, where
 * each mover would need one of its own, on the way to its data.
 */
type Facts = Map<string, SnapshotFacts>;

/** By plan and repository, the oldest first. */
const known = new Map<string, Promise<Facts>>();

export async function readSnapshots(deps: Deps, ref: RunContextRef & { plan: DocRef }): Promise<void> {
  const { store } = await openRun(deps, ref);
  const { recoveries } = await sharedDoc<RestorePlan>(store, ref.plan);
  const namespaces = new Set(recoveries.map(({ repositoryNamespace }) => repositoryNamespace));
  const read = (namespace: string) => factsIn(deps, { ...ref, volumes: ref.plan }, namespace);
  await inLanes(namespaces, LIMITS.repositories, read, () => undefined);
}

/** Undefined when it could not be read: then the mover does, and its words are those of the volume's failure. */
export async function snapshotFacts(
  deps: Deps,
  ref: VolumeRef,
  { repositoryNamespace, snapshotId }: RecoveryPlan,
): Promise<SnapshotFacts | undefined> {
  try {
    return (await factsIn(deps, ref, repositoryNamespace)).get(snapshotId);
  } catch (error) {
    deps.log.info('the movers read their snapshots themselves', { error: messageOf(error) });
    return undefined;
  }
}

function factsIn(deps: Deps, ref: RunContextRef & { volumes: DocRef }, namespace: string): Promise<Facts> {
  const key = `${ref.volumes.sha256}/${namespace}`;
  const found = known.get(key) ?? read(deps, ref, namespace);
  known.set(key, found);
  found.catch(() => known.delete(key));
  for (const oldest of known.keys()) {
    if (known.size <= LIMITS.knownSnapshotLists) break;
    known.delete(oldest);
  }
  return found;
}

async function read(deps: Deps, ref: RunContextRef & { volumes: DocRef }, namespace: string): Promise<Facts> {
  const { location, store } = await openRun(deps, ref);
  const { recoveries } = await sharedDoc<RestorePlan>(store, ref.volumes);
  const mine = recoveries.filter(({ repositoryNamespace }) => repositoryNamespace === namespace);
  const ids = [...new Set(mine.map(({ snapshotId }) => snapshotId))];
  const { kopiaPath, workDir } = deps.config;
  const credentials = await movementCredentials(deps, ref.run.namespace, location);
  const access = { spec: repositoryOf(location, namespace), credentials, kopiaPath, workDir };
  const facts: Facts = new Map();
  for (let at = 0; at < ids.length; at += LIMITS.snapshotsAtOnce)
    for (const manifest of await readSnapshotManifests(access, ids.slice(at, at + LIMITS.snapshotsAtOnce)))
      if (isComplete(manifest)) facts.set(manifest.id, factsOf(manifest));
  return facts;
}
