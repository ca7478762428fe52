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
import type { DocRef, RunRef } from '../../contracts/run.ts';
import type { KeptSnapshot, VolumeCut, VolumeOutcome } from '../../core/model.ts';
import { isNotFound } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { putDoc } from '../../platform/store/documents.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import { volumePlan } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { patienceOf, ready, snapshotGone } from './snapshot-ready.ts';

/**
 * Makes a snapshot a part of the backup: it outlives its objects from now on, and these are noted for the archive. The
 * objects stay until the backup is sealed, so that the storage snapshot of a run that fails goes with them.
 */
export async function keepSnapshot(
  deps: Deps,
  ref: VolumeRef & { cut: VolumeCut },
  signal: AbortSignal,
): Promise<DocRef> {
  const { run, index, cut } = ref;
  const { volume, context, store } = await volumePlan(deps, ref);
  await ready(deps.kube, cut, patienceOf(context.resource.spec), signal);
  await keepOne(deps.kube, run, { ...cut, namespace: volume.namespace, location: context.location });
  const kept = await readKept(deps.kube, volume.namespace, cut);
  return await putKept(store, run, { index, volume, cut, kept });
}

/** The labels and notes of objects that are a part of a backup. */
export const keptMarks = (run: RunRef, location: string) => ({
  labels: { ...runLabels(run, 'kept-snapshot'), [LABELS.backupName]: validName(run.name) },
  annotations: {
    [WORKFLOW_ANNOTATION]: runWorkflowId(run),
    [KEPT_ANNOTATION]: `${location}/${run.name}`,
  },
});

async function keepOne(
  kube: KubeClient,
  run: RunRef,
  { namespace, location, snapshot, content }: VolumeCut & { namespace: string; location: string },
): Promise<void> {
  const marks = { metadata: keptMarks(run, location) };
  const merge = { type: 'merge' } as const;
  const retained = { ...marks, spec: { deletionPolicy: 'Retain' } };
  await present(content, kube.patch(GVRS.volumesnapshotcontents, undefined, content, retained, merge));
  await present(snapshot, kube.patch(GVRS.volumesnapshots, namespace, snapshot, marks, merge));
}

/** The objects as they will be stored. */
export async function readKept(kube: KubeClient, namespace: string, cut: VolumeCut): Promise<KeptSnapshot> {
  const { snapshot: name, content: contentName, snapshotClass: className } = cut;
  const [snapshot, content, snapshotClass] = await Promise.all([
    present(name, kube.get<KubeObject>(GVRS.volumesnapshots, namespace, name)),
    present(contentName, kube.get<KubeObject>(GVRS.volumesnapshotcontents, undefined, contentName)),
    kube.find<KubeObject>(GVRS.volumesnapshotclasses, undefined, className),
  ]);
  return { snapshot, content, ...(snapshotClass && { class: snapshotClass }) };
}

async function present<T>(name: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw isNotFound(error) ? snapshotGone(`snapshot ${name}`, error) : error;
  }
}

interface Kept {
  index: number;
  volume: { namespace: string; claim: string };
  cut: VolumeCut;
  kept: KeptSnapshot;
}

export async function putKept(
  store: ObjectStore,
  run: RunRef,
  { index, volume, cut, kept }: Kept,
): Promise<DocRef> {
  const outcome: VolumeOutcome = {
    index,
    ok: true,
    object: volumeObjectName(run, volume.namespace, volume.claim),
    bytes: 0,
    bytesMoved: 0,
    files: 0,
    startedAt: cut.takenAt,
    completedAt: new Date().toISOString(),
    stagesMs: {},
    notKept: {},
    kept,
  };
  return await putDoc(store, `${scratchPrefix(run)}outcomes/${index}.json`, outcome);
}
