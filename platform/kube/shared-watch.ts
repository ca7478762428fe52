import { WATCH } from './limits.ts';
import type { Transport } from './transport.ts';
import type { Gvr, KubeObject } from './types.ts';
import { watchObjects } from './watch.ts';

/**
 * One watch for everybody who waits for objects of the same kind: a watch of one's own costs a connection, a list and
 * a place in the API server's cache each time, and a run waits a dozen times for each volume.
 */

/** What a listener is told of its object. */
export type News =
  /** The watch stands, or has been renewed: what happened before may have been missed, so look. */
  | { type: 'look' }
  /** A state of the object, or the last one of an object that is gone. Both may be older than what was read meanwhile. */
  | { type: 'state' | 'gone'; object: KubeObject }
  /** The watch is interrupted, and will stand again. */
  | { type: 'trouble'; error: unknown }
  /** The watch has ended for good. */
  | { type: 'failed'; error: unknown };

export type Listener = (news: News) => void;

export interface WatchedObjects {
  gvr: Gvr;
  namespace: string | undefined;
  labelSelector: string;
}

export class SharedWatches {
  readonly #transport: Transport;
  readonly #linger: number;
  readonly #open = new Map<string, SharedWatch>();

  /** Tests linger for a shorter time. */
  constructor(transport: Transport, linger: number = WATCH.linger) {
    this.#transport = transport;
    this.#linger = linger;
  }

  /** Tells of the object of this name from now on; returns a function that ends it. */
  listen(objects: WatchedObjects, name: string, listener: Listener): () => void {
    const key = JSON.stringify([objects.gvr, objects.namespace, objects.labelSelector]);
    const watch = this.#open.get(key) ?? this.#start(key, objects);
    return watch.listen(name, listener);
  }

  /** Who still waits is told `error`. */
  close(error: unknown): void {
    for (const watch of this.#open.values()) watch.stop(error);
  }

  #start(key: string, objects: WatchedObjects): SharedWatch {
    const ended = () => {
      // By now the place may be another one's.
      if (this.#open.get(key) === watch) this.#open.delete(key);
    };
    const watch = new SharedWatch(this.#transport, objects, { linger: this.#linger, ended });
    this.#open.set(key, watch);
    return watch;
  }
}

interface Life {
  /** Milliseconds that it stays after its last listener. */
  linger: number;
  /** Its place is free for another one. */
  ended: () => void;
}

class SharedWatch {
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #stop = new AbortController();
  readonly #life: Life;
  #stands = false;
  #lingering: NodeJS.Timeout | undefined;

  constructor(transport: Transport, objects: WatchedObjects, life: Life) {
    this.#life = life;
    void this.#run(transport, objects);
  }

  listen(name: string, listener: Listener): () => void {
    clearTimeout(this.#lingering);
    const own = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, own.add(listener));
    if (this.#stands) listener({ type: 'look' });
    return () => {
      own.delete(listener);
      if (own.size === 0 && this.#listeners.get(name) === own) this.#listeners.delete(name);
      if (this.#listeners.size === 0) this.#linger();
    };
  }

  stop(error?: unknown): void {
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#lingering);
    this.#life.ended();
    this.#stop.abort();
    this.#tellAll({ type: 'failed', error });
  }

  /** Who waits next comes soon, as a rule. */
  #linger(): void {
    // Those who were told of its end leave, too.
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#lingering);
    this.#lingering = setTimeout(() => this.stop(), this.#life.linger);
    this.#lingering.unref();
  }

  async #run(transport: Transport, { gvr, namespace, labelSelector }: WatchedObjects): Promise<void> {
    const options = {
      labelSelector,
      signal: this.#stop.signal,
      onRetry: (error: unknown) => this.#tellAll({ type: 'trouble', error }),
      ...(namespace !== undefined && { namespace }),
    };
    try {
      for await (const event of watchObjects(transport, gvr, options)) {
        if (event.type === 'SYNCED') this.#synced();
        else if (event.object) this.#tell(event.type === 'DELETED' ? 'gone' : 'state', event.object);
      }
    } catch (error) {
      this.stop(error);
    }
  }

  #synced(): void {
    this.#stands = true;
    this.#tellAll({ type: 'look' });
  }

  #tellAll(news: News): void {
    for (const own of this.#listeners.values()) for (const listener of own) listener(news);
  }

  #tell(type: 'state' | 'gone', object: KubeObject): void {
    // Everybody looks when the watch stands.
    if (!this.#stands) return;
    for (const listener of this.#listeners.get(object.metadata.name) ?? []) listener({ type, object });
  }
}
