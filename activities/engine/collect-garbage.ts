import { GVR } from '../../contracts/api/gvr.ts';
import { KEPT_ANNOTATION, LABELS, NEEDED_BY_ANNOTATION, WORKFLOW_ANNOTATION } from '../../contracts/ids.ts';
import { LIMITS } from '../../contracts/settings.ts';
import { messageOf } from '../../core/errors/catalog.ts';
import { problem } from '../../core/problems.ts';
import type { Problem } from '../../core/problems.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { Gvr, KubeClient, KubeObject } from '../../platform/kube/types.ts';
import type { Deps } from '../support/deps.ts';
import { inLanes } from '../support/lanes.ts';
import { removeClaim, removeCredentials, removeMovers, removeSnapshots } from '../volume/clean-up.ts';
import type { VolumeObjects } from '../volume/clean-up.ts';
import { groupContentsLabelled, groupsLabelled, removeGroup } from '../volume/group-snapshot.ts';
import { cleanUpRecoveryAt } from '../volume/hand-over-volume.ts';
import { MOVEMENT_GVR } from '../volume/movement.ts';
import type { Snapshot } from '../volume/snapshot-objects.ts';
import { settleKept } from '../volume/settle-kept.ts';
import type { KeptRun } from '../volume/settle-kept.ts';
import { isOver, isRunning } from './slots.ts';
import { scopeOf, sweepScratch } from './sweep-scratch.ts';
import { now } from '../run/status.ts';

/** Everything that one volume of a lost run left behind, found by its labels. */
interface Leftover {
  name: string;
  type: string;
  workflowId: string;
  /** Of the run that made it. */
  uid: string;
  /** The snapshot in the application's namespace. */
  source?: { namespace: string; snapshot: string };
  /** Its content, which outlives it when a hand-over is interrupted. */
  content?: string;
  /** The Secret with the hooks of a group: the workflow that still has to run some of them. */
  neededBy?: string;
  /** A VolumeGroupSnapshot. */
  group?: string;
  /** The backup that the storage snapshots are a part of, if it was sealed. */
  kept?: KeptRun;
}

const LABELLED = [
  GVRS.pods,
  GVRS.secrets,
  GVRS.persistentvolumeclaims,
  GVRS.persistentvolumes,
  GVRS.volumesnapshots,
  GVRS.volumesnapshotcontents,
] as const;

/** Undoes what belongs to workflows that no longer run; what belongs to running ones is never touched. */
export async function collectGarbage(
  deps: Deps,
  scope: { cluster: string; namespace: string },
  signal: AbortSignal,
): Promise<{ removed: string[]; problems: Problem[] }> {
  const removed: string[] = [];
  const problems: Problem[] = [];
  const lost = lostRuns(deps);
  const unsettled = new Set<string>();
  const settle = async (leftover: Leftover) => {
    // Objects of another installation in the same cluster are that one's affair.
    if (scopeOf(leftover.workflowId) !== `${scope.cluster}/${scope.namespace}`) return;
    if (!(await lost(leftover))) return;
    try {
      await undo(deps, scope.namespace, leftover, signal);
      removed.push(leftover.name);
    } catch (error) {
      if (signal.aborted) throw error;
      unsettled.add(leftover.uid);
      problems.push(problem('error', 'collectGarbage', 'Internal', `${leftover.name}: ${messageOf(error)}`));
    }
  };
  await inLanes(await leftovers(deps), LIMITS.garbage, settle, () => undefined);
  // Each owner is asked for anew: under the name of a run that was lost a moment ago another one may have begun.
  removed.push(...(await sweepScratch(deps, scope, unsettled, signal)));
  return { removed, problems };
}

/** Says whether nobody needs a leftover any more; asks once for each run. */
function lostRuns({ temporal }: Deps): (leftover: Leftover) => Promise<boolean> {
  const over = new Map<string, Promise<boolean>>();
  return async ({ workflowId, uid, neededBy }) => {
    const key = `${workflowId} ${uid}`;
    const known = over.get(key) ?? isOver(temporal, { workflowId, uid });
    over.set(key, known);
    return (await known) && !(neededBy && (await isRunning(temporal, { workflowId: neededBy })));
  };
}

async function leftovers(deps: Deps): Promise<Leftover[]> {
  const found = new Map<string, Leftover>();
  for (const gvr of LABELLED) {
    const objects = await deps.kube.list<KubeObject>(gvr, { labelSelector: LABELS.runUid });
    for (const object of objects) {
      const leftover = keptLeftover(object) ?? leftoverOf(object);
      if (leftover) found.set(leftover.name, { ...found.get(leftover.name), ...leftover });
    }
  }
  for (const { object } of await groupsLabelled(deps.kube, LABELS.runUid)) {
    const leftover = keptLeftover(object) ?? groupLeftover(object);
    if (leftover) found.set(leftover.name, leftover);
  }
  for (const { object } of await groupContentsLabelled(deps.kube, LABELS.runUid)) {
    const leftover = keptLeftover(object);
    if (leftover) found.set(leftover.name, leftover);
  }
  return [...found.values()];
}

