import type {
  ClaimFact,
  Facts,
  PodFact,
  VolumeFact,
  VolumeGroup,
  VolumeMethod,
  VolumePlan,
  VolumePlans,
} from '../model.ts';
import { problem } from '../problems.ts';
import type { Problem } from '../problems.ts';

export interface SnapshotClass {
  name: string;
  driver: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export interface VolumePlanInput {
  facts: Facts;
  /** spec.snapshotVolumes; only an explicit false leaves volumes out. */
  snapshotVolumes: boolean;
  /** spec.snapshotMoveData. */
  moveData: boolean;
  /** Annotations of the Backup. */
  annotations: Record<string, string>;
  classes: readonly SnapshotClass[];
  /** StorageClass name → provisioner. */
  provisioners: Record<string, string>;
}

const CLASS_KEY = 'velero.io/csi-volumesnapshot-class';
const DEFAULT_CLASS_KEY = 'snapshot.storage.kubernetes.io/is-default-class';

/** Velero's five rules, first match wins; undefined = none or several without a mark. */
export function chooseSnapshotClass(
  driver: string,
  claim: Pick<ClaimFact, 'annotations'>,
  backupAnnotations: Record<string, string>,
  classes: readonly SnapshotClass[],
): SnapshotClass | undefined {
  const mine = classes.filter((entry) => entry.driver.toLowerCase() === driver.toLowerCase());
  const named = (name: string | undefined) =>
    name === undefined ? undefined : mine.find((entry) => entry.name.toLowerCase() === name.toLowerCase());
  return (
    named(claim.annotations[CLASS_KEY]) ??
    named(backupAnnotations[`${CLASS_KEY}_${driver.toLowerCase()}`]) ??
    mine.find((entry) => Object.hasOwn(entry.labels, CLASS_KEY)) ??
    mine.find((entry) => Object.hasOwn(entry.annotations, DEFAULT_CLASS_KEY)) ??
    (mine.length === 1 ? mine[0] : undefined)
  );
}

type Decision = Pick<VolumePlan, 'method' | 'reason' | 'driver' | 'snapshotClass'> & { problem?: Problem };

const skip = (reason: string): Decision => ({ method: 'skip', reason, driver: '', snapshotClass: '' });

function failed(claim: ClaimFact, code: Problem['code'], message: string): Decision {
  const item = { namespace: claim.namespace, resource: 'persistentvolumeclaims', name: claim.name };
  return {
    ...skip(message),
    method: 'failed',
    problem: problem('error', 'planVolumes', code, message, item),
  };
}

function decide(claim: ClaimFact, volume: VolumeFact | undefined, input: VolumePlanInput): Decision {
  if (!input.snapshotVolumes) return skip('spec.snapshotVolumes is false');
  return withoutVolume(claim, volume) ?? bySnapshot(claim, volume, input);
}

/** Claims that have nothing a CSI snapshot could be taken of. */
function withoutVolume(claim: ClaimFact, volume: VolumeFact | undefined): Decision | undefined {
  const name = `${claim.namespace}/${claim.name}`;
  if (claim.phase !== 'Bound' || !claim.volume) {
    return failed(
      claim,
      'ClaimNotBound',
      `claim ${name} is ${claim.phase ?? 'not bound'} and has no volume to back up`,
    );
  }
  if (volume && !volume.driver) return skip(`volume ${volume.name} is not a CSI volume`);
  if (!claim.storageClass) {
    return failed(
      claim,
      'NotSupported',
      `claim ${name} has no storage class, so its CSI driver is not known`,
    );
  }
  return undefined;
}

function bySnapshot(claim: ClaimFact, volume: VolumeFact | undefined, input: VolumePlanInput): Decision {
  const name = `${claim.namespace}/${claim.name}`;
  const driver = volume?.driver ?? input.provisioners[claim.storageClass ?? ''];
  if (driver === undefined) {
    const message = `claim ${name}: StorageClass ${claim.storageClass} does not exist, so the CSI driver is not known`;
    return failed(claim, 'StorageClassMissing', message);
  }
  if (!input.moveData) {
    const what = 'snapshots that stay in the cluster (spec.snapshotMoveData: false)';
    return failed(claim, 'NotSupported', `claim ${name}: ${what} are not supported yet`);
  }
  const chosen = chooseSnapshotClass(driver, claim, input.annotations, input.classes);
  if (!chosen) {
    const message = `claim ${name}: no VolumeSnapshotClass of driver ${driver} is labelled, default, or the only one`;
    return failed(claim, 'SnapshotClassMissing', message);
  }
  return {
    method: 'data-mover',
    reason: `CSI snapshot of class ${chosen.name}, data moved to the repository`,
    driver,
    snapshotClass: chosen.name,
  };
}

/** Method and reason for every claim of the backup, and the groups that are cut together. */
export function planVolumes(input: VolumePlanInput): VolumePlans {
  const byName = new Map(input.facts.volumes.map((volume) => [volume.name, volume]));
  const claims = [...input.facts.claims].sort((a, b) => order(a).localeCompare(order(b)));
  const volumes = claims.map((claim, index): VolumePlan => {
    const volume = byName.get(claim.volume ?? '');
    return {
      index,
      namespace: claim.namespace,
      claim: claim.name,
      claimUid: claim.uid,
      volume: claim.volume ?? '',
      volumeType: volume?.source.type ?? '',
      storageClass: claim.storageClass ?? '',
      volumeMode: claim.volumeMode,
      accessModes: claim.accessModes,
      requestedBytes: claim.requestedBytes,
      claimLabels: claim.labels,
      pvInfo: { reclaimPolicy: volume?.reclaimPolicy ?? '', labels: volume?.labels ?? {} },
      ...decide(claim, volume, input),
    };
  });
  return {
    volumes,
    groups: groupVolumes(volumes, input.facts),
    problems: volumes.flatMap((volume) => volume.problem ?? []),
  };
}

const order = (claim: ClaimFact) => `${claim.namespace}/${claim.name}`;

/** A volume of no claim belongs to its pod alone. */
const claimKey = ({ namespace, claim, pod, podVolume }: VolumePlan) =>
  claim ? `${namespace}/${claim}` : `${namespace}/${pod?.name ?? ''}/${podVolume ?? ''}`;

const PROTECTED: readonly VolumeMethod[] = ['data-mover', 'csi-snapshot', 'fs-backup'];

/** Pods that share claims, and all their claims, form one group: they are quiesced and cut together. */
export function groupVolumes(volumes: readonly VolumePlan[], facts: Facts): VolumeGroup[] {
  const members = volumes.filter((volume) => PROTECTED.includes(volume.method));
  const group = new Map(members.map((volume) => [claimKey(volume), volume.index]));
  const merge = (from: number, to: number) => {
    for (const [key, id] of group) if (id === from) group.set(key, to);
  };
  const pods = facts.pods.map((pod) => ({ pod, keys: podKeys(pod).filter((key) => group.has(key)) }));
  for (const { keys } of pods) {
    for (const key of keys.slice(1)) merge(group.get(key) ?? 0, group.get(keys[0] ?? '') ?? 0);
  }
  const ids = [...new Set(group.values())].sort((a, b) => a - b);
  return ids.map((id) => ({
    id,
    ...byMethod(members.filter((volume) => group.get(claimKey(volume)) === id)),
    pods: pods
      .filter(({ keys }) => keys.some((key) => group.get(key) === id))
      .map(({ pod: { namespace, name } }) => ({ namespace, name })),
  }));
}

const podKeys = ({ namespace, name, volumes }: PodFact): string[] =>
  volumes.map((volume) => `${namespace}/${volume.claim ?? `${name}/${volume.name}`}`);

function byMethod(members: readonly VolumePlan[]) {
  const of = (method: VolumeMethod) =>
    members.filter((volume) => volume.method === method).map(({ index }) => index);
  return { volumes: of('data-mover'), kept: of('csi-snapshot'), files: of('fs-backup') };
}
