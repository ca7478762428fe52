import type { ClaimFact, GroupSnapshot, VolumePlan } from '../model.ts';
import { problem } from '../problems.ts';
import type { Problem } from '../problems.ts';
import { chooseGroupClass } from './snapshot-class.ts';
import type { SnapshotClass } from './snapshot-class.ts';
import { labelledGroups } from './volume-groups.ts';

/** Claims of one labelled group: cut by the storage at one moment where it can, else in parallel, and that is said. */

/** What the cluster offers. */
export interface GroupSnapshotFacts {
  /** Of the API, as it is served; absent when it is not. */
  version?: string;
  classes: readonly SnapshotClass[];
  /** All claims with the label in the groups' namespaces, `<ns>/<value>` → names. */
  claims: Readonly<Record<string, readonly string[]>>;
}

export interface GroupRules {
  /** spec.volumeGroupSnapshotLabelKey. */
  label: string;
  /** Annotations of the Backup. */
  annotations: Record<string, string>;
  claims: readonly ClaimFact[];
}

export interface PlannedTogether {
  together: GroupSnapshot[];
  /** By index of the volume: what is added to its reason. */
  reasons: Map<number, string>;
  problems: Problem[];
}

/** Groups of more than one volume; alone, any snapshot is taken at one moment. */
export const groupsToCut = (volumes: readonly VolumePlan[]): VolumePlan[][] =>
  labelledGroups(volumes).filter((members) => members.length > 1);

export function planTogether(
  volumes: readonly VolumePlan[],
  rules: GroupRules,
  facts: GroupSnapshotFacts,
): PlannedTogether {
  const planned: PlannedTogether = { together: [], reasons: new Map(), problems: [] };
  for (const members of groupsToCut(volumes)) {
    const { namespace = '', volumeGroup: value = '' } = members[0] ?? {};
    const choice = chooseFor(members, rules, facts);
    const item = { namespace, resource: 'persistentvolumeclaims' };
    const warn = (message: string) =>
      planned.problems.push(
        problem('warning', 'planVolumes', 'GroupSnapshotMissing', `group "${value}": ${message}`, item),
      );
    choice.faults.forEach(warn);
    if ('obstacle' in choice)
      warn(`its ${members.length} volumes are cut in parallel, since ${choice.obstacle}`);
    else {
      const indexes = members.map(({ index }) => index);
      const { version, snapshotClass } = choice;
      planned.together.push({
        members: indexes,
        namespace,
        label: rules.label,
        value,
        snapshotClass,
        version,
      });
    }
    const how =
      'obstacle' in choice
        ? 'cut in parallel'
        : `cut at one moment, by group snapshot of class ${choice.snapshotClass}`;
    for (const { index } of members) planned.reasons.set(index, `group "${value}" ${how}`);
  }
  return planned;
}

type Choice = { faults: string[] } & ({ snapshotClass: string; version: string } | { obstacle: string });

function chooseFor(members: readonly VolumePlan[], rules: GroupRules, facts: GroupSnapshotFacts): Choice {
  const obstacle = obstacleTo(members, facts);
  const driver = members[0]?.driver ?? '';
  if (obstacle || facts.version === undefined) return { obstacle: obstacle ?? '', faults: [] };
  const names = new Set(members.map(({ claim }) => claim));
  const claims = rules.claims.filter(
    ({ namespace, name }) => namespace === members[0]?.namespace && names.has(name),
  );
  const { chosen, faults } = chooseGroupClass(driver, claims, rules.annotations, facts.classes);
  return chosen
    ? { snapshotClass: chosen.name, version: facts.version, faults }
    : { obstacle: `no VolumeGroupSnapshotClass of driver ${driver} is labelled or default`, faults };
}

function obstacleTo(
  members: readonly VolumePlan[],
  { version, claims }: GroupSnapshotFacts,
): string | undefined {
  if (version === undefined) return 'the cluster has no API for group snapshots';
  const drivers = [...new Set(members.map(({ driver }) => driver))];
  if (drivers.length > 1) return `they are of several CSI drivers (${drivers.join(', ')})`;
  const { namespace = '', volumeGroup = '' } = members[0] ?? {};
  const own = new Set(members.map(({ claim }) => claim));
  const others = (claims[`${namespace}/${volumeGroup}`] ?? []).filter((name) => !own.has(name));
  // The storage would take a snapshot of every claim with the label.
  return others.length > 0
    ? `claims ${others.join(', ')} have the label, but no snapshot is taken of them`
    : undefined;
}