function leftoverOf({ metadata, kind }: KubeObject): Leftover | undefined {
  const { labels = {}, annotations = {}, namespace = '', name } = metadata;
  const workflowId = annotations[WORKFLOW_ANNOTATION];
  if (!workflowId) return undefined;
  const component = labels[LABELS.component];
  const isSource = kind === 'VolumeSnapshot' && component === 'source-snapshot';
  return {
    name: labels[LABELS.volume] ?? name,
    type: labels[LABELS.runType] ?? 'backup',
    workflowId,
    uid: uidOf(metadata),
    ...(component === 'source-content' && { content: name }),
    ...(isSource && { source: { namespace, snapshot: name } }),
    ...neededBy(annotations),
  };
}

const uidOf = ({ labels = {} }: Pick<KubeObject['metadata'], 'labels'>) => labels[LABELS.runUid] ?? '';

const neededBy = ({ [NEEDED_BY_ANNOTATION]: workflowId }: Record<string, string>) =>
  workflowId ? { neededBy: workflowId } : {};

/** All snapshots that one backup keeps are one leftover. */
function keptLeftover({ metadata: { labels = {}, annotations = {} } }: KubeObject): Leftover | undefined {
  const { [WORKFLOW_ANNOTATION]: workflowId, [KEPT_ANNOTATION]: by = '' } = annotations;
  if (!workflowId || labels[LABELS.component] !== 'kept-snapshot') return undefined;
  const [location = '', backup = ''] = by.split('/');
  const uid = uidOf({ labels });
  const kept = { namespace: '', uid, location, name: backup };
  return { name: `kept snapshots of ${backup} (${uid})`, type: 'backup', workflowId, uid, kept };
}

/** Volumes that were cut at one moment; their own objects are leftovers by themselves. */
function groupLeftover({ metadata }: KubeObject): Leftover | undefined {
  const { [WORKFLOW_ANNOTATION]: workflowId } = metadata.annotations ?? {};
  if (!workflowId) return undefined;
  const { namespace = '', name } = metadata;
  const uid = uidOf(metadata);
  return { name: `${namespace}/${name}`, type: 'backup', workflowId, uid, group: name };
}

async function undo(deps: Deps, namespace: string, leftover: Leftover, signal: AbortSignal): Promise<void> {
  const { kube } = deps;
  if (leftover.kept) await settleKept(deps, { ...leftover.kept, namespace }, signal);
  else if (leftover.group) await undoGroup(kube, leftover.group, signal);
  else if (leftover.neededBy) await kube.remove(GVRS.secrets, namespace, leftover.name);
  else if (leftover.type === 'restore') await undoRecovery(kube, { namespace, name: leftover.name }, signal);
  else await undoProtection(kube, { namespace, name: leftover.name }, leftover, signal);
}

/** The list may be old: what has become a part of a backup since is for the next round. */
async function undoGroup(kube: KubeClient, name: string, signal: AbortSignal): Promise<void> {
  const groups = await groupsLabelled(kube, LABELS.runUid);
  const found = groups.find(({ object }) => object.metadata.name === name);
  if (found && !isKept(found.object)) await removeGroup(kube, found, () => 'Delete', signal);
}

async function undoRecovery(kube: KubeClient, at: VolumeObjects, signal: AbortSignal): Promise<void> {
  await cleanUpRecoveryAt(kube, at, signal);
  await showEnd(kube, MOVEMENT_GVR.restore, at.namespace, at.name);
}

async function undoProtection(
  kube: KubeClient,
  at: VolumeObjects,
  { source, content }: Leftover,
  signal: AbortSignal,
): Promise<void> {
  if (source && (await isKeptSource(kube, source))) return;
  await removeMovers(kube, at, signal);
  await removeCredentials(kube, at);
  await removeClaim(kube, at, signal);
  await removeSnapshots(kube, at, { ...source, ...(content && { content }) }, signal);
  for (const gvr of [MOVEMENT_GVR.backup, GVR.podVolumeBackups])
    await showEnd(kube, gvr, at.namespace, at.name);
}

const isKept = ({ metadata }: KubeObject): boolean => metadata.labels?.[LABELS.component] === 'kept-snapshot';

async function isKeptSource(
  kube: KubeClient,
  { namespace, snapshot }: { namespace: string; snapshot: string },
): Promise<boolean> {
  const found = await kube.find<Snapshot>(GVRS.volumesnapshots, namespace, snapshot);
  if (!found) return false;
  if (isKept(found)) return true;
  // Keeping begins with the content.
  const bound = found.status?.boundVolumeSnapshotContentName;
  const content = bound && (await kube.find<KubeObject>(GVRS.volumesnapshotcontents, undefined, bound));
  return content ? isKept(content) : false;
}

const ENDED = ['Completed', 'Failed', 'Canceled'];

async function showEnd(kube: KubeClient, gvr: Gvr, namespace: string, name: string): Promise<void> {
  const found = await kube.find<KubeObject & { status?: { phase?: string } }>(gvr, namespace, name);
  if (!found || ENDED.includes(found.status?.phase ?? '')) return;
  const status = { phase: 'Canceled', message: 'the run was terminated', completionTimestamp: now() };
  await kube.patch(gvr, namespace, name, { status }, { type: 'merge' });
}
