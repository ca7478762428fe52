import type { BackupVolumeInfo } from '../format/volume-info.ts';
import type { ArchiveSegment, ClaimFate, RecoveryPlan, RestoreChunk, RestoreWave } from '../model.ts';
import { waveOf, WAVE_NAMES } from '../order/waves.ts';
import { problem } from '../problems.ts';
import type { Problem } from '../problems.ts';
import { storageClassOf, unbindClaim } from '../transform/storage.ts';
import { partOf } from '../transform/manifest.ts';
import { transformObject } from '../transform/transform.ts';
import type { TransformSettings } from '../transform/transform.ts';
import { decideClaim, infoOfClaim, reprovisionReason } from './claims.ts';
import type { ClaimDecision, ClaimInput, DataSource } from './claims.ts';
import type { StoredClaim, StoredPod, StoredVolume } from './facts.ts';

const STEP = 'planRestore';

/** Segments of one type that hold selected objects. */
export interface SelectedSegments {
  groupResource: string;
  segments: ArchiveSegment[];
}

/** Whole segments, small ones together, wave by wave in the restore order. */
export function planWaves(selected: readonly SelectedSegments[], chunkItems: number): RestoreWave[] {
  return WAVE_NAMES.map((name) => {
    const members = selected.filter(({ groupResource }) => waveOf(groupResource) === name);
    const parts = members.flatMap(({ groupResource, segments }) =>
      segments.map((segment) => ({ groupResource, segment })),
    );
    const chunks: RestoreChunk[] = [];
    for (const part of parts) {
      const last = chunks.at(-1);
      const { items } = part.segment;
      if (last && last.items + items <= chunkItems) {
        last.parts.push(part);
        last.items += items;
      } else chunks.push({ parts: [part], items });
    }
    return { name, chunks };
  }).filter(({ chunks }) => chunks.length > 0);
}

export interface VolumesInput extends ClaimInput {
  /** Claims that are restored. */
  claims: readonly StoredClaim[];
  pods: readonly StoredPod[];
  settings: TransformSettings;
  /** StorageClass → volumeBindingMode, of the cluster and of the backup. */
  bindingModes: Record<string, string>;
}

export interface VolumesPlan {
  recoveries: RecoveryPlan[];
  claims: Record<string, ClaimFate>;
  reprovisioned: Record<string, string>;
  problems: Problem[];
}

/** What becomes of each claim and each volume. */
export function planVolumes(input: VolumesInput): VolumesPlan {
  const plan: VolumesPlan = { recoveries: [], claims: {}, reprovisioned: {}, problems: [] };
  const decisions = new Map<string, ClaimDecision>();
  const claims = [...input.claims].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const targets = new Set<string>();
  for (const claim of claims) {
    const decision = clashes(claim, targets, input) ?? decideClaim(claim, input);
    if (claim.volume !== '') decisions.set(claim.volume, decision);
    plan.problems.push(...problemOf(claim, decision, input.settings));
    const fate = fateOf(decision, plan.recoveries.length);
    if (fate) plan.claims[keyOf(claim)] = fate;
    if (decision.is === 'recover') {
      plan.recoveries.push(recoveryOf(claim, decision.source, plan.recoveries.length, input));
    }
  }
  for (const volume of input.volumes) {
    const reason = reprovisionReason(volume, infoOfVolume(volume, input.infos), decisions.get(volume.name));
    if (reason !== undefined) plan.reprovisioned[volume.name] = reason;
  }
  return plan;
}

const keyOf = ({ namespace, name }: StoredClaim) => `${namespace}/${name}`;

/** Two namespaces that become one may have claims of one name; two volumes cannot fill it. */
function clashes(
  claim: StoredClaim,
  targets: Set<string>,
  { settings }: VolumesInput,
): ClaimDecision | undefined {
  const target = `${targetOf(settings.namespaces, claim.namespace)}/${claim.name}`;
  if (!targets.has(target)) {
    targets.add(target);
    return undefined;
  }
  const error = `spec.namespaceMapping: claim ${keyOf(claim)} becomes ${target}, as another one of the backup does; it is not restored`;
  return { is: 'skip', error };
}

const infoOfVolume = (volume: StoredVolume, infos: readonly BackupVolumeInfo[]) =>
  infos.find(({ pvName }) => pvName === volume.name);

function fateOf(decision: ClaimDecision, index: number): ClaimFate | undefined {
  switch (decision.is) {
    case 'recover':
      return { fate: 'recover', index };
    case 'withhold':
      return { fate: 'withhold', reason: `${decision.code}: ${decision.reason}` };
    case 'existing':
      return { fate: 'existing' };
    case 'fresh':
      return { fate: 'fresh' };
    case 'skip':
      return { fate: 'skip', reason: decision.error ?? decision.warning ?? '' };
    case 'asStored':
      return undefined;
  }
}

function problemOf(
  claim: StoredClaim,
  decision: ClaimDecision,
  { namespaces }: TransformSettings,
): Problem[] {
  const item = {
    namespace: targetOf(namespaces, claim.namespace),
    resource: 'persistentvolumeclaims',
    name: claim.name,
  };
  if (decision.is === 'withhold') return [problem('error', STEP, decision.code, decision.reason, item)];
  if (decision.is === 'skip' && decision.error !== undefined) {
    return [problem('error', STEP, 'InvalidInput', decision.error, item)];
  }
  if (!('warning' in decision) || decision.warning === undefined) return [];
  const code = decision.is === 'existing' ? 'KubeConflict' : 'NotSupported';
  return [problem('warning', STEP, code, decision.warning, item)];
}

export const targetOf = (namespaces: Record<string, string>, source: string): string =>
  Object.hasOwn(namespaces, source) ? (namespaces[source] ?? source) : source;

function recoveryOf(
  claim: StoredClaim,
  source: DataSource,
  index: number,
  { settings, infos, pods, bindingModes }: VolumesInput,
): RecoveryPlan {
  const namespace = targetOf(settings.namespaces, claim.namespace);
  const { manifest } = claim;
  transformObject('persistentvolumeclaims', manifest, settings, namespace);
  unbindClaim(manifest);
  const storageClass = storageClassOf(manifest);
  const pvInfo = infoOfClaim(claim, infos)?.pvInfo;
  const mode = Object.hasOwn(bindingModes, storageClass) ? bindingModes[storageClass] : undefined;
  // Only where the first consumer decides about the place of the volume.
  const placement = mode === 'Immediate' ? undefined : placementOf(claim, pods);
  return {
    index,
    sourceNamespace: claim.namespace,
    namespace,
    claim: claim.name,
    sourceClaimUid: claim.uid,
    manifest,
    volumeMode: partOf(manifest['spec'])['volumeMode'] === 'Block' ? 'Block' : 'Filesystem',
    storageClass,
    snapshotId: source.snapshotId,
    snapshotBytes: source.bytes,
    dataUpload: source.dataUpload,
    repositoryNamespace: claim.namespace,
    ...(pvInfo && { pvInfo }),
    ...(placement && { placement }),
  };
}

function placementOf(claim: StoredClaim, pods: readonly StoredPod[]): Record<string, unknown> | undefined {
  const users = pods.filter((pod) => pod.namespace === claim.namespace && pod.claims.includes(claim.name));
  // A pod that had ended may have run anywhere.
  const user = users.find(({ ended }) => !ended) ?? users[0];
  return user?.placement;
}
