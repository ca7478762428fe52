import type { ClaimFact, Facts, PodFact, VolumeFact, VolumePlan, VolumePlans } from '../model.ts';
import type { Problem } from '../problems.ts';
import { OPT_IN, podOf, unknownOptIns } from './pod-volumes.ts';
import type { PodUse } from './pod-volumes.ts';
import { groupVolumes } from './volume-groups.ts';
import { claimLeftOut, decideClaim, decidePodVolume, podWarning, volumeLeftOut } from './volume-method.ts';
import type { Decision, MethodRules } from './volume-method.ts';

export interface VolumePlanInput extends MethodRules {
  facts: Facts;
  /** Volumes of claims that are not in the backup themselves, but decide how the claims are protected. */
  otherVolumes?: readonly VolumeFact[];
  /** spec.volumeGroupSnapshotLabelKey. */
  groupLabel: string;
}

interface Planned {
  plan: Omit<VolumePlan, 'index'>;
  problems: Problem[];
}

type Identity = Omit<VolumePlan, 'index' | 'method' | 'reason' | 'driver' | 'snapshotClass'>;

const decided = (identity: Identity, { problems, ...decision }: Decision): Planned => ({
  plan: { ...identity, ...decision },
  problems,
});

/** Method and reason for every volume of the backup, and the groups that are cut together. */
export function planVolumes(input: VolumePlanInput): VolumePlans {
  const { facts } = input;
  const uses = Map.groupBy(
    facts.pods.flatMap((pod) => pod.volumes.map((volume): PodUse => ({ pod, volume }))),
    ({ pod, volume }) => `${pod.namespace}/${volume.claim ?? ''}`,
  );
  const planned = [
    ...claimVolumes(input, uses),
    ...podVolumes(input),
    ...leftOutClaims(facts),
    ...unclaimedVolumes(facts),
  ];
  const volumes = planned.map(({ plan }, index): VolumePlan => ({ index, ...plan }));
  return {
    volumes,
    groups: groupVolumes(volumes, facts),
    problems: [...planned.flatMap(({ problems }) => problems), ...optInProblems(input)],
  };
}

const inOrder = <T>(items: readonly T[], nameOf: (item: T) => string): T[] =>
  items
    .map((item) => ({ item, name: nameOf(item) }))
    .sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)))
    .map(({ item }) => item);

const claimName = (claim: ClaimFact) => `${claim.namespace}/${claim.name}`;
const podName = (pod: PodFact) => `${pod.namespace}/${pod.name}`;

function claimVolumes(input: VolumePlanInput, uses: ReadonlyMap<string, PodUse[]>): Planned[] {
  const { facts, otherVolumes = [] } = input;
  const byName = new Map([...otherVolumes, ...facts.volumes].map((volume) => [volume.name, volume]));
  return inOrder(facts.claims, claimName).map((claim) => {
    const volume = byName.get(claim.volume ?? '');
    const users = inOrder(uses.get(claimName(claim)) ?? [], ({ pod }) => pod.name);
    const group = claim.labels[input.groupLabel];
    const identity = { ...ofClaim(claim, volume), ...(group && { volumeGroup: group }) };
    return decided(identity, decideClaim({ claim, volume, uses: users }, input));
  });
}

const ofClaim = (claim: ClaimFact, volume: VolumeFact | undefined) => ({
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
});

const NO_CLAIM = {
  claim: '',
  claimUid: '',
  volume: '',
  volumeType: '',
  storageClass: '',
  volumeMode: 'Filesystem' as const,
  accessModes: [],
  requestedBytes: 0,
  claimLabels: {},
  pvInfo: { reclaimPolicy: '', labels: {} },
};

function podVolumes(input: VolumePlanInput): Planned[] {
  return inOrder(input.facts.pods, podName).flatMap((pod) =>
    pod.volumes
      .filter((volume) => volume.claim === undefined)
      .flatMap((volume) => {
        const decision = decidePodVolume({ pod, volume }, input);
        return decision ? [decided(ofPod({ pod, volume }), decision)] : [];
      }),
  );
}

const ofPod = ({ pod, volume }: PodUse): Identity => ({
  ...NO_CLAIM,
  namespace: pod.namespace,
  volumeType: volume.source.type,
  pod: podOf(pod),
  podVolume: volume.name,
});

/** Claims that pods use but the filters left out. */
function leftOutClaims(facts: Facts): Planned[] {
  const known = new Set(facts.claims.map(claimName));
  const used = facts.pods.flatMap(({ namespace, claims }) =>
    Object.values(claims).map((claim) => ({ namespace, claim, name: `${namespace}/${claim}` })),
  );
  const missing = new Map(used.filter(({ name }) => !known.has(name)).map((use) => [use.name, use]));
  return inOrder([...missing.values()], ({ name }) => name).map(({ namespace, claim, name }) =>
    decided({ ...NO_CLAIM, namespace, claim }, claimLeftOut(name)),
  );
}

function unclaimedVolumes({ claims, volumes }: Facts): Planned[] {
  const known = new Set(claims.map(claimName));
  const unclaimed = volumes.filter(({ claim = '' }) => !known.has(claim));
  return inOrder(unclaimed, ({ name }) => name).map((volume) =>
    decided({ ...NO_CLAIM, namespace: '', ...ofVolume(volume) }, volumeLeftOut(volume)),
  );
}

const ofVolume = ({ name, source, storageClass = '', reclaimPolicy, labels }: VolumeFact) => ({
  volume: name,
  volumeType: source.type,
  storageClass,
  pvInfo: { reclaimPolicy, labels },
});

const optInProblems = ({ facts, fsBackupByDefault }: VolumePlanInput): Problem[] =>
  facts.pods.flatMap((pod) =>
    unknownOptIns(pod, fsBackupByDefault).map((name) =>
      podWarning(pod, `annotation ${OPT_IN} names "${name}", which is no volume of the pod`),
    ),
  );
