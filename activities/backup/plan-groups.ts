import type { VolumePlan, VolumePlans } from '../../core/model.ts';
import { groupsToCut, planTogether } from '../../core/plan/group-snapshots.ts';
import type { GroupRules, GroupSnapshotFacts } from '../../core/plan/group-snapshots.ts';
import type { SnapshotClass } from '../../core/plan/snapshot-class.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { groupSnapshotClasses } from '../volume/group-snapshot.ts';

/** The plans with what the storage cuts at one moment, and with the reason where it cannot. */
export async function planGroups(
  kube: KubeClient,
  plans: VolumePlans,
  rules: GroupRules,
): Promise<VolumePlans> {
  const labelled = groupsToCut(plans.volumes);
  if (labelled.length === 0) return plans;
  const namespaces = [...new Set(labelled.flatMap(([first]) => first?.namespace ?? []))];
  const facts = await groupFacts(kube, rules.label, namespaces);
  const { together, reasons, problems } = planTogether(plans.volumes, rules, facts);
  const withReason = (volume: VolumePlan): VolumePlan => {
    const more = reasons.get(volume.index);
    return more ? { ...volume, reason: `${volume.reason}; ${more}` } : volume;
  };
  return {
    volumes: plans.volumes.map(withReason),
    groups: plans.groups.map((group) => {
      const own = new Set([...group.volumes, ...group.kept]);
      const sets = together.map(({ members }) => members).filter(([first = -1]) => own.has(first));
      return { ...group, ...(sets.length > 0 && { together: sets }) };
    }),
    together,
    problems: [...plans.problems, ...problems],
  };
}

async function groupFacts(
  kube: KubeClient,
  label: string,
  namespaces: string[],
): Promise<GroupSnapshotFacts> {
  const api = await groupSnapshotClasses(kube);
  const lists = await Promise.all(
    namespaces.map((namespace) =>
      kube.list<KubeObject>(GVRS.persistentvolumeclaims, { namespace, labelSelector: label }),
    ),
  );
  const claims: Record<string, string[]> = {};
  for (const { metadata } of lists.flat())
    (claims[`${metadata.namespace}/${metadata.labels?.[label]}`] ??= []).push(metadata.name);
  return {
    ...(api && { version: api.version }),
    classes: (api?.classes ?? []).map(snapshotClassOf),
    claims,
  };
}

/** What decides about the choice of a VolumeSnapshotClass or VolumeGroupSnapshotClass. */
export const snapshotClassOf = ({ metadata, driver }: KubeObject & { driver: string }): SnapshotClass => ({
  name: metadata.name,
  driver,
  labels: metadata.labels ?? {},
  annotations: metadata.annotations ?? {},
});
