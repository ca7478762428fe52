import type { Counted, RunContextRef } from '../../contracts/activities.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import { scratchPrefix } from '../../contracts/ids.ts';
import type { DocRef } from '../../contracts/run.ts';
import { leftOut } from '../../core/backup/items.ts';
import { relatedTo } from '../../core/backup/related.ts';
import type { RelatedObject } from '../../core/backup/related.ts';
import { groupResource } from '../../core/model.ts';
import type { BackupPlan, ResourceRef, ShardIndex } from '../../core/model.ts';
import { ResourceFilter } from '../../core/plan/resource-filter.ts';
import { problem } from '../../core/problems.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { getDoc } from '../../platform/store/documents.ts';
import type { Deps } from '../support/deps.ts';
import { openRun } from '../support/context.ts';
import { ShardCollector } from './export.ts';

export async function exportRelated(
  deps: Deps,
  ref: RunContextRef & { plan: DocRef; shards: DocRef[] },
  signal: AbortSignal,
): Promise<Counted> {
  const { context, store } = await openRun<Backup>(deps, ref);
  const plan = await getDoc<BackupPlan>(store, ref.plan);
  const shards = await Promise.all(ref.shards.map((shard) => getDoc<ShardIndex>(store, shard)));
  const have = new Set(
    shards.flatMap((shard) =>
      Object.entries(shard.names).flatMap(([key, names]) => names.map((name) => `${key}/${name}`)),
    ),
  );
  const everything = plan.wholeCluster && (context.resource.spec.excludedNamespaces?.length ?? 0) === 0;
  const filter = new ResourceFilter(context.resource.spec, plan.resources, everything);
  const scratch = scratchPrefix(ref.run);
  const collector = new ShardCollector(store, scratch, 'related', ref.run.name);
  const byName = new Map(plan.resources.map((resource) => [groupResource(resource), resource]));
  for (const related of relatedTo(shards)) {
    signal.throwIfAborted();
    const resource = byName.get(related.groupResource);
    if (!resource || !filter.allowsRelated(related.groupResource)) continue;
    const key = `${resource.group ? `${resource.group}/` : ''}${resource.version}/${resource.kind}/${related.name}`;
    if (have.has(key)) continue;
    have.add(key);
    await addRelated(deps, collector, resource, related);
  }
  return await collector.finish(store, `${scratch}shards/related`);
}

async function addRelated(
  deps: Deps,
  collector: ShardCollector,
  resource: ResourceRef,
  related: RelatedObject,
): Promise<void> {
  const object = await deps.kube.find<KubeObject>(resource, undefined, related.name);
  if (object) {
    if (leftOut(object.metadata, undefined) === undefined) await collector.add(resource, object);
    return;
  }
  if (!related.expected) return;
  const message = `${related.groupResource} ${related.name}, needed by ${related.of}, does not exist any more`;
  const item = { namespace: '', resource: related.groupResource, name: related.name };
  collector.problems.push(problem('warning', 'exportRelated', 'KubeInvalid', message, item));
}
