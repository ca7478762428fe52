import type { ErrorCode } from '../errors/catalog.ts';
import type { ClaimFact, PodFact, SkipApproach, VolumeFact, VolumePlan } from '../model.ts';
import { problem } from '../problems.ts';
import type { Problem } from '../problems.ts';
import { matchingPolicy } from '../volume-policy/match.ts';
import type { PolicyMatch } from '../volume-policy/match.ts';
import type { VolumePolicy } from '../volume-policy/policies.ts';
import { hasEnded, holdsNoData, obstacleTo, podOf, ruleFor } from './pod-volumes.ts';
import type { Obstacle, PodUse } from './pod-volumes.ts';
import { chooseSnapshotClass } from './snapshot-class.ts';
import type { SnapshotClass } from './snapshot-class.ts';

/** What the spec and the cluster say about how volumes are to be protected. */
export interface MethodRules {
  /** spec.snapshotVolumes; only an explicit false leaves volumes out. */
  snapshotVolumes: boolean;
  /** spec.snapshotMoveData. */
  moveData: boolean;
  /** spec.defaultVolumesToFsBackup. */
  fsBackupByDefault: boolean;
  policies: readonly VolumePolicy[];
  /** Annotations of the Backup. */
  annotations: Record<string, string>;
  classes: readonly SnapshotClass[];
  /** StorageClass name → provisioner. */
  provisioners: Record<string, string>;
}

export type Decision = Pick<
  VolumePlan,
  'method' | 'reason' | 'driver' | 'snapshotClass' | 'pod' | 'podVolume' | 'approach'
> & { problems: Problem[] };

/** A claim, its volume, and the pods that use it. */
export interface ClaimSubject {
  claim: ClaimFact;
  volume: VolumeFact | undefined;
  uses: readonly PodUse[];
}

const skip = (approach: SkipApproach, reason: string, problems: Problem[] = []): Decision => ({
  method: 'skip',
  approach,
  reason,
  driver: '',
  snapshotClass: '',
  problems,
});

const itemOf = (claim: ClaimFact) => ({
  namespace: claim.namespace,
  resource: 'persistentvolumeclaims',
  name: claim.name,
});

function failed(claim: ClaimFact, code: ErrorCode, why: string): Decision {
  const message = `claim ${claim.namespace}/${claim.name}${why}`;
  const { approach: _, ...rest } = skip('any', message);
  return {
    ...rest,
    method: 'failed',
    problems: [problem('error', 'planVolumes', code, message, itemOf(claim))],
  };
}

const warning = (claim: ClaimFact, code: ErrorCode, message: string): Problem =>
  problem('warning', 'planVolumes', code, message, itemOf(claim));

/** What needs a mover cannot be done for a volume of Windows. */
export function decideClaim(subject: ClaimSubject, rules: MethodRules): Decision {
  const decision = decideByRules(subject, rules);
  const user = subject.uses.find(({ pod }) => pod.windows)?.pod;
  if (!user || !['data-mover', 'fs-backup'].includes(decision.method)) return decision;
  return failed(subject.claim, 'WindowsNotSupported', ` is used by pod ${user.name}, which runs on Windows`);
}

/** A policy that matches decides alone; without one the pods' annotations come first, and then the snapshot. */
function decideByRules(subject: ClaimSubject, rules: MethodRules): Decision {
  const { claim, volume, uses } = subject;
  const podVolume = uses[0]?.volume;
  const policy = matchingPolicy(rules.policies, { volume, claim, podVolume });
  if (policy) return byPolicy(policy, subject, rules);
  const selected = uses.filter(
    (use) => !hasEnded(use.pod) && !holdsNoData(use.volume) && ruleFor(use, rules.fsBackupByDefault).selects,
  );
  const unbound = withoutVolume(claim);
  if (unbound && (rules.snapshotVolumes || selected.length > 0)) return unbound;
  if (selected.length > 0) return byRule(selected, subject, rules);
  if (!rules.snapshotVolumes) return skip('csiSnapshot', 'spec.snapshotVolumes is false');
  return bySnapshot(subject, rules);
}

const named = ({ at, action }: PolicyMatch) => `volume policy ${at + 1} says ${action}`;

function byPolicy(policy: PolicyMatch, subject: ClaimSubject, rules: MethodRules): Decision {
  const { claim, uses } = subject;
  const reason = named(policy);
  if (policy.action === 'skip') return skip('any', reason);
  if (policy.action === 'custom') {
    const message = `${reason}: there are no plugins, so the volume is left to whoever else backs it up`;
    return skip('any', reason, [warning(claim, 'PluginNotSupported', message)]);
  }
  const unbound = withoutVolume(claim);
  if (unbound) return unbound;
  if (policy.action === 'fs-backup') {
    const through = throughPod(uses, subject, reason);
    return 'method' in through
      ? through
      : failed(claim, 'NoPodToRead', `: ${reason}, but ${through.obstacle.reason}`);
  }
  const snapshot = bySnapshot(subject, rules);
  if (snapshot.method !== 'skip') return { ...snapshot, reason: `${reason}; ${snapshot.reason}` };
  const message = `${reason}, but ${snapshot.reason}`;
  return skip('csiSnapshot', message, [warning(claim, 'NotSupported', message)]);
}

