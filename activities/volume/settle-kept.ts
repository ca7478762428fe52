import type { RunContextRef } from '../../contracts/activities.ts';
import { LABELS } from '../../contracts/ids.ts';
import type { RunRef } from '../../contracts/run.ts';
import { parseBackup } from '../../core/format/backup-file.ts';
import { backupKeys } from '../../core/format/keys.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import { locationOfContext } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { openLocation } from '../support/location.ts';
import { removeContent, removeSnapshot } from './clean-up.ts';
import { groupsLabelled, removeGroup } from './group-snapshot.ts';

/** The backup whose snapshots stay, and where it is. */
export type KeptRun = Pick<RunRef, 'namespace' | 'name' | 'uid'> & { location: string };

/**
 * The objects of kept snapshots go when the run is over. The bucket says how: of a backup that exists the storage
 * snapshots stay, as its restore points; of one that was never sealed they go as well.
 */
export async function settleKept(deps: Deps, run: KeptRun, signal: AbortSignal): Promise<void> {
  const { kube } = deps;
  const { store } = await openLocation(deps, run.namespace, run.location);
  const policy = (await isSealed(store, run)) ? 'Retain' : 'Delete';
  const labelSelector = `${LABELS.runUid}=${run.uid},${LABELS.component}=kept-snapshot`;
  for (const group of await groupsLabelled(kube, labelSelector))
    await removeGroup(kube, group, policy, signal);
  const snapshots = await kube.list<KubeObject>(GVRS.volumesnapshots, { labelSelector });
  await Promise.all(
    snapshots.map(({ metadata }) =>
      removeSnapshot(kube, metadata.namespace ?? '', metadata.name, policy, signal),
    ),
  );
  // Some lost their snapshot with the namespace of the application.
  const contents = await kube.list<KubeObject>(GVRS.volumesnapshotcontents, { labelSelector });
  await Promise.all(contents.map(({ metadata }) => removeContent(kube, metadata.name, policy, signal)));
}

export const settleKeptOf = (
  deps: Deps,
  { run, context }: RunContextRef,
  signal: AbortSignal,
): Promise<void> => settleKept(deps, { ...run, location: locationOfContext(context) }, signal);

async function isSealed(store: ObjectStore, { name, uid }: KeptRun): Promise<boolean> {
  const key = backupKeys(name).metadata;
  if (!(await store.head(key))) return false;
  return parseBackup((await store.get(key)).toString('utf8'), key).metadata.uid === uid;
}
