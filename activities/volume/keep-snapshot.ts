import type { VolumeRef } from '../../contracts/activities.ts';
import {
  KEPT_ANNOTATION,
  LABELS,
  runLabels,
  runWorkflowId,
  scratchPrefix,
  validName,
  volumeObjectName,
  WORKFLOW_ANNOTATION,
} from '../../contracts/ids.ts';
import type { DocRef } from '../../contracts/run.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import type { KeptSnapshot, VolumeCut, VolumeOutcome } from '../../core/model.ts';
import { KubeWaitTimeout } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { putDoc } from '../../platform/store/documents.ts';
import { allowance } from '../support/allowance.ts';
import { volumePlan } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { groupMembers, keepGroup } from './group-snapshot.ts';
import type { SnapshotContent } from './snapshot-objects.ts';

type Ref = VolumeRef & { cut: VolumeCut };

/**
 * Makes a snapshot a part of the backup: it outlives its objects from now on, and these are noted for the archive. The
 * objects stay until the backup is sealed, so that the storage snapshot of a run that fails goes with them.
 */
export async function keepSnapshot(deps: Deps, ref: Ref, signal: AbortSignal): Promise<DocRef> {
  const { volume, context, store } = await volumePlan(deps, ref);
  const { spec } = context.resource;
  const patience = {
    patienceMs: allowance(spec.csiSnapshotTimeout, TIMEOUTS.csiSnapshot),
    limitMs: allowance(spec.itemOperationTimeout, TIMEOUTS.itemOperation),
    signal,
  };
  const { group } = ref.cut;
  // Snapshots of a group only go together: none of them is kept unless all can be.
  const all = group ? await groupMembers(deps.kube, volume.namespace, group) : [ref.cut];
  await Promise.all(all.map((each) => ready(deps.kube, each, patience)));
  const kept = await take(deps.kube, ref, volume.namespace, context.location);
  const outcome: VolumeOutcome = {
    index: ref.index,
    ok: true,
    object: volumeObjectName(ref.run, volume.namespace, volume.claim),
    bytes: 0,
    bytesMoved: 0,
    files: 0,
    startedAt: ref.cut.takenAt,
    completedAt: new Date().toISOString(),
    stagesMs: {},
    notKept: {},
    kept,
  };
  return await putDoc(store, `${scratchPrefix(ref.run)}outcomes/${ref.index}.json`, outcome);
}

interface Patience {
  /** For as long the driver may report errors: it goes on by itself. */
  patienceMs: number;
  /** Some storage copies a snapshot away before it can be used. */
  limitMs: number;
  signal: AbortSignal;
}

type Cut = Pick<VolumeCut, 'snapshot' | 'content'>;

async function ready(kube: KubeClient, cut: Cut, { patienceMs, limitMs, signal }: Patience): Promise<void> {
  const isReady = ({ status }: SnapshotContent) => (status?.readyToUse ? true : undefined);
  const settled = (content: SnapshotContent) =>
    isReady(content) ?? (content.status?.error ? false : undefined);
  const patience = Math.min(patienceMs, limitMs);
  const good =
    (await whenContent(kube, cut, { timeoutMs: patience, signal }, isReady)) ??
    (await whenContent(kube, cut, { timeoutMs: Math.max(1, limitMs - patience), signal }, settled));
  if (good) return;
  const content = await kube.find<SnapshotContent>(GVRS.volumesnapshotcontents, undefined, cut.content);
  const said = content?.status?.error?.message;
  const message = `snapshot ${cut.snapshot}: ${said ?? 'not ready to use within spec.itemOperationTimeout'}`;
  throw new CaravelError(said ? 'SnapshotFailed' : 'SnapshotTimeout', message, { retryable: false });
}

/** Undefined when the time is over. */
async function whenContent(
  kube: KubeClient,
  cut: Cut,
  options: { timeoutMs: number; signal: AbortSignal },
  look: (content: SnapshotContent) => boolean | undefined,
): Promise<boolean | undefined> {
  const test = (content: SnapshotContent | undefined) => {
    if (content) return look(content);
    throw new CaravelError('ObjectGone', `VolumeSnapshotContent ${cut.content} was deleted meanwhile`);
  };
  try {
    return await kube.waitFor(GVRS.volumesnapshotcontents, undefined, cut.content, test, options);
  } catch (error) {
    if (error instanceof KubeWaitTimeout) return undefined;
    throw error;
  }
}

/** Makes the snapshot outlive its objects, and reads these as they will be stored. */
async function take(kube: KubeClient, ref: Ref, namespace: string, location: string): Promise<KeptSnapshot> {
  const { run, cut } = ref;
  if (cut.group) await keepGroup(kube, run, { namespace, name: cut.group, location });
  else await keepOne(kube, ref, namespace, location);
  const [snapshot, content, snapshotClass] = await Promise.all([
    kube.get<KubeObject>(GVRS.volumesnapshots, namespace, cut.snapshot),
    kube.get<KubeObject>(GVRS.volumesnapshotcontents, undefined, cut.content),
    kube.find<KubeObject>(GVRS.volumesnapshotclasses, undefined, cut.snapshotClass),
  ]);
  return { snapshot, content, ...(snapshotClass && { class: snapshotClass }) };
}

async function keepOne(
  kube: KubeClient,
  { run, cut }: Ref,
  namespace: string,
  location: string,
): Promise<void> {
  const annotations = {
    [WORKFLOW_ANNOTATION]: runWorkflowId(run),
    [KEPT_ANNOTATION]: `${location}/${run.name}`,
  };
  const labels = { ...runLabels(run, 'kept-snapshot'), [LABELS.backupName]: validName(run.name) };
  const marks = { metadata: { labels, annotations } };
  const merge = { type: 'merge' } as const;
  const retained = { ...marks, spec: { deletionPolicy: 'Retain' } };
  await kube.patch(GVRS.volumesnapshotcontents, undefined, cut.content, retained, merge);
  await kube.patch(GVRS.volumesnapshots, namespace, cut.snapshot, marks, merge);
}
