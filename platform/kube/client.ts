import { loadKubeConfig } from './credentials.ts';
import { discover } from './discovery.ts';
import { isConflict, isNotFound, KubeError, noAnswer } from './errors.ts';
import { execInPod, type ExecOptions } from './exec.ts';
import { collectionPath, objectPath } from './gvr.ts';
import { stringifyJson } from './json.ts';
import { logLines, type LogOptions } from './logs.ts';
import { listAll, listPages } from './pages.ts';
import { Transport, type RequestSpec } from './transport.ts';
import type {
  DeleteOptions,
  Discovery,
  ExecResult,
  Gvr,
  KubeObject,
  ListOptions,
  Page,
  PatchOptions,
  PatchType,
  SignalKubeClient,
  WaitOptions,
  WatchEvent,
  WatchOptions,
} from './types.ts';
import { SharedWatches } from './shared-watch.ts';
import { waitAmong } from './wait-among.ts';
import { waitForObject } from './wait-for.ts';
import { watchObjects } from './watch.ts';

export interface KubeClientOptions {
  /** Default: KUBECONFIG, ~/.kube/config, then the pod's service account. */
  kubeconfigPath?: string;
  context?: string;
  qps?: number;
  burst?: number;
}

export function createKubeClient(options: KubeClientOptions = {}): SignalKubeClient {
  const config = loadKubeConfig(options.kubeconfigPath, options.context);
  const transport = new Transport(config, { qps: options.qps, burst: options.burst });
  return new HttpKubeClient(transport, new SharedWatches(transport));
}

const PATCH_CONTENT: Record<PatchType, string> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  // JSON is YAML.
  apply: 'application/apply-patch+yaml',
};

/** Who owns the fields that an apply sets, unless the caller says otherwise. */
const FIELD_MANAGER = 'caravel';

class HttpKubeClient implements SignalKubeClient {
  readonly #transport: Transport;
  readonly #watches: SharedWatches;
  readonly #signal: AbortSignal | undefined;

  constructor(transport: Transport, watches: SharedWatches, signal?: AbortSignal) {
    this.#transport = transport;
    this.#watches = watches;
    this.#signal = signal;
  }

  withSignal(signal: AbortSignal): SignalKubeClient {
    return new HttpKubeClient(this.#transport, this.#watches, both(this.#signal, signal));
  }

  get<T = KubeObject>(gvr: Gvr, namespace: string | undefined, name: string): Promise<T> {
    return this.#json<T>({ path: objectPath(gvr, namespace, name) });
  }

  async find<T = KubeObject>(gvr: Gvr, namespace: string | undefined, name: string): Promise<T | undefined> {
    try {
      return await this.get<T>(gvr, namespace, name);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async list<T = KubeObject>(gvr: Gvr, options: ListOptions = {}): Promise<T[]> {
    return (await listAll(this.#transport, gvr, this.#tied(options))) as unknown as T[];
  }

  pages(gvr: Gvr, options: ListOptions & { limit?: number; continue?: string } = {}): AsyncIterable<Page> {
    return listPages(this.#transport, gvr, this.#tied(options));
  }

  create<T = KubeObject>(gvr: Gvr, namespace: string | undefined, object: object): Promise<T> {
    return this.#json<T>({
      method: 'POST',
      path: collectionPath(gvr, namespace),
      body: stringifyJson(object),
    });
  }

  async ensure<T = KubeObject>(
    gvr: Gvr,
    namespace: string | undefined,
    object: object,
  ): Promise<{ object: T; created: boolean }> {
    const name = nameOf(object);
    for (let attempt = 0; ; attempt++) {
      try {
        return { object: await this.create<T>(gvr, namespace, object), created: true };
      } catch (error) {
        if (!mayExist(error)) throw error;
        const existing = await this.find<T>(gvr, namespace, name);
        if (existing !== undefined) return { object: existing, created: false };
        // It went away in between, so the way is free; twice in a row is not chance any more.
        if ((error as KubeError).code !== 409 || attempt > 0) throw error;
      }
    }
  }

  patch<T = KubeObject>(
    gvr: Gvr,
    namespace: string | undefined,
    name: string,
    patch: unknown,
    { type = 'merge', subresource, fieldManager, force }: PatchOptions = {},
  ): Promise<T> {
    const manager = type === 'apply' ? (fieldManager ?? FIELD_MANAGER) : fieldManager;
    return this.#json<T>({
      method: 'PATCH',
      path: objectPath(gvr, namespace, name, subresource),
      query: { fieldManager: manager, force: type === 'apply' ? force : undefined },
      body: stringifyJson(patch),
      contentType: PATCH_CONTENT[type],
      idempotent: type === 'apply',
    });
  }

  replace<T = KubeObject>(gvr: Gvr, namespace: string | undefined, object: object): Promise<T> {
    return this.#json<T>({
      method: 'PUT',
      path: objectPath(gvr, namespace, nameOf(object)),
      body: stringifyJson(object),
    });
  }

