import type { GroupRef } from '../../contracts/activities.ts';
import {
  groupSnapshotName,
  LABELS,
  runLabels,
  runWorkflowId,
  validName,
  WORKFLOW_ANNOTATION,
} from '../../contracts/ids.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import type { RunRef } from '../../contracts/run.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import type { GroupSnapshot, VolumeCut, VolumePlan, VolumePlans } from '../../core/model.ts';
import { isNotFound } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { Gvr, KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { getDoc } from '../../platform/store/documents.ts';
import { allowance } from '../support/allowance.ts';
import { openRun } from '../support/context.ts';
import type { Opened } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { pause } from '../support/pause.ts';
import { cutOf } from './cut.ts';
import { gone, goneWithContent } from './gone.ts';
import { GROUP_BEING_DELETED_ANNOTATION } from './snapshot-objects.ts';
import type { Snapshot, SnapshotContent } from './snapshot-objects.ts';
import { ageOf } from './snapshot-ready.ts';

/**
 * Snapshots of several volumes at one moment. Members of a group cannot be deleted one by one: the group's objects
 * stay in the application's namespace until the last member is carried away, and the storage snapshots go with them.
 */

interface GroupObject extends KubeObject {
  status?: { boundVolumeGroupSnapshotContentName?: string; error?: { message?: string } };
}

interface MemberHandle {
  snapshotHandle?: string;
}

export interface GroupContent extends KubeObject {
  spec: { deletionPolicy: 'Delete' | 'Retain'; volumeGroupSnapshotRef: { uid?: string } };
  status?: {
    volumeGroupSnapshotHandle?: string;
    volumeSnapshotInfoList?: MemberHandle[];
    /** Its name in v1beta1. */
    volumeSnapshotHandlePairList?: MemberHandle[];
    error?: { message?: string };
  };
}

const GROUP = 'groupsnapshot.storage.k8s.io';
/** The fields that are used here are the same in all of them. */
const VERSIONS = ['v1', 'v1beta2', 'v1beta1'];

const gvr = (version: string, resource: string): Gvr => ({ group: GROUP, version, resource });
const snapshots = (version: string) => gvr(version, 'volumegroupsnapshots');
const contents = (version: string) => gvr(version, 'volumegroupsnapshotcontents');

/** The classes, and the version in which the API is served; undefined when it is not. */
export async function groupSnapshotClasses(kube: KubeClient) {
  return await served(async (version) => ({
    version,
    classes: await kube.list<KubeObject & { driver: string }>(gvr(version, 'volumegroupsnapshotclasses')),
  }));
}

async function served<T>(ask: (version: string) => Promise<T>): Promise<T | undefined> {
  for (const version of VERSIONS) {
    try {
      return await ask(version);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  return undefined;
}

interface OpenedGroup extends Opened<Backup> {
  group: GroupSnapshot;
  volumes: VolumePlan[];
  name: string;
}

export async function openGroup(deps: Deps, ref: GroupRef): Promise<OpenedGroup> {
  const opened = await openRun(deps, ref);
  const { volumes, together = [] } = await getDoc<VolumePlans>(opened.store, ref.volumes);
  const group = together.find(({ members }) => members[0] === ref.members[0]);
  if (!group) throw new CaravelError('InvalidInput', `the run has no group of volume ${ref.members[0]}`);
  return {
    ...opened,
    group,
    volumes: group.members.flatMap((index) => volumes[index] ?? []),
    name: groupSnapshotName(ref.run, group.namespace, group.value),
  };
}

/** Has the storage take a snapshot of all members, and waits until each has a handle. */
export async function cutGroup(deps: Deps, ref: GroupRef, signal: AbortSignal): Promise<VolumeCut[]> {
  const { group, volumes, name, context } = await openGroup(deps, ref);
  const timeoutMs = allowance(context.resource.spec.csiSnapshotTimeout, TIMEOUTS.csiSnapshot);
  const api = snapshots(group.version);
  const { object } = await deps.kube.ensure<GroupObject>(api, group.namespace, source(ref.run, group, name));
  const deadline = Date.now() - ageOf(object) + timeoutMs;
  for (;;) {
    const cuts = await membersOf(deps.kube, group, volumes, object);
    if (cuts) return cuts;
    signal.throwIfAborted();
    if (Date.now() > deadline) throw await timedOut(deps.kube, group, name);
    await pause(TIMEOUTS.groupMembers, signal);
  }
}

const source = (run: RunRef, group: GroupSnapshot, name: string) => ({
  apiVersion: `${GROUP}/${group.version}`,
  kind: 'VolumeGroupSnapshot',
  metadata: {
    name,
    namespace: group.namespace,
    labels: { ...runLabels(run, 'source-group'), [LABELS.backupName]: validName(run.name) },
    annotations: { [WORKFLOW_ANNOTATION]: runWorkflowId(run) },
  },
  spec: {
    source: { selector: { matchLabels: { [group.label]: group.value } } },
    volumeGroupSnapshotClassName: group.snapshotClass,
  },
});

type Member = Snapshot & { spec: { source: { persistentVolumeClaimName?: string } } };

async function snapshotsOf(
  kube: KubeClient,
  namespace: string,
  { metadata }: GroupObject,
): Promise<Member[]> {
  const all = await kube.list<Member>(GVRS.volumesnapshots, { namespace });
  return all.filter((snapshot) => snapshot.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid));
}

async function getGroup(kube: KubeClient, namespace: string, name: string): Promise<FoundGroup> {
  const group = await served(async (version) => ({
    version,
    object: await kube.get<GroupObject>(snapshots(version), namespace, name),
  }));
  if (!group) throw new CaravelError('ObjectGone', `VolumeGroupSnapshot ${name} was deleted meanwhile`);
  return group;
}

/** The cuts in the order of the volumes; undefined until all are there. */
async function membersOf(
  kube: KubeClient,
  { namespace }: GroupSnapshot,
  volumes: readonly VolumePlan[],
  object: GroupObject,
): Promise<VolumeCut[] | undefined> {
  const mine = await snapshotsOf(kube, namespace, object);
  const cuts: VolumeCut[] = [];
  for (const { claim, snapshotClass } of volumes) {
    const snapshot = mine.find(({ spec }) => spec.source.persistentVolumeClaimName === claim);
    const bound = snapshot?.status?.boundVolumeSnapshotContentName;
    const content =
      bound && (await kube.find<SnapshotContent>(GVRS.volumesnapshotcontents, undefined, bound));
    if (!snapshot || !content || !content.status?.snapshotHandle) return undefined;
    cuts.push({ ...cutOf(snapshot, content, snapshotClass), group: object.metadata.name });
  }
  return cuts;
}

async function timedOut(kube: KubeClient, group: GroupSnapshot, name: string): Promise<CaravelError> {
  const found = await kube.find<GroupObject>(snapshots(group.version), group.namespace, name);
  const content = found && (await contentOf(kube, group.version, found));
  const said =
    content?.status?.error?.message ?? found?.status?.error?.message ?? 'not all members have a handle';
  return new CaravelError(
    'SnapshotTimeout',
    `group snapshot of "${group.value}" in ${group.namespace}: ${said}`,
  );
}

async function contentOf(
  kube: KubeClient,
  version: string,
  { metadata, status }: GroupObject,
): Promise<GroupContent | undefined> {
  const name = status?.boundVolumeGroupSnapshotContentName ?? `groupsnapcontent-${metadata.uid}`;
  return await kube.find<GroupContent>(contents(version), undefined, name);
}

/** The group of a run that is over, with all storage snapshots of its members. One that is kept is not touched. */
export async function cleanUpGroup(deps: Deps, ref: GroupRef, signal: AbortSignal): Promise<void> {
  const { group, name } = await openGroup(deps, ref);
  const found = await deps.kube.find<GroupObject>(snapshots(group.version), group.namespace, name);
  if (!found || found.metadata.labels?.[LABELS.component] !== 'source-group') return;
  await removeGroup(deps.kube, { version: group.version, object: found }, () => 'Delete', signal);
}

/** The group as a whole outlives its objects from now on. */
export async function markGroupKept(
  kube: KubeClient,
  { namespace, name }: { namespace: string; name: string },
  marks: { labels: Record<string, string>; annotations: Record<string, string> },
): Promise<void> {
  const { version, object } = await getGroup(kube, namespace, name);
  const content = await contentOf(kube, version, object);
  if (!content)
    throw new CaravelError('ObjectGone', `the content of VolumeGroupSnapshot ${name} was deleted`);
  const merge = { type: 'merge' } as const;
  // The group first: whoever finds its content marked goes by the marks of the group as well.
  await kube.patch(snapshots(version), namespace, name, { metadata: marks }, merge);
  const retained = { metadata: marks, spec: { deletionPolicy: 'Retain' } };
  await kube.patch(contents(version), undefined, content.metadata.name, retained, merge);
}

export interface FoundGroup {
  version: string;
  object: GroupObject;
}

/** Groups that runs made, by label. */
export const groupsLabelled = (kube: KubeClient, labelSelector: string): Promise<FoundGroup[]> =>
  labelled<GroupObject>(kube, snapshots, labelSelector);

/** The same for their contents; one stays when its group goes without it. */
export const groupContentsLabelled = (kube: KubeClient, labelSelector: string): Promise<FoundContent[]> =>
  labelled<GroupContent>(kube, contents, labelSelector);

async function labelled<T extends KubeObject>(
  kube: KubeClient,
  of: (version: string) => Gvr,
  labelSelector: string,
): Promise<{ version: string; object: T }[]> {
  const found = await served(async (version) =>
    (await kube.list<T>(of(version), { labelSelector })).map((object) => ({ version, object })),
  );
  return found ?? [];
}

export interface FoundContent {
  version: string;
  object: GroupContent;
}

/** What the storage calls the group and its members. */
export function groupHandles({ status }: GroupContent): string[] {
  const { volumeSnapshotInfoList = [], volumeSnapshotHandlePairList = [] } = status ?? {};
  const members = [...volumeSnapshotInfoList, ...volumeSnapshotHandlePairList];
  return [status?.volumeGroupSnapshotHandle, ...members.map(({ snapshotHandle }) => snapshotHandle)].filter(
    (handle) => handle !== undefined,
  );
}

type Policy = 'Delete' | 'Retain';

async function setGroupPolicy(
  kube: KubeClient,
  version: string,
  { metadata, spec }: GroupContent,
  deletionPolicy: Policy,
  annotations: Record<string, string> = {},
): Promise<void> {
  const marked = Object.entries(annotations).every(([key, value]) => metadata.annotations?.[key] === value);
  if (spec.deletionPolicy === deletionPolicy && marked) return;
  const patch = { metadata: { annotations }, spec: { deletionPolicy } };
  await kube.patch(contents(version), undefined, metadata.name, patch, { type: 'merge' });
}

/** With Delete the storage snapshots go as well; with Retain only the objects, those of the members included. */
export async function removeGroup(
  kube: KubeClient,
  { version, object }: FoundGroup,
  policyFor: (content: GroupContent) => Policy,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace } = object.metadata;
  const content = await contentOf(kube, version, object);
  if (content) await setGroupPolicy(kube, version, content, policyFor(content));
  await kube.remove(snapshots(version), namespace, name);
  const target = { gvr: snapshots(version), namespace, name };
  if (!content) return await gone(kube, target, signal);
  await goneWithContent(kube, target, { gvr: contents(version), name: content.metadata.name }, signal);
  await removeGroupContent(kube, { version, object: content }, policyFor, signal);
}

export async function removeGroupContent(
  kube: KubeClient,
  { version, object }: FoundContent,
  policyFor: (content: GroupContent) => Policy,
  signal: AbortSignal,
): Promise<void> {
  const { name } = object.metadata;
  const target = { gvr: contents(version), namespace: undefined, name };
  const found = await kube.find<GroupContent>(target.gvr, undefined, name);
  if (!found) return;
  const marks = { [GROUP_BEING_DELETED_ANNOTATION]: 'yes' };
  await setGroupPolicy(kube, version, found, policyFor(found), marks);
  await kube.remove(target.gvr, undefined, name);
  await goneWithContent(kube, target, target, signal);
}
