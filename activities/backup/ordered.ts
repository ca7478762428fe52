import pLimit from 'p-limit';
import { LIMITS } from '../../contracts/settings.ts';
import { listName } from '../../core/format/resource-list.ts';
import { groupResource } from '../../core/model.ts';
import type { OrderedItem, ResourceRef } from '../../core/model.ts';
import { notFound } from '../../core/plan/ordered.ts';
import { labelsSelected } from '../../core/selection/label-selector.ts';
import { readOne, readProblem, taker } from './exporting.ts';
import type { Exporting } from './exporting.ts';

type Read = Awaited<ReturnType<typeof readOne>>;

/** Reads the objects that `spec.orderedResources` names, and takes those that the filters let through in that order. */
export async function exportOrdered(exporting: Exporting, items: readonly OrderedItem[]): Promise<void> {
  const limit = pLimit(LIMITS.readParallel);
  const reads = await Promise.all(
    items.map((item) =>
      Promise.all(item.resources.map((resource) => limit(readOne, exporting, resource, item))),
    ),
  );
  for (const [at, item] of items.entries()) {
    const taken: boolean[] = [];
    for (const [which, read] of reads[at]!.entries()) {
      taken.push(await takeRead(exporting, item.resources[which]!, item, read));
    }
    if (!taken.includes(true)) exporting.collector.problems.push(notFound(listName(item), item.resources));
  }
}

/** True also for an object that could not be read, which is a problem of its own. */
async function takeRead(
  exporting: Exporting,
  resource: ResourceRef,
  { namespace = '', name }: OrderedItem,
  { object, failure }: Read,
): Promise<boolean> {
  if (failure) {
    const item = { namespace, resource: groupResource(resource), name };
    exporting.collector.problems.push(readProblem(failure, 'Error getting item', item));
    return true;
  }
  const { labelSelector, orLabelSelectors } = exporting.spec;
  if (!object || !labelsSelected(object.metadata.labels, labelSelector, orLabelSelectors)) return false;
  return await taker(exporting, resource)(object);
}
