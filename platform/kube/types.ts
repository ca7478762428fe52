/** What the rest of Caravel knows of the Kubernetes API: raw JSON in and out, nothing dropped, nothing converted. */

export interface Gvr {
  /** Empty for the core group. */
  group: string;
  version: string;
  /** Plural, as in the URL. */
  resource: string;
}

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  [field: string]: unknown;
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

export interface ApiResource extends Gvr {
  kind: string;
  namespaced: boolean;
  verbs: string[];
  /** True when this version is the one the group prefers (or the first served version that has the resource). */
  preferred: boolean;
  shortNames: string[];
  singular: string;
}

export interface Discovery {
  resources: ApiResource[];
  failures: DiscoveryFailure[];
}

/** A group version that could not be read (an aggregated server that is down). */
export interface DiscoveryFailure {
  group: string;
  /** The cause. */
  message: string;
  /** What it had when it answered last; empty when nobody knows. */
  resources: ApiResource[];
}

export interface ListOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  signal?: AbortSignal;
}

export interface Page {
  /** Items as parsed losslessly (`platform/kube/json.ts`), with apiVersion and kind filled in. */
  items: KubeObject[];
  /** Empty at the end. */
  continue: string;
  resourceVersion: string;
}

export interface WatchEvent<T = KubeObject> {
  /** `SYNCED` comes once the initial list (sent as ADDED events) is complete, and after each relist. */
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'SYNCED';
  /** Absent for SYNCED. */
  object?: T;
}

export interface WatchOptions extends ListOptions {
  signal: AbortSignal;
  /** Told of each failure that the watch gets over by itself. */
  onRetry?: (error: unknown) => void;
}

export interface ExecResult {
  exitCode: number;
  /** The first MiB, like stderr. */
  stdout: string;
  stderr: string;
  /** There was more output than that. */
  truncated?: boolean;
}

export type PatchType = 'merge' | 'json' | 'apply';

export interface PatchOptions {
  /** Default: merge. */
  type?: PatchType;
  subresource?: string;
  /** Default for apply: caravel. */
  fieldManager?: string;
  /** Apply only: take over fields that another manager owns, instead of a conflict. */
  force?: boolean;
}

export interface DeleteOptions {
  uid?: string;
  resourceVersion?: string;
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
}

export interface WaitOptions {
  timeoutMs: number;
  signal?: AbortSignal;
  among?: string;
}

export interface KubeClient {
  get<T = KubeObject>(gvr: Gvr, namespace: string | undefined, name: string): Promise<T>;
  /** Like get, but undefined for 404. */
  find<T = KubeObject>(gvr: Gvr, namespace: string | undefined, name: string): Promise<T | undefined>;
  /** The whole list, paged behind the scenes. For small lists; backups use `pages`. */
  list<T = KubeObject>(gvr: Gvr, options?: ListOptions): Promise<T[]>;
  /** Pages of at most `limit` (default 500) items. A 410 is thrown as KubeError with code 410: restart the list. */
  pages(gvr: Gvr, options?: ListOptions & { limit?: number; continue?: string }): AsyncIterable<Page>;
  create<T = KubeObject>(gvr: Gvr, namespace: string | undefined, object: object): Promise<T>;
  /**
   * Create, or the existing object when there is one of that name: begin-or-continue. `created: false` does not prove
   * that somebody else made it, nor that it is as asked for: compare uid, labels, deletionTimestamp.
   */
  ensure<T = KubeObject>(
    gvr: Gvr,
    namespace: string | undefined,
    object: object,
  ): Promise<{ object: T; created: boolean }>;
  patch<T = KubeObject>(
    gvr: Gvr,
    namespace: string | undefined,
    name: string,
    patch: unknown,
    options?: PatchOptions,
  ): Promise<T>;
  replace<T = KubeObject>(gvr: Gvr, namespace: string | undefined, object: object): Promise<T>;
  /** True when the object existed. A 404 is success, and so is another object of that name when `uid` is given. */
  remove(gvr: Gvr, namespace: string | undefined, name: string, options?: DeleteOptions): Promise<boolean>;
  /** Reconnects and relists by itself (bookmarks, 410, closed and silent connections) until the signal aborts. */
  watch<T = KubeObject>(
    gvr: Gvr,
    options: ListOptions & { signal: AbortSignal },
  ): AsyncIterable<WatchEvent<T>>;
  /**
   * Waits on a watch of one object until `test` returns something other than undefined; `test` sees undefined when
   * the object does not exist. Throws KubeWaitTimeout (with the object last seen) after `timeoutMs`. With `among`, a
   * label selector that the object fulfils, it shares one watch with all who wait for such objects at the same time:
   * for kinds and namespaces of which there are few such objects.
   */
  waitFor<T, R>(
    gvr: Gvr,
    namespace: string | undefined,
    name: string,
    test: (object: T | undefined) => R | undefined,
    options: WaitOptions,
  ): Promise<R>;
  /** Lines of a container's log; with `follow` until the container ends or the signal aborts (no error then). */
  logLines(
    namespace: string,
    pod: string,
    options?: { container?: string; follow?: boolean; tailLines?: number; signal?: AbortSignal },
  ): AsyncIterable<string>;
  exec(
    namespace: string,
    pod: string,
    container: string,
    command: string[],
    options?: { timeoutMs?: number; stdin?: string; signal?: AbortSignal },
  ): Promise<ExecResult>;
  discover(): Promise<Discovery>;
  version(): Promise<{ gitVersion: string; major: string; minor: string }>;
  /** Closes the connections; what is still under way ends with KubeError `Closed`. */
  close(): Promise<void>;
}

/** A client whose calls can be tied to a signal: `kube.withSignal(Context.current().cancellationSignal)`. */
export interface SignalKubeClient extends KubeClient {
  /** The same client and connections; each of its calls, streams too, ends when the signal aborts. */
  withSignal(signal: AbortSignal): SignalKubeClient;
}
