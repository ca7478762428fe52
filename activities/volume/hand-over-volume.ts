import type { VolumeRef } from '../../contracts/activities.ts';
import { LABELS, NUDGE_ANNOTATION, volumeObjectName } from '../../contracts/ids.ts';
import { BIND_WAITS, TIMEOUTS } from '../../contracts/settings.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import type { RecoveryPlan } from '../../core/model.ts';
import { KubeWaitTimeout } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import type { Deps } from '../support/deps.ts';
import { recoveryPlan } from '../support/context.ts';
import { removeClaim, removeCredentials, removeMovers } from './clean-up.ts';
import type { VolumeObjects } from './clean-up.ts';
import { volumeMarks } from './expose.ts';
import { gone } from './gone.ts';
import type { Claim, Volume } from './snapshot-objects.ts';

/** The reclaim policy that a volume had before it was kept for the hand-over. */
const POLICY_ANNOTATION = 'caravel.dev/reclaim-policy';

const objectsOf = (ref: VolumeRef, volume: RecoveryPlan): VolumeObjects => ({
  namespace: ref.run.namespace,
  name: volumeObjectName(ref.run, volume.namespace, volume.claim),
});

/** The mover's mount is gone: its pod ended gracefully, and nothing is attached any more. */
export async function releaseVolume(deps: Deps, ref: VolumeRef, signal: AbortSignal): Promise<void> {
  const { volume } = await recoveryPlan(deps, ref);
  const at = objectsOf(ref, volume);
  await removeMovers(deps.kube, at, signal);
  const claim = await deps.kube.find<Claim>(GVRS.persistentvolumeclaims, at.namespace, at.name);
  if (claim?.spec.volumeName) await detached(deps.kube, claim.spec.volumeName, signal);
}

interface Attachment extends KubeObject {
  spec: { source: { persistentVolumeName?: string }; nodeName: string };
}

async function detached(kube: KubeClient, volume: string, outer: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([outer, AbortSignal.timeout(TIMEOUTS.release)]);
  const attached = new Map<string, string>();
  for await (const { type, object } of kube.watch<Attachment>(GVRS.volumeattachments, { signal })) {
    if (object?.spec.source.persistentVolumeName === volume) {
      if (type === 'DELETED') attached.delete(object.metadata.name);
      else attached.set(object.metadata.name, object.spec.nodeName);
    }
    if (type !== 'ADDED' && attached.size === 0) return;
  }
  if (outer.aborted) throw outer.reason;
  const nodes = [...attached.values()].join(', ');
  throw new CaravelError('NotReleased', `volume ${volume} is still attached to ${nodes || 'a node'}`);
}

/** Gives the filled volume to the target claim. Every step finds out by itself whether it was done before. */
export async function handOverVolume(deps: Deps, ref: VolumeRef, signal: AbortSignal): Promise<void> {
  const { kube } = deps;
  const { volume } = await recoveryPlan(deps, ref);
  const at = objectsOf(ref, volume);
  const name = await keepVolume(kube, ref, at);
  if (!name) return;
  await kube.remove(GVRS.persistentvolumeclaims, at.namespace, at.name);
  await gone(kube, { gvr: GVRS.persistentvolumeclaims, ...at, ours: true }, signal);
  await assignVolume(kube, name, volume, signal);
  const manifest = volume.manifest as { spec: object };
  await kube.ensure(GVRS.persistentvolumeclaims, volume.namespace, {
    ...manifest,
    spec: { ...manifest.spec, volumeName: name },
  });
  await bound(kube, volume, name, signal);
  await settleVolume(kube, name);
}

/** Finds the volume, by its claim or by the mark of an earlier attempt, and keeps it from being reclaimed. */
async function keepVolume(kube: KubeClient, ref: VolumeRef, at: VolumeObjects): Promise<string | undefined> {
  const claim = await kube.find<Claim>(GVRS.persistentvolumeclaims, at.namespace, at.name);
  const name = claim?.spec.volumeName ?? (await markedVolume(kube, at))?.metadata.name;
  if (!name) return undefined;
  const found = await kube.get<Volume>(GVRS.persistentvolumes, undefined, name);
  const policy = found.metadata.annotations?.[POLICY_ANNOTATION] ?? found.spec.persistentVolumeReclaimPolicy;
  const marks = volumeMarks(ref.run, at.name, 'volume');
  await kube.patch(
    GVRS.persistentvolumes,
    undefined,
    name,
    {
      metadata: { labels: marks.labels, annotations: { ...marks.annotations, [POLICY_ANNOTATION]: policy } },
      spec: { persistentVolumeReclaimPolicy: 'Retain' },
    },
    { type: 'merge' },
  );
  return name;
}

async function markedVolume(kube: KubeClient, at: VolumeObjects): Promise<Volume | undefined> {
  return (
    await kube.list<Volume>(GVRS.persistentvolumes, { labelSelector: `${LABELS.volume}=${at.name}` })
  )[0];
}

