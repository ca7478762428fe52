import type { RunContextRef } from '../../contracts/activities.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import { LABELS } from '../../contracts/ids.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import type { RunRef } from '../../contracts/run.ts';
import { LIMITS } from '../../contracts/settings.ts';
import { parseBackup } from '../../core/format/backup-file.ts';
import { backupKeys } from '../../core/format/keys.ts';
import { parseVolumeInfos } from '../../core/format/volume-info.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { getGzip } from '../../platform/store/gzip-file.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import { locationOfContext } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { openLocation } from '../support/location.ts';
import { removeContent, removeSnapshot } from './clean-up.ts';
import {
  groupContentsLabelled,
  groupHandles,
  groupsLabelled,
  removeGroup,
  removeGroupContent,
} from './group-snapshot.ts';
import type { GroupContent } from './group-snapshot.ts';
import type { Snapshot, SnapshotContent } from './snapshot-objects.ts';

/** The backup whose snapshots stay, and where it is. */
export type KeptRun = Pick<RunRef, 'namespace' | 'name' | 'uid'> & { location: string };

/**
 * The objects of kept snapshots go when the run is over. The bucket says how: those that a backup lists stay in the
 * storage, as its restore points; what was never sealed, or is not in it, goes there as well.
 */
export async function settleKept(deps: Deps, run: KeptRun, signal: AbortSignal): Promise<void> {
  const { kube } = deps;
  const { store } = await openLocation(deps, run.namespace, run.location);
  const listed = await listedHandles(deps, store, run);
  const policyFor = (handles: readonly string[]) => (handles.some(listed) ? 'Retain' : 'Delete');
  const labelSelector = `${LABELS.runUid}=${run.uid},${LABELS.component}=kept-snapshot`;
  const ofGroup = (content: GroupContent) => policyFor(groupHandles(content));
  for (const group of await groupsLabelled(kube, labelSelector))
    await removeGroup(kube, group, ofGroup, signal);
  // Some lost what they belong to with the namespace of the application, or to an attempt that was cut short.
  for (const content of await groupContentsLabelled(kube, labelSelector))
    await removeGroupContent(kube, content, ofGroup, signal);
  const snapshots = await kube.list<Snapshot & KubeObject>(GVRS.volumesnapshots, { labelSelector });
  await Promise.all(
    snapshots.map(async ({ metadata, status }) => {
      const policy = policyFor(await handlesOf(kube, status?.boundVolumeSnapshotContentName));
      await removeSnapshot(kube, metadata.namespace ?? '', metadata.name, policy, signal);
    }),
  );
  const contents = await kube.list<SnapshotContent>(GVRS.volumesnapshotcontents, { labelSelector });
  await Promise.all(
    contents.map(async ({ metadata, status }) => {
      const policy = policyFor(status?.snapshotHandle === undefined ? [] : [status.snapshotHandle]);
      await removeContent(kube, metadata.name, policy, signal);
    }),
  );
}

export const settleKeptOf = (
  deps: Deps,
  { run, context }: RunContextRef,
  signal: AbortSignal,
): Promise<void> => settleKept(deps, { ...run, location: locationOfContext(context) }, signal);

async function handlesOf(kube: KubeClient, content: string | undefined): Promise<string[]> {
  if (content === undefined) return [];
  const found = await kube.find<SnapshotContent>(GVRS.volumesnapshotcontents, undefined, content);
  return found?.status?.snapshotHandle === undefined ? [] : [found.status.snapshotHandle];
}

/** Is the handle a part of the backup, as it stands in the bucket? */
async function listedHandles(
  { kube }: Deps,
  store: ObjectStore,
  run: KeptRun,
): Promise<(handle: string) => boolean> {
  const { volumeInfo } = backupKeys(run.name);
  if (!(await isSealed(store, run))) {
    await refuseLost(kube, run);
    return () => false;
  }
  // One that lost a file by somebody's hand loses no snapshot by ours.
  const infos = await getGzip(store, volumeInfo, LIMITS.documentBytes);
  if (infos === undefined) return () => true;
  const handles = new Set(
    parseVolumeInfos(infos, volumeInfo).flatMap(({ csiSnapshotInfo: info }) => [
      info?.snapshotHandle,
      info?.volumeGroupSnapshotHandle,
    ]),
  );
  return (handle) => handle !== '' && handles.has(handle);
}

async function isSealed(store: ObjectStore, { name, uid }: KeptRun): Promise<boolean> {
  const key = backupKeys(name).metadata;
  if (!(await store.head(key))) return false;
  return parseBackup((await store.get(key)).toString('utf8'), key).metadata.uid === uid;
}

/** A location that was pointed at another bucket meanwhile says nothing of the snapshots of its backups. */
async function refuseLost(kube: KubeClient, { namespace, name, uid, location }: KeptRun): Promise<void> {
  const backup = await kube.find<Backup>(GVR.backups, namespace, name);
  if (backup?.metadata.uid !== uid) return;
  const { phase = '' } = backup.status ?? {};
  if (!['Completed', 'PartiallyFailed'].includes(phase)) return;
  throw new CaravelError(
    'BackupNotFound',
    `Backup ${name} is ${phase}, but location ${location} does not hold it: its snapshots are left as they are`,
  );
}
