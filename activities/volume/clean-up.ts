import type { VolumeRef } from '../../contracts/activities.ts';
import { GROUP_ANNOTATION, LABELS, moverSecretName, sourceSnapshotName } from '../../contracts/ids.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { isNotFound, KubeWaitTimeout } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { gone, goneWithContent, isOurs } from './gone.ts';
import { setDeletionPolicy } from './hand-over-snapshot.ts';
import { BEING_DELETED_ANNOTATION } from './snapshot-objects.ts';
import type { Claim, Snapshot, SnapshotContent, Volume } from './snapshot-objects.ts';

/**
 * Undo of everything that is made for one volume. It looks at what is there, not at what was planned, so it is right
 * after any crash, and the same code serves the end of a run and the collection of garbage.
 */

/** Where the objects of one volume are. */
export interface VolumeObjects {
  /** Control namespace. */
  namespace: string;
  /** Common name of the copy, the temporary claim and the movement. */
  name: string;
}

/** Ends the movers, gracefully: a forced deletion would hide a mount that is still alive. */
export async function removeMovers(kube: KubeClient, at: VolumeObjects, signal: AbortSignal): Promise<void> {
  const pods = await moverPods(kube, at);
  await Promise.all(
    pods.map(async (pod) => {
      await kube.remove(GVRS.pods, at.namespace, pod.metadata.name);
      const target = { gvr: GVRS.pods, namespace: at.namespace, name: pod.metadata.name, ours: true };
      await gone(kube, target, signal);
    }),
  );
}

export async function moverPods(kube: KubeClient, at: VolumeObjects): Promise<KubeObject[]> {
  const labelSelector = `${LABELS.volume}=${at.name},${LABELS.component}=mover`;
  return await kube.list(GVRS.pods, { namespace: at.namespace, labelSelector });
}

export async function removeCredentials(kube: KubeClient, at: VolumeObjects): Promise<void> {
  await kube.remove(GVRS.secrets, at.namespace, moverSecretName(at.name));
}

/** Deletes the temporary claim with its volume, whatever the storage class says of reclaiming. */
export async function removeClaim(kube: KubeClient, at: VolumeObjects, signal: AbortSignal): Promise<void> {
  const claim = await kube.find<Claim>(GVRS.persistentvolumeclaims, at.namespace, at.name);
  if (!claim) return;
  const volume = claim.spec.volumeName;
  if (volume) await setReclaimPolicy(kube, volume, 'Delete');
  await kube.remove(GVRS.persistentvolumeclaims, at.namespace, at.name);
  await gone(kube, { gvr: GVRS.persistentvolumeclaims, ...at, ours: isOurs(claim) }, signal);
  if (volume) await gone(kube, { gvr: GVRS.persistentvolumes, namespace: undefined, name: volume }, signal);
}

export async function setReclaimPolicy(kube: KubeClient, volume: string, policy: string): Promise<void> {
  const found = await kube.find<Volume>(GVRS.persistentvolumes, undefined, volume);
  if (!found || found.spec.persistentVolumeReclaimPolicy === policy) return;
  const patch = { spec: { persistentVolumeReclaimPolicy: policy } };
  await kube
    .patch(GVRS.persistentvolumes, undefined, volume, patch, { type: 'merge' })
    .catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
}

/** What is known of the snapshot in the application's namespace; nothing once it was handed over. */
interface SnapshotSource {
  namespace?: string;
  snapshot?: string;
  content?: string;
}

/**
 * Deletes the storage snapshot through whichever content owns it: the copy once it has a status (the driver is only
 * asked to delete then), else the original, whose policy is set back for that.
 */
export async function removeSnapshots(
  kube: KubeClient,
  at: VolumeObjects,
  source: SnapshotSource,
  signal: AbortSignal,
): Promise<void> {
  const copyOwns = await copyOwnsHandle(kube, at, signal);
  const policy = copyOwns ? 'Retain' : 'Delete';
  if (source.namespace && source.snapshot)
    await removeSnapshot(kube, source.namespace, source.snapshot, policy, signal);
  // The snapshot may have gone without its content when a hand-over was interrupted.
  if (source.content) await removeContent(kube, source.content, policy, signal);
  const own = copyOwns ? 'Delete' : 'Retain';
  await removeSnapshot(kube, at.namespace, at.name, own, signal);
  // It is made before its snapshot, and not found through one that is not bound to it.
  await removeContent(kube, at.name, own, signal);
}

async function copyOwnsHandle(kube: KubeClient, at: VolumeObjects, signal: AbortSignal): Promise<boolean> {
  const copy = await kube.find<SnapshotContent>(GVRS.volumesnapshotcontents, undefined, at.name);
  // The snapshot of a group goes with its group.
  if (!copy || copy.metadata.annotations?.[GROUP_ANNOTATION]) return false;
  if (copy.status?.snapshotHandle) return true;
  try {
    return await kube.waitFor<SnapshotContent, boolean>(
      GVRS.volumesnapshotcontents,
      undefined,
      at.name,
      (content) => (content === undefined ? false : content.status?.snapshotHandle ? true : undefined),
      { timeoutMs: TIMEOUTS.copyStatus, signal },
    );
  } catch (error) {
    if (error instanceof KubeWaitTimeout) return false;
    throw error;
  }
}

/** Deletes a VolumeSnapshot and its content; with Delete, the content is gone only when the driver has obeyed. */
export async function removeSnapshot(
  kube: KubeClient,
  namespace: string,
  name: string,
  policy: 'Delete' | 'Retain',
  signal: AbortSignal,
): Promise<void> {
  const snapshot = await kube.find<Snapshot>(GVRS.volumesnapshots, namespace, name);
  if (!snapshot) return;
  const content = snapshot.status?.boundVolumeSnapshotContentName ?? `snapcontent-${snapshot.metadata.uid}`;
  const found = await kube.find<SnapshotContent>(GVRS.volumesnapshotcontents, undefined, content);
  if (found) await setDeletionPolicy(kube, found, policy);
  await kube.remove(GVRS.volumesnapshots, namespace, name);
  const target = { gvr: GVRS.volumesnapshots, namespace, name, ours: isOurs(snapshot) };
  await goneWithContent(kube, target, { gvr: GVRS.volumesnapshotcontents, name: content }, signal);
  await removeContent(kube, content, policy, signal);
}

/** Deletes a content that has no snapshot any more. */
export async function removeContent(
  kube: KubeClient,
  name: string,
  policy: 'Delete' | 'Retain',
  signal: AbortSignal,
): Promise<void> {
  const found = await kube.find<SnapshotContent>(GVRS.volumesnapshotcontents, undefined, name);
  if (!found) return;
  await setDeletionPolicy(kube, found, policy, { [BEING_DELETED_ANNOTATION]: 'yes' });
  await kube.remove(GVRS.volumesnapshotcontents, undefined, name);
  const target = { gvr: GVRS.volumesnapshotcontents, namespace: undefined, name, ours: isOurs(found) };
  await goneWithContent(kube, target, target, signal);
}

export const sourceOf = (ref: VolumeRef, volume: { namespace: string; claim: string }) => ({
  namespace: volume.namespace,
  snapshot: sourceSnapshotName(ref.run, volume.namespace, volume.claim),
});
