import type { Backup } from '../../contracts/api/backup.ts';
import type { Restore } from '../../contracts/api/restore.ts';
import type { RunContextRef, VolumeRef } from '../../contracts/activities.ts';
import { runWorkflowId, SCRATCH_OWNER, scratchPrefix } from '../../contracts/ids.ts';
import type { DocRef, RunRef } from '../../contracts/run.ts';
import type { RecoveryPlan, RestorePlan, VolumePlan, VolumePlans } from '../../core/model.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { formatScratchOwner } from '../../core/format/scratch-owner.ts';
import type { NodeAgentSettings } from '../../core/volume/node-agent.ts';
import type { ResourcePolicies } from '../../core/volume-policy/policies.ts';
import { getDoc, putDoc, sharedDoc } from '../../platform/store/documents.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import type { Deps } from './deps.ts';
import { recentLocation } from './location.ts';
import type { Location } from './location.ts';
import { scratchOwner } from './scratch-owner.ts';

/** What a run was asked to do, fixed when it began: later edits of the resource change nothing. */
export interface RunContext<R = Backup | Restore> {
  resource: R;
  /** Name of the BackupStorageLocation. */
  location: string;
  startedAt: string;
  /** Version of the cluster, as `version` of the API server says it. */
  cluster: { gitVersion: string; major: string; minor: string };
  /** Only for restores: the backup, as its velero-backup.json describes it. */
  backup?: Backup;
  /** Only for backups with spec.resourcePolicy. */
  policies?: ResourcePolicies;
  /** How movers are to run; absent in runs that need none. */
  nodeAgent?: NodeAgentSettings;
  /** Settings of the node-agent that have no effect; a warning of the run. */
  unknownSettings?: string[];
}

export interface Opened<R> {
  context: RunContext<R>;
  location: Location;
  store: ObjectStore;
}

/**
 * Where a run's context lies. The location's name travels in the key of the document, since a document can only be
 * read once its location is known.
 */
const CONTEXT = /context\.([^/]+)\.json(\.gz)?$/;

export async function storeContext(
  deps: Pick<Deps, 'kube' | 'temporal'>,
  store: ObjectStore,
  run: RunRef,
  context: RunContext,
  workflowId = runWorkflowId(run),
): Promise<DocRef> {
  const owner = await scratchOwner(deps, workflowId);
  await store.put(`${scratchPrefix(run)}${SCRATCH_OWNER}`, formatScratchOwner(owner));
  return await putDoc(store, `${scratchPrefix(run)}context.${context.location}.json`, context);
}

export function locationOfContext(ref: DocRef): string {
  const location = CONTEXT.exec(ref.key)?.[1];
  if (location === undefined)
    throw new CaravelError('InvalidInput', `"${ref.key}" is not the context of a run`);
  return location;
}

export async function openRun<R = Backup>(deps: Deps, ref: RunContextRef): Promise<Opened<R>> {
  const location = await recentLocation(deps, ref.run.namespace, locationOfContext(ref.context));
  const context = await getDoc<RunContext<R>>(location.store, ref.context);
  return { context, location, store: location.store };
}

/** The plan of one volume of a backup run. */
export async function volumePlan(
  deps: Deps,
  ref: VolumeRef,
): Promise<{ volume: VolumePlan } & Opened<Backup>> {
  const opened = await openRun<Backup>(deps, ref);
  const volume = (await sharedDoc<VolumePlans>(opened.store, ref.volumes)).volumes[ref.index];
  if (!volume) throw new CaravelError('InvalidInput', `the run has no volume ${ref.index}`);
  return { ...opened, volume };
}

/** The plan of one volume of a restore run. */
export async function recoveryPlan(
  deps: Deps,
  ref: VolumeRef,
): Promise<{ volume: RecoveryPlan } & Opened<Restore>> {
  const opened = await openRun<Restore>(deps, ref);
  const volume = (await sharedDoc<RestorePlan>(opened.store, ref.volumes)).recoveries[ref.index];
  if (!volume) throw new CaravelError('InvalidInput', `the run has no volume ${ref.index}`);
  return { ...opened, volume };
}
