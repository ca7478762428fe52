import { LIMITS } from '../../contracts/settings.ts';
import { listName } from '../../core/format/resource-list.ts';
import { groupResource } from '../../core/model.ts';
import type { OrderedItem, ResourceRef } from '../../core/model.ts';
import { notFound } from '../../core/plan/ordered.ts';
import { labelsSelected } from '../../core/selection/label-selector.ts';
import { inLanes } from '../support/lanes.ts';
import { readOne, readProblem, taker } from './exporting.ts';
import type { Exporting } from './exporting.ts';

type Read = Awaited<ReturnType<typeof readOne>>;

/** Reads the objects that `spec.orderedResources` names, and takes those that the filters let through in that order. */
export async function exportOrdered(exporting: Exporting, items: readonly OrderedItem[]): Promise<void> {
  await inLanes(
    items,
    LIMITS.readParallel,
    async (item) => {
      const read = async (resource: ResourceRef) => ({
        resource,
        ...(await readOne(exporting, resource, item)),
      });
      return { item, reads: await Promise.all(item.resources.map(read)) };
    },
    async ({ item, reads }) => {
      const taken: boolean[] = [];
      for (const { resource, ...read } of reads) taken.push(await takeRead(exporting, resource, item, read));
      if (!taken.includes(true)) exporting.collector.problems.push(notFound(listName(item), item.resources));
    },
  );
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
