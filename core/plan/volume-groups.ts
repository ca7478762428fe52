import type { Facts, PodFact, VolumeGroup, VolumeMethod, VolumePlan } from '../model.ts';

/** Volumes that are quiesced and cut together. */

const PROTECTED: readonly VolumeMethod[] = ['data-mover', 'csi-snapshot', 'fs-backup'];

/** A volume of no claim belongs to its pod alone. */
const keyOf = ({ namespace, claim, pod, podVolume }: VolumePlan) =>
  claim ? `${namespace}/${claim}` : `${namespace}/${pod?.name ?? ''}/${podVolume ?? ''}`;

const podKeys = ({ namespace, name, volumes }: PodFact): string[] =>
  volumes.map((volume) => `${namespace}/${volume.claim ?? `${name}/${volume.name}`}`);

/** Sets that grow together; each is known by its first member. */
class Sets {
  readonly #above = new Map<string, string>();

  constructor(keys: readonly string[]) {
    for (const key of keys) this.#above.set(key, key);
  }

  has(key: string): boolean {
    return this.#above.has(key);
  }

  of(key: string): string {
    let top = key;
    for (let next = this.#above.get(top); next !== undefined && next !== top; next = this.#above.get(top))
      top = next;
    this.#above.set(key, top);
    return top;
  }

  join(keys: readonly string[]): void {
    const [first, ...rest] = keys;
    if (first === undefined) return;
    for (const key of rest) this.#above.set(this.of(key), this.of(first));
  }
}

/** Pods that share claims, claims of one labelled group, and all of their volumes form one group. */
export function groupVolumes(volumes: readonly VolumePlan[], facts: Facts): VolumeGroup[] {
  const members = volumes.filter((volume) => PROTECTED.includes(volume.method));
  const sets = new Sets(members.map(keyOf));
  const pods = facts.pods.map((pod) => ({ pod, keys: podKeys(pod).filter((key) => sets.has(key)) }));
  for (const { keys } of pods) sets.join(keys);
  for (const labelled of labelledGroups(members)) sets.join(labelled.map(keyOf));
  const groups = Map.groupBy(members, (volume) => sets.of(keyOf(volume)));
  const users = Map.groupBy(
    pods.filter(({ keys }) => keys.length > 0),
    ({ keys }) => sets.of(keys[0] ?? ''),
  );
  return [...groups].map(([set, group]) => ({
    id: group[0]?.index ?? 0,
    ...byMethod(group),
    pods: (users.get(set) ?? []).map(({ pod: { namespace, name } }) => ({ namespace, name })),
  }));
}

/** Volumes with a snapshot whose claims have the same value of the group label, namespace by namespace. */
export function labelledGroups(volumes: readonly VolumePlan[]): VolumePlan[][] {
  const labelled = volumes.filter((volume) => volume.snapshotClass !== '' && volume.volumeGroup);
  return [...Map.groupBy(labelled, (volume) => `${volume.namespace}/${volume.volumeGroup}`).values()];
}

function byMethod(members: readonly VolumePlan[]) {
  const of = (method: VolumeMethod) =>
    members.filter((volume) => volume.method === method).map(({ index }) => index);
  return { volumes: of('data-mover'), kept: of('csi-snapshot'), files: of('fs-backup') };
}