  async remove(
    gvr: Gvr,
    namespace: string | undefined,
    name: string,
    { uid, resourceVersion, gracePeriodSeconds, propagationPolicy }: DeleteOptions = {},
  ): Promise<boolean> {
    const preconditions = { uid, resourceVersion };
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions,
      gracePeriodSeconds,
      propagationPolicy,
    };
    try {
      await this.#transport.send({
        method: 'DELETE',
        path: objectPath(gvr, namespace, name),
        body: stringifyJson(body),
        // By name alone, a repetition could hit a successor.
        idempotent: uid !== undefined,
        signal: this.#signal,
      });
      return true;
    } catch (error) {
      if (isNotFound(error) || (uid !== undefined && isOtherUid(error))) return false;
      throw error;
    }
  }

  watch<T = KubeObject>(gvr: Gvr, options: WatchOptions): AsyncIterable<WatchEvent<T>> {
    const signal = both(this.#signal, options.signal);
    return watchObjects(this.#transport, gvr, { ...options, signal }) as unknown as AsyncIterable<
      WatchEvent<T>
    >;
  }

  waitFor<T, R>(
    gvr: Gvr,
    namespace: string | undefined,
    name: string,
    test: (object: T | undefined) => R | undefined,
    { among, ...options }: WaitOptions,
  ): Promise<R> {
    const target = { gvr, namespace, name };
    if (among === undefined) return waitForObject(this.#transport, target, test, this.#tied(options));
    const objects = { ...target, labelSelector: among };
    return waitAmong(this.#transport, this.#watches, objects, test, this.#tied(options));
  }

  logLines(namespace: string, pod: string, options: LogOptions = {}): AsyncIterable<string> {
    return logLines(this.#transport, namespace, pod, this.#tied(options));
  }

  exec(
    namespace: string,
    pod: string,
    container: string,
    command: string[],
    options: ExecOptions = {},
  ): Promise<ExecResult> {
    const target = { namespace, pod, container, command };
    return execInPod(this.#transport, target, this.#tied(options));
  }

  discover(): Promise<Discovery> {
    return discover(this.#transport, this.#signal);
  }

  version(): Promise<{ gitVersion: string; major: string; minor: string }> {
    return this.#json({ path: '/version' });
  }

  close(): Promise<void> {
    this.#watches.close(noAnswer('Closed', 'client', 'the client was closed'));
    return this.#transport.close();
  }

  #json<T>(spec: RequestSpec): Promise<T> {
    return this.#transport.json<T>({ ...spec, signal: this.#signal });
  }

  #tied<O extends { signal?: AbortSignal | undefined }>(
    options: O,
  ): Omit<O, 'signal'> & { signal?: AbortSignal } {
    const { signal, ...rest } = options;
    if (signal === undefined && this.#signal === undefined) return rest;
    return { ...rest, signal: both(this.#signal, signal ?? this.#signal!) };
  }
}

/** Both or the one there is. The combination lives as long as its parts, so it is made once a client, not a request. */
const both = (first: AbortSignal | undefined, second: AbortSignal): AbortSignal =>
  first === undefined || first === second ? second : AbortSignal.any([first, second]);

/**
 * Answers to a create behind which the object may stand already. Not only AlreadyExists: quota, a namespace that ends,
 * and the allocation of addresses are checked before the name is.
 */
const mayExist = (error: unknown) => error instanceof KubeError && [403, 409, 422].includes(error.code);

/** The object of that uid is gone, its name has another owner. */
const isOtherUid = (error: unknown) =>
  isConflict(error) && /UID in (the )?precondition/i.test((error as Error).message);

function nameOf(object: object): string {
  const name = (object as Partial<KubeObject>).metadata?.name;
  if (typeof name === 'string') return name;
  throw new TypeError('the object has no metadata.name');
}
