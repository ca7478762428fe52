import type { ObjectStore } from '../store/types.ts';
import type { ArchiveItem } from './item.ts';
import { SORT_BYTES } from './limits.ts';
import { SegmentWriter } from './segments.ts';
import type { SegmentRef } from './segments.ts';

export interface ResourceSegments {
  segments: SegmentRef[];
  items: number;
  /** Sorted; empty for cluster-scoped resources. */
  namespaces: string[];
}

interface Entry {
  writer: SegmentWriter;
  items: number;
  namespaces: Set<string>;
}

/**
 * Sorts items, in whatever order they come, into segments by resource. However many resources there are, the memory
 * stays bounded: the fullest segment is written out early.
 */
export class SegmentSet {
  readonly #store: ObjectStore;
  readonly #options: { keyOf: (groupResource: string, ordinal: number) => string; maxItems?: number };
  readonly #entries = new Map<string, Entry>();
  #pending = 0;

  constructor(
    store: ObjectStore,
    options: { keyOf: (groupResource: string, ordinal: number) => string; maxItems?: number },
  ) {
    this.#store = store;
    this.#options = options;
  }

  async add(item: ArchiveItem): Promise<void> {
    const entry = this.#entry(item.groupResource);
    const before = entry.writer.pendingBytes;
    await entry.writer.add(item);
    this.#pending += entry.writer.pendingBytes - before;
    entry.items += 1;
    if (item.namespace !== undefined) entry.namespaces.add(item.namespace);
    if (this.#pending > SORT_BYTES) await this.#flushFullest();
  }

  /** By group-resource. */
  async close(): Promise<Record<string, ResourceSegments>> {
    const sorted: [string, ResourceSegments][] = [];
    for (const [groupResource, { writer, items, namespaces }] of this.#entries) {
      sorted.push([
        groupResource,
        { segments: await writer.close(), items, namespaces: [...namespaces].sort() },
      ]);
    }
    return Object.fromEntries(sorted.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #entry(groupResource: string): Entry {
    const known = this.#entries.get(groupResource);
    if (known) return known;
    const { keyOf, maxItems } = this.#options;
    const writer = new SegmentWriter(this.#store, {
      keyOf: (ordinal) => keyOf(groupResource, ordinal),
      ...(maxItems === undefined ? {} : { maxItems }),
    });
    const entry = { writer, items: 0, namespaces: new Set<string>() };
    this.#entries.set(groupResource, entry);
    return entry;
  }

  async #flushFullest(): Promise<void> {
    const writers = [...this.#entries.values()].map(({ writer }) => writer);
    const fullest = writers.reduce((a, b) => (a.pendingBytes >= b.pendingBytes ? a : b));
    this.#pending -= fullest.pendingBytes;
    await fullest.flush();
  }
}
