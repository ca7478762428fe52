import { KubeError } from '../../platform/kube/errors.ts';
import type { Gvr, KubeClient, KubeObject, ListOptions, WatchEvent } from '../../platform/kube/types.ts';

type Watcher = { gvr: Gvr; options: ListOptions; push: (event: WatchEvent) => void };

const refuse = (code: number, reason: string, message: string) =>
  new KubeError({ code, reason, message, request: 'test' });

/** Objects in memory behind the calls that the client library makes: get, list, create, watch. */
export class MemoryKube {
  readonly objects = new Map<string, KubeObject>();
  readonly #watchers = new Set<Watcher>();
  closed = false;
  /** Thrown by the next call. */
  failure: Error | undefined;
  #uids = 0;

  get client(): KubeClient {
    return this as unknown as KubeClient;
  }

  #check(): void {
    if (this.failure) throw this.failure;
  }

  #key(gvr: Gvr, namespace: string, name: string): string {
    return `${gvr.resource}/${namespace}/${name}`;
  }

  put(gvr: Gvr, object: KubeObject): void {
    const key = this.#key(gvr, object.metadata.namespace ?? '', object.metadata.name);
    const type = this.objects.has(key) ? 'MODIFIED' : 'ADDED';
    this.objects.set(key, object);
    this.#tell(gvr, { type, object });
  }

  drop(gvr: Gvr, namespace: string, name: string): void {
    const object = this.objects.get(this.#key(gvr, namespace, name))!;
    this.objects.delete(this.#key(gvr, namespace, name));
    this.#tell(gvr, { type: 'DELETED', object });
  }

  #tell(gvr: Gvr, event: WatchEvent): void {
    for (const watcher of this.#watchers) {
      const { resource } = watcher.gvr;
      if (resource === gvr.resource && this.#fits(event.object!, watcher.options)) watcher.push(event);
    }
  }

  #fits({ metadata }: KubeObject, { namespace, labelSelector, fieldSelector }: ListOptions): boolean {
    const [key, value] = (labelSelector ?? '=').split('=');
    return (
      (namespace === undefined || metadata.namespace === namespace) &&
      (!key || metadata.labels?.[key] === value) &&
      (!fieldSelector || fieldSelector === `metadata.name=${metadata.name}`)
    );
  }

  async get(gvr: Gvr, namespace: string, name: string): Promise<KubeObject> {
    this.#check();
    const found = this.objects.get(this.#key(gvr, namespace, name));
    if (!found) throw refuse(404, 'NotFound', `${gvr.resource} "${name}" not found`);
    return found;
  }

  async list(gvr: Gvr, options: ListOptions = {}): Promise<KubeObject[]> {
    this.#check();
    const ofKind = [...this.objects].filter(([key]) => key.startsWith(`${gvr.resource}/`));
    return ofKind.map(([, object]) => object).filter((object) => this.#fits(object, options));
  }

  async create(gvr: Gvr, namespace: string, body: KubeObject): Promise<KubeObject> {
    this.#check();
    const { name } = body.metadata;
    if (this.objects.has(this.#key(gvr, namespace, name))) {
      throw refuse(409, 'AlreadyExists', `${gvr.resource} "${name}" already exists`);
    }
    const metadata = { ...body.metadata, namespace, uid: `uid-${++this.#uids}` };
    const object = { ...body, metadata: { ...metadata, creationTimestamp: '2026-01-01T00:00:00Z' } };
    this.put(gvr, object);
    return object;
  }

  async *watch(gvr: Gvr, options: ListOptions & { signal: AbortSignal }): AsyncGenerator<WatchEvent> {
    const queue: WatchEvent[] = (await this.list(gvr, options)).map((object) => ({ type: 'ADDED', object }));
    queue.push({ type: 'SYNCED' });
    let wake = (): void => undefined;
    const push = (event: WatchEvent): void => {
      queue.push(event);
      wake();
    };
    const watcher = { gvr, options, push };
    this.#watchers.add(watcher);
    const ended = new Promise<void>((resolve) => options.signal.addEventListener('abort', () => resolve()));
    try {
      while (!options.signal.aborted) {
        const event = queue.shift();
        if (event) yield event;
        else await Promise.race([ended, new Promise<void>((resolve) => (wake = resolve))]);
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  async version(): Promise<{ gitVersion: string; major: string; minor: string }> {
    this.#check();
    return { gitVersion: 'v1.34.4', major: '1', minor: '34' };
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