async function assignVolume(
  kube: KubeClient,
  name: string,
  target: RecoveryPlan,
  signal: AbortSignal,
): Promise<void> {
  const { claimRef } = (await kube.get<Volume>(GVRS.persistentvolumes, undefined, name)).spec;
  if (claimRef?.namespace !== target.namespace || claimRef.name !== target.claim) {
    const reference = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      namespace: target.namespace,
      name: target.claim,
      uid: null,
      resourceVersion: null,
    };
    const annotations = { 'pv.kubernetes.io/bound-by-controller': null };
    const patch = { metadata: { annotations }, spec: { claimRef: reference } };
    await kube.patch(GVRS.persistentvolumes, undefined, name, patch, { type: 'merge' });
  }
  // A claim that comes before the binder has seen the change waits for its next round, 15 seconds later.
  await kube.waitFor<Volume, true>(
    GVRS.persistentvolumes,
    undefined,
    name,
    (found) => (found?.status?.phase === 'Available' || found?.status?.phase === 'Bound' ? true : undefined),
    { timeoutMs: TIMEOUTS.release, signal },
  );
}

/**
 * Waits for the claim to be bound. The binder may lose a race against itself and then looks at the claim again only
 * in its next round, 15 seconds later; any change of the claim makes it look at once.
 */
async function bound(
  kube: KubeClient,
  target: RecoveryPlan,
  volume: string,
  signal: AbortSignal,
): Promise<void> {
  const isBound = (claim: Claim | undefined) =>
    claim?.status?.phase === 'Bound' && claim.spec.volumeName === volume ? claim : undefined;
  let last: Claim | undefined;
  for (const timeoutMs of BIND_WAITS) {
    try {
      const { namespace, claim } = target;
      last = await kube.waitFor<Claim, Claim>(GVRS.persistentvolumeclaims, namespace, claim, isBound, {
        timeoutMs,
        signal,
      });
      return await nudge(kube, last, null);
    } catch (error) {
      if (!(error instanceof KubeWaitTimeout)) throw error;
      last = error.last as Claim | undefined;
      if (last) await nudge(kube, last, String(timeoutMs));
    }
  }
  const state = last ? `${last.status?.phase ?? 'new'}, volume ${last.spec.volumeName ?? 'none'}` : 'gone';
  const message = `claim ${target.namespace}/${target.claim} is not bound to ${volume} (${state})`;
  throw new CaravelError('VolumeNotProvisioned', message);
}

async function nudge(kube: KubeClient, { metadata }: Claim, value: string | null): Promise<void> {
  if (value === null && metadata.annotations?.[NUDGE_ANNOTATION] === undefined) return;
  const patch = { metadata: { annotations: { [NUDGE_ANNOTATION]: value } } };
  await kube.patch(GVRS.persistentvolumeclaims, metadata.namespace, metadata.name, patch, { type: 'merge' });
}

/** The volume is the application's now: its own reclaim policy, and no mark of ours. */
async function settleVolume(kube: KubeClient, name: string): Promise<void> {
  const found = await kube.get<Volume>(GVRS.persistentvolumes, undefined, name);
  const policy = found.metadata.annotations?.[POLICY_ANNOTATION];
  const marks = volumeMarks({ type: 'restore', cluster: '', namespace: '', name: '', uid: '' }, '', 'volume');
  const drop = (keys: object) => Object.fromEntries(Object.keys(keys).map((key) => [key, null]));
  await kube.patch(
    GVRS.persistentvolumes,
    undefined,
    name,
    {
      metadata: {
        labels: drop(marks.labels),
        annotations: drop({ ...marks.annotations, [POLICY_ANNOTATION]: '' }),
      },
      ...(policy && { spec: { persistentVolumeReclaimPolicy: policy } }),
    },
    { type: 'merge' },
  );
}

/** Undo of a recovery, whatever it came to. A volume that its target claim has is left alone. */
export async function cleanUpRecoveryAt(
  kube: KubeClient,
  at: VolumeObjects,
  signal: AbortSignal,
): Promise<void> {
  await removeMovers(kube, at, signal);
  await removeCredentials(kube, at);
  await removeClaim(kube, at, signal);
  const marked = await markedVolume(kube, at);
  if (!marked) return;
  const { claimRef } = marked.spec;
  const claim =
    claimRef && (await kube.find<Claim>(GVRS.persistentvolumeclaims, claimRef.namespace, claimRef.name));
  const { name } = marked.metadata;
  if (claim?.spec.volumeName === name) return await settleVolume(kube, name);
  await kube.patch(
    GVRS.persistentvolumes,
    undefined,
    name,
    { spec: { persistentVolumeReclaimPolicy: 'Delete' } },
    { type: 'merge' },
  );
  await kube.remove(GVRS.persistentvolumes, undefined, name);
  await gone(kube, { gvr: GVRS.persistentvolumes, namespace: undefined, name: name }, signal);
}

export async function cleanUpRecovery(deps: Deps, ref: VolumeRef, signal: AbortSignal): Promise<void> {
  const { volume } = await recoveryPlan(deps, ref);
  await cleanUpRecoveryAt(deps.kube, objectsOf(ref, volume), signal);
}

/**
 * A claim that could not be filled: the selector keeps provisioners away and matches no volume, so its pods wait
 * instead of starting on an empty volume, and a StatefulSet makes no new claim.
 */
export async function withholdClaim(deps: Deps, ref: VolumeRef & { reason: string }): Promise<void> {
  const { volume } = await recoveryPlan(deps, ref);
  const manifest = volume.manifest as { metadata: { annotations?: object }; spec: object };
  await deps.kube.ensure(GVRS.persistentvolumeclaims, volume.namespace, {
    ...manifest,
    metadata: {
      ...manifest.metadata,
      annotations: { ...manifest.metadata.annotations, 'caravel.dev/not-restored': ref.reason },
    },
    spec: {
      ...manifest.spec,
      selector: { matchLabels: { 'velero.io/dynamic-pv-restore': objectsOf(ref, volume).name } },
    },
  });
}