/** The pods' annotations, or the default, ask for a file-system backup. Where none is possible a snapshot will do. */
function byRule(selected: readonly PodUse[], subject: ClaimSubject, rules: MethodRules): Decision {
  const { claim } = subject;
  const through = throughPod(selected, subject, ruleFor(selected[0]!, rules.fsBackupByDefault).reason);
  if ('method' in through) return through;
  const { reason, byKind } = through.obstacle;
  const instead = rules.snapshotVolumes ? bySnapshot(subject, rules) : undefined;
  if (instead?.snapshotClass) {
    const message = `no file-system backup, since ${reason}; ${instead.reason}`;
    const problems = [...instead.problems, warning(claim, 'NoPodToRead', message)];
    return { ...instead, reason: message, problems };
  }
  const message = `no file-system backup, since ${reason}`;
  return byKind
    ? skip('podvolume', reason, [warning(claim, 'NoPodToRead', message)])
    : failed(claim, 'NoPodToRead', `: ${message}`);
}

const NO_POD: Obstacle = { byKind: false, reason: 'no pod of the backup uses the claim' };

function throughPod(
  uses: readonly PodUse[],
  { volume }: ClaimSubject,
  reason: string,
): Decision | { obstacle: Obstacle } {
  const tried = uses.map((use) => ({ use, obstacle: obstacleTo(use, volume) }));
  const readable = tried.find(({ obstacle }) => obstacle === undefined);
  if (!readable) return { obstacle: tried[0]?.obstacle ?? NO_POD };
  return readThrough(readable.use, reason, volume?.driver);
}

const readThrough = ({ pod, volume }: PodUse, reason: string, driver = ''): Decision => ({
  method: 'fs-backup',
  reason: `${reason}; read through pod ${pod.namespace}/${pod.name}`,
  driver,
  snapshotClass: '',
  pod: podOf(pod),
  podVolume: volume.name,
  problems: [],
});

function withoutVolume(claim: ClaimFact): Decision | undefined {
  if (claim.phase === 'Bound' && claim.volume) return undefined;
  return failed(claim, 'ClaimNotBound', ` is ${claim.phase ?? 'not bound'} and has no volume to back up`);
}

/** Volumes that Velero's plugins for clouds would snapshot. */
const NATIVE = ['awsElasticBlockStore', 'azureDisk', 'gcePersistentDisk', 'vsphereVolume', 'cinder'];

function notCsi(claim: ClaimFact, { name, source }: VolumeFact): Decision {
  const reason = `volume ${name} is not a CSI volume`;
  if (!NATIVE.includes(source.type)) return skip('csiSnapshot', reason);
  const message = `${reason} but ${source.type}, which only a native snapshotter could take`;
  return skip('csiSnapshot', reason, [warning(claim, 'NativeSnapshotNotSupported', message)]);
}

function bySnapshot({ claim, volume }: ClaimSubject, rules: MethodRules): Decision {
  if (volume && !volume.driver) return notCsi(claim, volume);
  if (!claim.storageClass)
    return failed(claim, 'NotSupported', ' has no storage class, so its CSI driver is not known');
  const driver = volume?.driver ?? rules.provisioners[claim.storageClass];
  if (driver === undefined) {
    const why = `: StorageClass ${claim.storageClass} does not exist, so the CSI driver is not known`;
    return failed(claim, 'StorageClassMissing', why);
  }
  const { chosen, faults } = chooseSnapshotClass(driver, claim, rules.annotations, rules.classes);
  const problems = faults.map((fault) => warning(claim, 'SnapshotClassMissing', fault));
  if (!chosen) {
    const why = `: no VolumeSnapshotClass of driver ${driver} is labelled, default, or the only one`;
    const failure = failed(claim, 'SnapshotClassMissing', why);
    return { ...failure, problems: [...problems, ...failure.problems] };
  }
  const what = rules.moveData ? 'data moved to the repository' : 'kept in the storage';
  return {
    method: rules.moveData ? 'data-mover' : 'csi-snapshot',
    reason: `CSI snapshot of class ${chosen.name}, ${what}`,
    driver,
    snapshotClass: chosen.name,
    problems,
  };
}

/** A volume that belongs to its pod alone; undefined for those that hold no data of their own. */
export function decidePodVolume(use: PodUse, rules: MethodRules): Decision | undefined {
  if (holdsNoData(use.volume)) return undefined;
  const policy = matchingPolicy(rules.policies, { podVolume: use.volume });
  if (policy && policy.action !== 'fs-backup') return skip('podvolume', named(policy));
  const rule = policy ? { selects: true, reason: named(policy) } : ruleFor(use, rules.fsBackupByDefault);
  if (!rule.selects) return skip('podvolume', rule.reason);
  const obstacle = obstacleTo(use);
  if (!obstacle) return readThrough(use, rule.reason, use.volume.source.csi?.driver);
  const asked = policy !== undefined || !rules.fsBackupByDefault;
  return skip('podvolume', obstacle.reason, missed(use, obstacle, asked));
}

/** A pod that ended has lost its own volumes, and the default asks for no hostPath. */
const missed = ({ pod, volume }: PodUse, { reason }: Obstacle, asked: boolean): Problem[] =>
  hasEnded(pod) || (volume.source.type === 'hostPath' && !asked) ? [] : [podWarning(pod, reason)];

export function podWarning({ namespace, name }: PodFact, why: string): Problem {
  const item = { namespace, resource: 'pods', name };
  return problem('warning', 'planVolumes', 'NoPodToRead', `no file-system backup: ${why}`, item);
}

/** A claim that a pod uses but that is not in the backup. */
export const claimLeftOut = (claim: string): Decision => skip('any', `claim ${claim} is not in the backup`);

/** A PersistentVolume that no claim of the backup has. */
export const volumeLeftOut = (volume: VolumeFact): Decision =>
  skip('any', volume.claim ? `its claim ${volume.claim} is not in the backup` : 'no claim has it');
