import type { RunContextRef } from '../../contracts/activities.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import { scratchPrefix } from '../../contracts/ids.ts';
import type { DocRef } from '../../contracts/run.ts';
import type { ShardIndex } from '../../core/model.ts';
import { mergeFacts } from '../../core/plan/facts.ts';
import { planVolumes as decideVolumes } from '../../core/plan/volumes.ts';
import { isNotFound } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { getDoc, putDoc } from '../../platform/store/documents.ts';
import type { Deps } from '../support/deps.ts';
import { openRun } from '../support/context.ts';

/** Method and reason for every volume of the backup, and what is cut together. */
export async function planVolumes(deps: Deps, ref: RunContextRef & { shards: DocRef[] }) {
  const { context, store } = await openRun<Backup>(deps, ref);
  const shards = await Promise.all(ref.shards.map((shard) => getDoc<ShardIndex>(store, shard)));
  const { spec, metadata } = context.resource;
  const plans = decideVolumes({
    facts: mergeFacts(shards.map((shard) => shard.facts)),
    snapshotVolumes: spec.snapshotVolumes !== false,
    moveData: spec.snapshotMoveData !== false,
    annotations: metadata.annotations ?? {},
    classes: await snapshotClasses(deps.kube),
    provisioners: await provisioners(deps.kube),
  });
  const volumes = await putDoc(store, `${scratchPrefix(ref.run)}volumes`, plans);
  const groups = plans.groups.map(({ pods: _, ...group }) => group);
  const members = groups.flatMap((group) => [...group.volumes, ...group.kept, ...group.files]);
  return { volumes, groups, count: members.length };
}

async function snapshotClasses(kube: KubeClient) {
  const classes = await kube
    .list<KubeObject & { driver: string }>(GVRS.volumesnapshotclasses)
    // A cluster without the snapshot API has no classes; its volumes say so one by one.
    .catch((error: unknown) => {
      if (isNotFound(error)) return [];
      throw error;
    });
  return classes.map(({ metadata, driver }) => ({
    name: metadata.name,
    driver,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
  }));
}

async function provisioners(kube: KubeClient): Promise<Record<string, string>> {
  const classes = await kube.list<KubeObject & { provisioner: string }>(GVRS.storageclasses);
  return Object.fromEntries(classes.map(({ metadata, provisioner }) => [metadata.name, provisioner]));
}
