import type { Counted } from '../../contracts/activities.ts';
import type { DocRef } from '../../contracts/run.ts';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import { storedClaim } from '../../core/backup/items.ts';
import { segmentKey } from '../../core/format/keys.ts';
import { addToList, listKey, listName } from '../../core/format/resource-list.ts';
import { entryPaths } from '../../core/format/tarball.ts';
import { apiVersionOf, groupResource } from '../../core/model.ts';
import type { ResourceRef, ShardIndex } from '../../core/model.ts';
import { collectFact, mergeFacts, noFacts } from '../../core/plan/facts.ts';
import { countProblems, problem } from '../../core/problems.ts';
import type { Problem } from '../../core/problems.ts';
import { itemOf } from '../../platform/archive/item.ts';
import type { ArchiveItem } from '../../platform/archive/item.ts';
import { SegmentWriter } from '../../platform/archive/segments.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { getDoc, putDoc } from '../../platform/store/documents.ts';
import type { ObjectStore } from '../../platform/store/types.ts';

/** What was collected between two checkpoints, and where the reading stood then. */
interface Part<Position> extends ShardIndex {
  position: Position;
  previous?: DocRef;
}

export interface CollectorPlace {
  store: ObjectStore;
  scratch: string;
  /** Name of the shard, in keys. */
  shard: string;
  backup: string;
}

const nothing = (): ShardIndex => ({
  segments: [],
  names: {},
  items: 0,
  facts: noFacts(),
  problems: [],
  notes: [],
});

/**
 * Collects exported objects: into segments, and what later steps must know of them. A checkpoint writes both down, so
 * that another process goes on from there.
 */
export class ShardCollector {
  readonly #place: CollectorPlace;
  readonly #writer: SegmentWriter;
  readonly #earlier: DocRef[];
  #done: ShardIndex;
  #part = nothing();
  #last: DocRef | undefined;
  #checkpoints = 0;
  /** Names of one type, while somebody asks for them. */
  #known: { key: string; names: Set<string> } | undefined;

  constructor(place: CollectorPlace, earlier: ShardIndex = nothing(), last?: DocRef, checkpoints = 0) {
    this.#place = place;
    this.#done = earlier;
    this.#earlier = earlier.segments;
    this.#last = last;
    this.#checkpoints = checkpoints;
    const { length } = earlier.segments;
    this.#writer = new SegmentWriter(place.store, {
      keyOf: (ordinal) => segmentKey(place.scratch, place.shard, ordinal + length),
    });
  }

  /** As an earlier process left it. */
  static async resume<Position>(
    place: CollectorPlace,
    last: DocRef,
  ): Promise<{ collector: ShardCollector; position: Position }> {
    const parts: Part<Position>[] = [];
    for (let at: DocRef | undefined = last; at;) {
      const part: Part<Position> = await getDoc<Part<Position>>(place.store, at);
      parts.unshift(part);
      at = part.previous;
    }
    const collector = new ShardCollector(place, parts.reduce(merged, nothing()), last, parts.length);
    return { collector, position: parts.at(-1)!.position };
  }

  get problems(): Problem[] {
    return this.#part.problems;
  }

  get items(): number {
    return this.#done.items + this.#part.items;
  }

  /** An object that no backup can hold is a problem of its own. */
  async add(ref: ResourceRef, object: KubeObject): Promise<void> {
    const { name, namespace } = object.metadata;
    const listed = {
      apiVersion: apiVersionOf(ref),
      kind: ref.kind,
      ...(namespace && { namespace }),
      name,
    };
    if (!(await this.#write(this.#itemOf(ref, object)))) return;
    addToList(this.#part.names, listed);
    if (this.#known?.key === listKey(listed)) this.#known.names.add(listName(listed));
    this.#part.items += 1;
    if (ref.preferred !== false) this.note(ref, object);
  }

  /** Takes what later steps must know of an object that is not stored. */
  note(ref: ResourceRef, object: KubeObject): void {
    collectFact(this.#part.facts, groupResource(ref), object);
  }

  /** Says of an object why it is not in the backup. */
  leave(ref: ResourceRef, { metadata: { name, namespace = '' } }: KubeObject, reason: string): void {
    this.#part.notes.push({ resource: groupResource(ref), namespace, name, message: reason });
  }

  has(ref: ResourceRef, { metadata: { name, namespace } }: KubeObject): boolean {
    const key = listKey({ apiVersion: apiVersionOf(ref), kind: ref.kind });
    if (this.#known?.key !== key) {
      const names = [this.#done, this.#part].flatMap((index) => index.names[key] ?? []);
      this.#known = { key, names: new Set(names) };
    }
    return this.#known.names.has(listName({ namespace, name }));
  }

  #itemOf(ref: ResourceRef, object: KubeObject): ArchiveItem {
    const type = groupResource(ref);
    const { name, namespace } = object.metadata;
    const claim = type === 'persistentvolumeclaims';
    const stored = claim ? (storedClaim(object, this.#place.backup) as KubeObject) : object;
    const version = { version: ref.version, ...(ref.preferred === false && { preferred: false }) };
    return itemOf({ groupResource: type, ...version, ...(namespace && { namespace }), name }, stored);
  }

  async #write(item: ArchiveItem): Promise<boolean> {
    try {
      entryPaths(item);
      await this.#writer.add(item);
      return true;
    } catch (error) {
      const refused = error instanceof CaravelError && ['StoreCorrupt', 'StoreTooLarge'].includes(error.code);
      if (!refused) throw error;
      const at = { namespace: item.namespace ?? '', resource: item.groupResource, name: item.name };
      this.problems.push(problem('error', 'exportResources', 'ObjectRefused', messageOf(error), at));
      return false;
    }
  }

  /** Writes down what was collected; `position` is where another process has to go on. */
  async checkpoint<Position>(position: Position): Promise<DocRef> {
    const part: Part<Position> = {
      ...(await this.#takePart()),
      position,
      ...(this.#last && { previous: this.#last }),
    };
    const { store, scratch, shard } = this.#place;
    // A key of its own: the checkpoint before must stay true until this one is heard of.
    const key = `${scratch}shards/${shard}.${this.#checkpoints++}`;
    this.#last = await putDoc(store, key, part);
    return this.#last;
  }

  async finish(): Promise<Counted> {
    await this.#takePart();
    const { store, scratch, shard } = this.#place;
    const index = this.#done;
    const doc = await putDoc(store, `${scratch}shards/${shard}`, index);
    return { doc, items: index.items, ...countProblems(index.problems) };
  }

  async #takePart(): Promise<ShardIndex> {
    const segments = [...this.#earlier, ...(await this.#writer.close())];
    const part = { ...this.#part, segments: segments.slice(this.#done.segments.length) };
    this.#done = merged(this.#done, part);
    this.#part = nothing();
    return part;
  }
}

function merged(one: ShardIndex, two: ShardIndex): ShardIndex {
  const names = { ...one.names };
  for (const [key, more] of Object.entries(two.names)) names[key] = (names[key] ?? []).concat(more);
  return {
    segments: [...one.segments, ...two.segments],
    names,
    items: one.items + two.items,
    facts: mergeFacts([one.facts, two.facts]),
    problems: [...one.problems, ...two.problems],
    notes: [...one.notes, ...two.notes],
  };
}
