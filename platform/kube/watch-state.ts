import type { KubeObject, WatchEvent } from './types.ts';

/**
 * What a watch has told so far. Turns lists and raw events into a sequence that never contradicts itself: each object
 * is ADDED once, then MODIFIED, and DELETED once, also when its end was missed and only a relist shows it.
 */
export class WatchState {
  readonly #known = new Map<string, KubeObject>();
  #listed: Set<string> | undefined;

  beginList(): void {
    this.#listed = new Set();
  }

  *listed(object: KubeObject): Generator<WatchEvent> {
    const key = keyOf(object);
    this.#listed?.add(key);
    const old = this.#known.get(key);
    if (
      old?.metadata.uid === object.metadata.uid &&
      old?.metadata.resourceVersion === object.metadata.resourceVersion
    ) {
      return;
    }
    yield* this.#put(key, old, object);
  }

  /** Ends a list: what is known and was not in it has vanished. */
  *endList(): Generator<WatchEvent> {
    for (const [key, object] of this.#known) {
      if (this.#listed?.has(key) === false) {
        this.#known.delete(key);
        yield { type: 'DELETED', object };
      }
    }
    this.#listed = undefined;
    yield { type: 'SYNCED' };
  }

  *changed(object: KubeObject): Generator<WatchEvent> {
    const key = keyOf(object);
    yield* this.#put(key, this.#known.get(key), object);
  }

  *deleted(object: KubeObject): Generator<WatchEvent> {
    if (this.#known.delete(keyOf(object))) yield { type: 'DELETED', object };
  }

  *#put(key: string, old: KubeObject | undefined, object: KubeObject): Generator<WatchEvent> {
    // The same name with another uid is another object: its predecessor ended unseen.
    const replaced = old !== undefined && old.metadata.uid !== object.metadata.uid;
    this.#known.set(key, object);
    if (replaced) yield { type: 'DELETED', object: old };
    yield { type: old === undefined || replaced ? 'ADDED' : 'MODIFIED', object };
  }
}

const keyOf = ({ metadata }: KubeObject) => `${metadata.namespace ?? ''}/${metadata.name}`;
