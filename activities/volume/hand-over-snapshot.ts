import type { VolumeRef } from '../../contracts/activities.ts';
import type { BackupSpec } from '../../contracts/api/backup.ts';
import {
  GROUP_ANNOTATION,
  LABELS,
  OURS,
  runLabels,
  runWorkflowId,
  sourceSnapshotName,
  volumeObjectName,
  WORKFLOW_ANNOTATION,
} from '../../contracts/ids.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import type { VolumeCut, VolumePlan } from '../../core/model.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { isNotFound, KubeWaitTimeout } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient } from '../../platform/kube/types.ts';
import type { Deps } from '../support/deps.ts';
import { allowance } from '../support/allowance.ts';
import { volumePlan } from '../support/context.ts';
import { MOVEMENT_GVR, uploadFor } from './movement.ts';
import { CONTENT_FINALIZER } from './snapshot-objects.ts';
import type { Snapshot, SnapshotContent } from './snapshot-objects.ts';
import { ageOf, patienceOf } from './snapshot-ready.ts';
import type { Patience } from './snapshot-ready.ts';

/**
 * Moves a snapshot from the application's namespace into the control namespace. At every moment exactly one content
 * with policy Delete stands for the storage snapshot once the copy has a status, and until then the original keeps it.
 */
export async function handOverSnapshot(deps: Deps, ref: VolumeRef & { cut: VolumeCut }, signal: AbortSignal) {
  const { kube } = deps;
  const { volume, context } = await volumePlan(deps, ref);
  const upload = uploadFor(ref.run, context.resource, context.location, volume, ref.cut);
  await kube.ensure(MOVEMENT_GVR.backup, ref.run.namespace, upload);

  const original = await kube.find<SnapshotContent>(GVRS.volumesnapshotcontents, undefined, ref.cut.content);
  // The group keeps what belongs to it.
  if (original && !ref.cut.group) await keepOriginal(kube, ref, volume, original);
  await copySnapshot(kube, ref, volume, original);
  await copyIsReady(kube, ref, { volume, spec: context.resource.spec }, signal);
  // The application's namespace is clean now. The original's content is bound to nothing any more; it goes with the rest.
  await kube.remove(
    GVRS.volumesnapshots,
    volume.namespace,
    sourceSnapshotName(ref.run, volume.namespace, volume.claim),
  );
}

/** Marked as ours, so that garbage collection finds it when its snapshot is gone already. */
async function keepOriginal(kube: KubeClient, ref: VolumeRef, volume: VolumePlan, original: SnapshotContent) {
  const name = volumeObjectName(ref.run, volume.namespace, volume.claim);
  const metadata = {
    labels: { ...runLabels(ref.run, 'source-content'), [LABELS.volume]: name },
    annotations: { [WORKFLOW_ANNOTATION]: runWorkflowId(ref.run) },
  };
  const patch = { metadata, spec: { deletionPolicy: 'Retain' } };
  await kube.patch(GVRS.volumesnapshotcontents, undefined, original.metadata.name, patch, { type: 'merge' });
}

async function copySnapshot(
  kube: KubeClient,
  ref: VolumeRef & { cut: VolumeCut },
  volume: VolumePlan,
  original: SnapshotContent | undefined,
): Promise<void> {
  const { run, cut } = ref;
  const name = volumeObjectName(run, volume.namespace, volume.claim);
  const labels = { ...runLabels(run, 'snapshot'), [LABELS.volume]: name };
  const annotations = {
    ...snapshotAnnotations(original),
    [WORKFLOW_ANNOTATION]: runWorkflowId(run),
    ...(cut.group && { [GROUP_ANNOTATION]: cut.group }),
  };
  const volumeSnapshotClassName = cut.snapshotClass;
  await kube.ensure(GVRS.volumesnapshotcontents, undefined, {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshotContent',
    // The controller adds it as soon as content and snapshot are bound. One that is deleted before that would be gone at
    // once, and its driver not be asked to delete anything.
    metadata: { name, labels, annotations, finalizers: [CONTENT_FINALIZER] },
    spec: {
      deletionPolicy: cut.group ? 'Retain' : 'Delete',
      driver: cut.driver,
      source: { snapshotHandle: cut.handle },
      ...(original?.spec.sourceVolumeMode && { sourceVolumeMode: original.spec.sourceVolumeMode }),
      volumeSnapshotClassName,
      volumeSnapshotRef: { name, namespace: run.namespace },
    },
  });
  await kube.ensure(GVRS.volumesnapshots, run.namespace, {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: {
      name,
      namespace: run.namespace,
      labels,
      annotations: { [WORKFLOW_ANNOTATION]: runWorkflowId(run) },
    },
    spec: { source: { volumeSnapshotContentName: name }, volumeSnapshotClassName },
  });
}

/** Secrets that the driver needs to delete the snapshot are named in annotations of the content. */
const snapshotAnnotations = (original: SnapshotContent | undefined) =>
  Object.fromEntries(
    Object.entries(original?.metadata.annotations ?? {}).filter(([key]) =>
      key.startsWith('snapshot.storage.kubernetes.io/'),
    ),
  );

async function copyIsReady(
  kube: KubeClient,
  ref: VolumeRef,
  { volume, spec }: { volume: VolumePlan; spec: BackupSpec },
  signal: AbortSignal,
): Promise<void> {
  const name = volumeObjectName(ref.run, volume.namespace, volume.claim);
  try {
    // A snapshot is ready only when its content has a status, and so owns the handle.
    await kube.waitFor<Snapshot, true>(
      GVRS.volumesnapshots,
      ref.run.namespace,
      name,
      (snapshot) => (snapshot?.status?.readyToUse ? true : undefined),
      { timeoutMs: allowance(spec.csiSnapshotTimeout, TIMEOUTS.csiSnapshot), signal, among: OURS },
    );
  } catch (error) {
    throw error instanceof KubeWaitTimeout ? notReady(name, error, patienceOf(spec)) : error;
  }
}

/** Some storage needs hours; a driver that reports an error has had its time. A copy that nobody could read says nothing. */
export function notReady(name: string, waited: KubeWaitTimeout, { limitMs }: Patience): Error {
  const copy = waited.last as Snapshot | undefined;
  const said = copy?.status?.error?.message;
  if (said !== undefined)
    return new CaravelError('SnapshotFailed', `copy ${name} of the snapshot: ${said}`, { retryable: false });
  if (!copy || ageOf(copy) < limitMs) return waited;
  const message = `copy ${name} of the snapshot: not ready to use within spec.itemOperationTimeout`;
  return new CaravelError('SnapshotTimeout', message, { cause: waited });
}

export async function setDeletionPolicy(
  kube: KubeClient,
  content: SnapshotContent,
  policy: 'Delete' | 'Retain',
  annotations: Record<string, string> = {},
) {
  const present = content.metadata.annotations ?? {};
  const marked = Object.entries(annotations).every(([key, value]) => present[key] === value);
  if (content.spec.deletionPolicy === policy && marked) return;
  const patch = { metadata: { annotations }, spec: { deletionPolicy: policy } };
  try {
    await kube.patch(GVRS.volumesnapshotcontents, undefined, content.metadata.name, patch, { type: 'merge' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
