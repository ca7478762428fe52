import type { VolumeRef } from '../../contracts/activities.ts';
import {
  sourceSnapshotName,
  volumeObjectName,
  runLabels,
  LABELS,
  OURS,
  validName,
  WORKFLOW_ANNOTATION,
  runWorkflowId,
} from '../../contracts/ids.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import type { VolumeCut, VolumePlan } from '../../core/model.ts';
import { KubeWaitTimeout } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { numberOf } from '../../platform/kube/json.ts';
import { quantityBytes } from '../../core/format/quantity.ts';
import { allowance } from '../support/allowance.ts';
import type { Deps } from '../support/deps.ts';
import { volumePlan } from '../support/context.ts';
import type { Snapshot, SnapshotContent } from './snapshot-objects.ts';
import { ageOf } from './snapshot-ready.ts';

/** Has the storage take a snapshot of one claim and waits until it has a handle: from then on the data is fixed. */
export async function cutVolume(deps: Deps, ref: VolumeRef, signal: AbortSignal): Promise<VolumeCut> {
  const { volume, context } = await volumePlan(deps, ref);
  const name = sourceSnapshotName(ref.run, volume.namespace, volume.claim);
  const { object } = await deps.kube.ensure<Snapshot>(
    GVRS.volumesnapshots,
    volume.namespace,
    sourceSnapshot(ref, volume, name),
  );
  const allowed = allowance(context.resource.spec.csiSnapshotTimeout, TIMEOUTS.csiSnapshot);
  const timeoutMs = Math.max(1, allowed - ageOf(object));
  try {
    return await waitForHandle(deps, volume, name, { timeoutMs, signal });
  } catch (error) {
    if (!(error instanceof KubeWaitTimeout)) throw error;
    const said = (error.last as Snapshot | undefined)?.status?.error?.message ?? 'the snapshot has no handle';
    throw new CaravelError('SnapshotTimeout', `snapshot of ${volume.namespace}/${volume.claim}: ${said}`, {
      cause: error,
    });
  }
}

function sourceSnapshot(ref: VolumeRef, volume: VolumePlan, name: string) {
  return {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: {
      name,
      namespace: volume.namespace,
      labels: {
        ...volume.claimLabels,
        ...runLabels(ref.run, 'source-snapshot'),
        [LABELS.volume]: volumeObjectName(ref.run, volume.namespace, volume.claim),
        [LABELS.backupName]: validName(ref.run.name),
      },
      annotations: { [WORKFLOW_ANNOTATION]: runWorkflowId(ref.run) },
    },
    spec: {
      source: { persistentVolumeClaimName: volume.claim },
      volumeSnapshotClassName: volume.snapshotClass,
    },
  };
}

/** A snapshot has a time when its content has a handle. Whether it can be used is another question. */
const isTaken = (snapshot: Snapshot | undefined): boolean =>
  snapshot?.status?.boundVolumeSnapshotContentName !== undefined &&
  (snapshot.status.creationTime !== undefined || snapshot.status.readyToUse === true);

async function waitForHandle(
  deps: Deps,
  volume: VolumePlan,
  name: string,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<VolumeCut> {
  const { kube } = deps;
  const taken = await kube.waitFor<Snapshot, Snapshot>(
    GVRS.volumesnapshots,
    volume.namespace,
    name,
    (snapshot) => (isTaken(snapshot) ? snapshot : undefined),
    { ...options, among: OURS },
  );
  const contentName = taken.status?.boundVolumeSnapshotContentName ?? '';
  const content = await kube.waitFor<SnapshotContent, SnapshotContent>(
    GVRS.volumesnapshotcontents,
    undefined,
    contentName,
    (candidate) => (candidate?.status?.snapshotHandle ? candidate : undefined),
    options,
  );
  return cutOf(taken, content, volume.snapshotClass);
}

/** What is known of a snapshot that has a handle. */
export function cutOf(
  snapshot: Pick<Snapshot, 'metadata' | 'status'>,
  { metadata, spec, status = {} }: SnapshotContent,
  snapshotClass: string,
): VolumeCut {
  // Nanoseconds are more than a number can hold.
  const createdAt = numberOf(status.creationTime);
  return {
    snapshot: snapshot.metadata.name,
    content: metadata.name,
    handle: status.snapshotHandle ?? '',
    driver: spec.driver,
    snapshotClass,
    restoreSize: numberOf(status.restoreSize) ?? quantityBytes(snapshot.status?.restoreSize ?? '0'),
    takenAt: (createdAt ? new Date(createdAt / 1e6) : new Date()).toISOString(),
  };
}
