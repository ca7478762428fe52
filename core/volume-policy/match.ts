import { quantityBytes } from '../format/quantity.ts';
import type { ClaimFact, PodVolumeFact, SourceFact, VolumeFact } from '../model.ts';
import type { VolumeConditions, VolumePolicy } from './policies.ts';

/** What is known of a volume: of a bound claim both, of an unbound one the claim, of a pod's own its pod volume. */
export interface VolumeSubject {
  volume?: VolumeFact | undefined;
  claim?: Pick<ClaimFact, 'labels' | 'phase'> | undefined;
  podVolume?: PodVolumeFact | undefined;
}

/** What the conditions ask for, in one shape. */
interface Traits {
  /** 0 for what has no PersistentVolume. */
  bytes: number;
  storageClass: string;
  source: SourceFact;
  labels: Record<string, string>;
  phase: string;
}

export interface PolicyMatch extends VolumePolicy {
  /** Place in the list, from 0. */
  at: number;
}

/** The first entry whose conditions all hold. */
export function matchingPolicy(
  policies: readonly VolumePolicy[],
  subject: VolumeSubject,
): PolicyMatch | undefined {
  const traits = traitsOf(subject);
  const at = policies.findIndex(({ conditions }) => holds(conditions, traits));
  const policy = policies[at];
  return policy && { ...policy, at };
}

const NO_VOLUME = { capacity: '', storageClass: '' };
const NO_CLAIM = { labels: {}, phase: '' };

function traitsOf({ volume, claim = NO_CLAIM, podVolume }: VolumeSubject): Traits {
  const { capacity, storageClass = '' } = volume ?? NO_VOLUME;
  const { source } = volume ?? podVolume ?? { source: { type: '' } };
  const bytes = capacity === '' ? 0 : quantityBytes(capacity);
  return { bytes, storageClass, source, labels: claim.labels, phase: claim.phase ?? '' };
}

const holds = (conditions: VolumeConditions, traits: Traits): boolean =>
  CHECKS.every((check) => check(conditions, traits));

const memberOf = (list: readonly string[] | undefined, value: string) =>
  list === undefined || list.length === 0 || (value !== '' && list.includes(value));

const equalOrOpen = (wanted: string, value: string) => wanted === '' || wanted === value;

const contains = (map: Record<string, string>, wanted: Record<string, string>) =>
  Object.entries(wanted).every(([key, value]) => Object.hasOwn(map, key) && map[key] === value);

const CHECKS: readonly ((conditions: VolumeConditions, traits: Traits) => boolean)[] = [
  ({ capacity }, { bytes }) =>
    !capacity || (bytes >= capacity.low && (capacity.high === 0 || bytes <= capacity.high)),
  ({ storageClass }, traits) => memberOf(storageClass, traits.storageClass),
  ({ nfs }, { source }) =>
    !nfs ||
    (source.nfs !== undefined &&
      equalOrOpen(nfs.server, source.nfs.server) &&
      equalOrOpen(nfs.path, source.nfs.path)),
  ({ csi }, { source }) =>
    !csi ||
    (source.csi !== undefined &&
      equalOrOpen(csi.driver, source.csi.driver) &&
      contains(source.csi.volumeAttributes, csi.volumeAttributes)),
  ({ volumeTypes }, { source }) => memberOf(volumeTypes, source.type),
  ({ pvcLabels }, { labels }) => !pvcLabels || contains(labels, pvcLabels),
  ({ pvcPhase }, { phase }) => memberOf(pvcPhase, phase),
];
