import type { RunContextRef } from '../../contracts/activities.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import { scratchPrefix } from '../../contracts/ids.ts';
import type { DocRef } from '../../contracts/run.ts';
import type { Facts, ShardIndex, VolumeFact } from '../../core/model.ts';
import { mergeFacts, volumeFact } from '../../core/plan/facts.ts';
import { planVolumes as decideVolumes } from '../../core/plan/volumes.ts';
import { problem } from '../../core/problems.ts';
import type { Problem } from '../../core/problems.ts';
import { isNotFound } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { getDoc, putDoc } from '../../platform/store/documents.ts';
import type { Deps } from '../support/deps.ts';
import { planGroups, snapshotClassOf } from './plan-groups.ts';
import { openRun } from '../support/context.ts';
import type { RunContext } from '../support/context.ts';
import { planGroupHooks } from '../hooks/plan.ts';

/** Method and reason for every volume of the backup, and what is cut together. */
export async function planVolumes(deps: Deps, ref: RunContextRef & { shards: DocRef[] }) {
  const { context, store } = await openRun<Backup>(deps, ref);
  const shards = await Promise.all(ref.shards.map((shard) => getDoc<ShardIndex>(store, shard)));
  const { spec, metadata } = context.resource;
  const facts = mergeFacts(shards.map((shard) => shard.facts));
  const plans = decideVolumes({
    facts,
    otherVolumes: await missingVolumes(deps.kube, facts),
    snapshotVolumes: spec.snapshotVolumes !== false,
    moveData: spec.snapshotMoveData !== false,
    fsBackupByDefault: spec.defaultVolumesToFsBackup === true,
    policies: context.policies?.volumePolicies ?? [],
    groupLabel: spec.volumeGroupSnapshotLabelKey ?? '',
    annotations: metadata.annotations ?? {},
    classes: await snapshotClasses(deps.kube),
    provisioners: await provisioners(deps.kube),
  });
  const grouped = await planGroups(deps.kube, plans, {
    label: spec.volumeGroupSnapshotLabelKey ?? '',
    annotations: metadata.annotations ?? {},
    claims: facts.claims,
  });
  const planned = await planGroupHooks(store, ref, spec, { pods: facts.pods, groups: grouped.groups });
  const volumes = await putDoc(store, `${scratchPrefix(ref.run)}volumes`, {
    ...grouped,
    problems: [...grouped.problems, ...planned.problems, ...settingProblems(context)],
  });
  const groups = planned.groups.map(({ pods: _pods, ...group }) => group);
  const members = groups.flatMap((group) => [...group.volumes, ...group.kept, ...group.files]);
  return { volumes, groups, ...(planned.hooks && { hooks: planned.hooks }), count: members.length };
}

const settingProblems = ({ unknownSettings = [] }: RunContext): Problem[] =>
  unknownSettings.map((text) => problem('warning', 'planVolumes', 'InvalidInput', text));

/** Above this many, one list is less work than reading them one by one. */
const READ_SINGLY = 20;

/** Volumes of the backup's claims that the filters left out; what they are decides how the claims are protected. */
async function missingVolumes(kube: KubeClient, { claims, volumes }: Facts): Promise<VolumeFact[]> {
  const known = new Set(volumes.map(({ name }) => name));
  const missing = new Set(claims.flatMap(({ volume = '' }) => (known.has(volume) ? [] : [volume])));
  missing.delete('');
  const found =
    missing.size > READ_SINGLY
      ? (await kube.list<KubeObject>(GVRS.persistentvolumes)).filter(({ metadata }) =>
          missing.has(metadata.name),
        )
      : await Promise.all(
          [...missing].map((name) => kube.find<KubeObject>(GVRS.persistentvolumes, undefined, name)),
        );
  return found.flatMap((volume) => (volume ? [volumeFact(volume)] : []));
}

async function snapshotClasses(kube: KubeClient) {
  const classes = await kube
    .list<KubeObject & { driver: string }>(GVRS.volumesnapshotclasses)
    // A cluster without the snapshot API has no classes; its volumes say so one by one.
    .catch((error: unknown) => {
      if (isNotFound(error)) return [];
      throw error;
    });
  return classes.map(snapshotClassOf);
}

async function provisioners(kube: KubeClient): Promise<Record<string, string>> {
  const classes = await kube.list<KubeObject & { provisioner: string }>(GVRS.storageclasses);
  return Object.fromEntries(classes.map(({ metadata, provisioner }) => [metadata.name, provisioner]));
}
