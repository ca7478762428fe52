import type { ArchiveIndex, ArchiveSegment } from '../../core/model.ts';
import { collectFact, FACT_RESOURCES, noFacts } from '../../core/restore/facts.ts';
import type { ArchiveFacts } from '../../core/restore/facts.ts';
import type { ItemSelector } from '../../core/restore/select.ts';
import { objectOf } from '../../platform/archive/item.ts';
import { readSegment, readSegments } from '../../platform/archive/segments.ts';
import type { ObjectStore } from '../../platform/store/types.ts';

/** Passes over the segments of a fetched backup, for the planning of its restore. */

export async function gatherFacts(
  store: ObjectStore,
  archive: ArchiveIndex,
  signal: AbortSignal,
): Promise<ArchiveFacts> {
  const facts = noFacts();
  for (const groupResource of FACT_RESOURCES) {
    const segments = archive.resources[groupResource]?.segments ?? [];
    for await (const item of readSegments(store, segments)) {
      signal.throwIfAborted();
      collectFact(facts, groupResource, objectOf(item));
    }
  }
  return facts;
}

export interface SelectedResource {
  /** Segments with at least one selected object, and how many those are. */
  segments: ArchiveSegment[];
  /** Namespaces of selected objects, by their names in the backup. */
  namespaces: string[];
}

/** Finds the segments that are needed. Objects are looked into only where labels decide. */
export async function selectSegments(
  store: ObjectStore,
  stored: ArchiveIndex['resources'][string],
  selector: ItemSelector,
  signal: AbortSignal,
): Promise<SelectedResource> {
  const namespaces = new Set<string>();
  const segments: ArchiveSegment[] = [];
  for (const segment of stored.segments) {
    signal.throwIfAborted();
    let items = 0;
    for await (const item of readSegment(store, segment)) {
      if (!selector.test(item, () => objectOf(item).metadata.labels)) continue;
      items += 1;
      if (item.namespace !== undefined) namespaces.add(item.namespace);
    }
    if (items > 0) segments.push({ ...segment, items });
  }
  return { segments, namespaces: [...namespaces] };
}
