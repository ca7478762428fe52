import type { VolumeRef } from '../../contracts/activities.ts';
import {
  GROUP_ANNOTATION,
  LABELS,
  NUDGE_ANNOTATION,
  runLabels,
  runWorkflowId,
  sourceSnapshotName,
  volumeObjectName,
  WORKFLOW_ANNOTATION,
} from '../../contracts/ids.ts';
import { DELETION_WAITS, TIMEOUTS } from '../../contracts/settings.ts';
import type { VolumeCut, VolumePlan } from '../../core/model.ts';
import { isNotFound, KubeWaitTimeout } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { Gvr, KubeClient } from '../../platform/kube/types.ts';
import type { Deps } from '../support/deps.ts';
import { volumePlan } from '../support/context.ts';
import { MOVEMENT_GVR, uploadFor } from './movement.ts';
import type { Snapshot, SnapshotContent } from './snapshot-objects.ts';

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
  await copyIsReady(kube, ref, volume, signal);
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
    metadata: { name, labels, annotations },
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
  volume: VolumePlan,
  signal: AbortSignal,
): Promise<void> {
  const name = volumeObjectName(ref.run, volume.namespace, volume.claim);
  const options = { timeoutMs: TIMEOUTS.csiSnapshot, signal };
  await kube.waitFor<SnapshotContent, true>(
    GVRS.volumesnapshotcontents,
    undefined,
    name,
    (content) => (content?.status?.snapshotHandle ? true : undefined),
    options,
  );
  await kube.waitFor<Snapshot, true>(
    GVRS.volumesnapshots,
    ref.run.namespace,
    name,
    (snapshot) => (snapshot?.status?.readyToUse ? true : undefined),
    options,
  );
}

export async function setDeletionPolicy(
  kube: KubeClient,
  content: SnapshotContent,
  policy: 'Delete' | 'Retain',
) {
  if (content.spec.deletionPolicy === policy) return;
  const patch = { spec: { deletionPolicy: policy } };
  try {
    await kube.patch(GVRS.volumesnapshotcontents, undefined, content.metadata.name, patch, { type: 'merge' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

interface Target {
  gvr: Gvr;
  namespace: string | undefined;
  name: string;
}

/** As `gone`, for an object that goes when a content does, such as the content itself. */
export async function goneWithContent(
  kube: KubeClient,
  target: Target,
  content: Pick<Target, 'gvr' | 'name'>,
  signal: AbortSignal,
): Promise<void> {
  for (const [at, timeoutMs] of DELETION_WAITS.entries()) {
    try {
      await gone(kube, target, signal, timeoutMs);
      return;
    } catch (error) {
      if (!(error instanceof KubeWaitTimeout) || at === DELETION_WAITS.length - 1) throw error;
      await nudge(kube, content.gvr, content.name);
    }
  }
}

/** Nothing is changed that means something, but whoever watches looks again. */
async function nudge(kube: KubeClient, gvr: Gvr, name: string): Promise<void> {
  const patch = { metadata: { annotations: { [NUDGE_ANNOTATION]: new Date().toISOString() } } };
  try {
    await kube.patch(gvr, undefined, name, patch, { type: 'merge' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Waits until an object is gone; its finalizers, and so the storage behind it, are done then. */
export async function gone(
  kube: KubeClient,
  { gvr, namespace, name }: Target,
  signal: AbortSignal,
  timeoutMs: number = TIMEOUTS.release,
): Promise<void> {
  await kube.waitFor(gvr, namespace, name, (object) => (object === undefined ? true : undefined), {
    timeoutMs,
    signal,
  });
}
