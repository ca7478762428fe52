import { parseQuantity } from '../format/quantity.ts';
import type { ClaimFact, Facts, PodFact, PodVolumeFact, SourceFact, VolumeFact } from '../model.ts';

/** What volume planning needs of exported objects, taken while they stream by. */

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- raw JSON of any shape, each field checked where it is used
type Raw = any;

export const noFacts = (): Facts => ({
  claims: [],
  volumes: [],
  pods: [],
  groupResources: [],
  priorityClasses: [],
  serviceAccounts: [],
  classSecrets: [],
});

const text = (value: Raw): string => (typeof value === 'string' ? value : '');
const strings = (value: Raw): Record<string, string> =>
  Object.fromEntries(Object.entries(value ?? {}).filter(([, entry]) => typeof entry === 'string')) as Record<
    string,
    string
  >;

export function claimFact(object: Raw): ClaimFact {
  const { metadata, spec = {}, status = {} } = object;
  return {
    namespace: text(metadata.namespace),
    name: text(metadata.name),
    uid: text(metadata.uid),
    ...(spec.volumeName && { volume: text(spec.volumeName) }),
    ...(status.phase && { phase: text(status.phase) }),
    ...(spec.storageClassName && { storageClass: text(spec.storageClassName) }),
    volumeMode: spec.volumeMode === 'Block' ? 'Block' : 'Filesystem',
    accessModes: Array.isArray(spec.accessModes) ? spec.accessModes.map(text) : [],
    requestedBytes: requestedBytes(spec),
    labels: strings(metadata.labels),
    annotations: strings(metadata.annotations),
  };
}

const requestedBytes = (spec: Raw): number =>
  Number(parseQuantity(text(spec.resources?.requests?.storage) || '0'));

export function volumeFact(object: Raw): VolumeFact {
  const { metadata, spec = {} } = object;
  return {
    name: text(metadata.name),
    ...(spec.csi?.driver && { driver: text(spec.csi.driver) }),
    source: sourceFact(spec, VOLUME_FIELDS),
    ...(spec.storageClassName && { storageClass: text(spec.storageClassName) }),
    ...(spec.claimRef && { claim: `${text(spec.claimRef.namespace)}/${text(spec.claimRef.name)}` }),
    reclaimPolicy: text(spec.persistentVolumeReclaimPolicy) || 'Retain',
    labels: strings(metadata.labels),
    capacity: text(spec.capacity?.storage),
  };
}

/** Fields of a PersistentVolume's spec that are objects and no source. */
const VOLUME_FIELDS = ['accessModes', 'capacity', 'claimRef', 'mountOptions', 'nodeAffinity'];
const POD_FIELDS = ['persistentVolumeClaim'];

/** The one field of the spec that says where the data is. */
function sourceFact(spec: Raw, others: readonly string[]): SourceFact {
  const isSource = ([field, value]: [string, Raw]) =>
    typeof value === 'object' && value !== null && !others.includes(field);
  const [type = '', source = {}] = Object.entries<Raw>(spec).find(isSource) ?? [];
  if (type === 'nfs') return { type, nfs: { server: text(source.server), path: text(source.path) } };
  if (type !== 'csi') return { type };
  return { type, csi: { driver: text(source.driver), volumeAttributes: strings(source.volumeAttributes) } };
}

function podVolumeFact(pod: string, containers: readonly Raw[], volume: Raw): PodVolumeFact {
  const name = text(volume.name);
  const claim = claimOf(pod, volume);
  const uses = (field: string) =>
    containers.some((container) => (container[field] ?? []).some((entry: Raw) => entry.name === name));
  return {
    name,
    ...(claim && { claim }),
    source: sourceFact(volume, POD_FIELDS),
    use: uses('volumeDevices') ? 'device' : uses('volumeMounts') ? 'mount' : 'none',
  };
}

/** Kubernetes itself makes the claim of an ephemeral volume, and names it. */
const claimOf = (pod: string, volume: Raw): string =>
  volume.ephemeral ? `${pod}-${text(volume.name)}` : text(volume.persistentVolumeClaim?.claimName);

/** By its own word, or by the label that every node has. */
const isForWindows = (spec: Raw): boolean =>
  text(spec.os?.name) === 'windows' || text(spec.nodeSelector?.['kubernetes.io/os']) === 'windows';

export function podFact(object: Raw): PodFact {
  const { metadata, spec = {}, status = {} } = object;
  const volumes: Raw[] = Array.isArray(spec.volumes) ? spec.volumes : [];
  const containers: Raw[] = Array.isArray(spec.containers) ? spec.containers : [];
  const facts = volumes.map((volume) => podVolumeFact(text(metadata.name), containers, volume));
  const claims = facts.flatMap(({ name, claim }) => (claim ? [[name, claim]] : []));
  return {
    namespace: text(metadata.namespace),
    name: text(metadata.name),
    uid: text(metadata.uid),
    phase: text(status.phase),
    ...(spec.nodeName && { node: text(spec.nodeName) }),
    ...(isForWindows(spec) && { windows: true }),
    claims: Object.fromEntries(claims),
    volumes: facts,
    annotations: strings(metadata.annotations),
    labels: strings(metadata.labels),
  };
}

/** What each type has to tell. */
const TAKE: Record<string, (facts: Facts, object: Raw) => void> = {
  persistentvolumeclaims: (facts, object) => facts.claims.push(claimFact(object)),
  persistentvolumes: (facts, object) => facts.volumes.push(volumeFact(object)),
  pods: (facts, object) => {
    facts.pods.push(podFact(object));
    const priorityClass = text(object.spec?.priorityClassName);
    if (priorityClass && !facts.priorityClasses.includes(priorityClass))
      facts.priorityClasses.push(priorityClass);
  },
  serviceaccounts: (facts, { metadata }) =>
    facts.serviceAccounts.push(`${text(metadata.namespace)}/${text(metadata.name)}`),
  'volumesnapshotclasses.snapshot.storage.k8s.io': (facts, object) =>
    facts.classSecrets.push(...listSecret(object)),
};

export function collectFact(facts: Facts, groupResource: string, object: Raw): void {
  if (facts.groupResources.at(-1) !== groupResource && !facts.groupResources.includes(groupResource)) {
    facts.groupResources.push(groupResource);
  }
  if (Object.hasOwn(TAKE, groupResource)) TAKE[groupResource]?.(facts, object);
}

const LIST_SECRET = 'csi.storage.k8s.io/snapshotter-list-secret';

/** The Secret with which the driver lists snapshots of the class. */
function listSecret({ metadata }: Raw): string[] {
  const annotations = strings(metadata.annotations);
  const [namespace, name] = [annotations[`${LIST_SECRET}-namespace`], annotations[`${LIST_SECRET}-name`]];
  return namespace && name ? [`${namespace}/${name}`] : [];
}

export function mergeFacts(parts: readonly Facts[]): Facts {
  return {
    claims: parts.flatMap((part) => part.claims),
    volumes: parts.flatMap((part) => part.volumes),
    pods: parts.flatMap((part) => part.pods),
    groupResources: [...new Set(parts.flatMap((part) => part.groupResources))],
    priorityClasses: [...new Set(parts.flatMap((part) => part.priorityClasses))],
    serviceAccounts: parts.flatMap((part) => part.serviceAccounts),
    classSecrets: [...new Set(parts.flatMap((part) => part.classSecrets))],
  };
}
