import { pause, Scope } from './abort.ts';
import { fromStatus, isExpired, KubeError, noAnswer } from './errors.ts';
import { collectionPath } from './gvr.ts';
import { numberOf, parseJson } from './json.ts';
import { WATCH } from './limits.ts';
import { splitLines } from './lines.ts';
import { listPages } from './pages.ts';
import type { Transport } from './transport.ts';
import type { Gvr, KubeObject, WatchEvent, WatchOptions } from './types.ts';
import { WatchState } from './watch-state.ts';

type Tuning = { [name in keyof typeof WATCH]: number };
type TunedOptions = WatchOptions & { /** For tests. */ tuning?: Partial<Tuning> };

/**
 * A list, then its changes, for as long as the signal lets it: connections that end, break or go silent are renewed
 * at the last known version, a version that is too old (410) leads to a new list. Ends quietly when the signal
 * aborts. Throws what waiting cannot mend: a refused or malformed request, a resource that the API does not serve.
 * The objects seen are kept, so that their DELETED can be told after a relist: not for lists of 100,000 objects.
 */
export async function* watchObjects(
  transport: Transport,
  gvr: Gvr,
  options: TunedOptions,
): AsyncGenerator<WatchEvent> {
  const watch = new Watch(transport, gvr, options);
  while (!options.signal.aborted) {
    let wait: number;
    try {
      yield* watch.run();
      wait = watch.delayAfter(undefined);
    } catch (error) {
      if (options.signal.aborted) return;
      wait = watch.delayAfter(error);
    }
    // An abort while waiting ends the loop.
    await pause(wait, options.signal).catch(() => undefined);
  }
}

interface RawEvent {
  type: string;
  object: KubeObject & { code?: unknown };
}

class Watch {
  readonly #transport: Transport;
  readonly #gvr: Gvr;
  readonly #options: TunedOptions;
  readonly #tuning: Tuning;
  readonly #state = new WatchState();
  /** Empty = list first. */
  #version = '';
  #failures = 0;

  constructor(transport: Transport, gvr: Gvr, options: TunedOptions) {
    this.#transport = transport;
    this.#gvr = gvr;
    this.#options = options;
    this.#tuning = { ...WATCH, ...options.tuning };
  }

  /** One list when needed, and one watch request until it ends. */
  async *run(): AsyncGenerator<WatchEvent> {
    if (this.#version === '') yield* this.#list();
    yield* this.#follow();
  }

  /** Throws what is permanent. */
  delayAfter(error: unknown): number {
    const { retry, retryLongest } = this.#tuning;
    if (error !== undefined) {
      if (isPermanent(error)) throw error;
      if (isExpired(error) || isUnreadable(error)) this.#version = '';
      this.#failures++;
      this.#options.onRetry?.(error);
    }
    if (this.#failures === 0) return 0;
    return Math.min(retryLongest, retry * 2 ** (this.#failures - 1)) * (0.5 + Math.random() / 2);
  }

  async *#list(): AsyncGenerator<WatchEvent> {
    this.#state.beginList();
    let version = '';
    for await (const page of listPages(this.#transport, this.#gvr, this.#options)) {
      version = page.resourceVersion;
      for (const object of page.items) yield* this.#state.listed(object);
    }
    this.#version = version;
    yield* this.#state.endList();
  }

  async *#follow(): AsyncGenerator<WatchEvent> {
    const { seconds, spreadSeconds, grace, lineBytes, shortest } = this.#tuning;
    const { namespace, labelSelector, fieldSelector } = this.#options;
    const timeoutSeconds = Math.ceil(seconds + Math.random() * spreadSeconds);
    const path = collectionPath(this.#gvr, namespace);
    const request = `WATCH ${path}`;
    const scope = new Scope(this.#options.signal);
    scope.after(timeoutSeconds * 1000 + grace, () =>
      noAnswer('Timeout', request, 'the connection is silent'),
    );
    const started = performance.now();
    const from = this.#version;
    try {
      const chunks = await this.#transport.open({
        path,
        query: {
          watch: true,
          allowWatchBookmarks: true,
          resourceVersion: from,
          timeoutSeconds,
          labelSelector,
          fieldSelector,
        },
        signal: scope.signal,
      });
      const tooLong = () => noAnswer('TooLarge', request, `an event is larger than ${lineBytes} bytes`);
      for await (const line of splitLines(chunks, { maxBytes: lineBytes, tooLong })) {
        yield* this.#event(parseEvent(line, request), request);
      }
    } finally {
      scope.close();
    }
    if (this.#version === from && performance.now() - started < shortest) this.#failures++;
  }

  *#event({ type, object }: RawEvent, request: string): Generator<WatchEvent> {
    if (type === 'ERROR') throw fromStatus(object, numberOf(object.code) ?? 500, request);
    this.#version = object.metadata.resourceVersion ?? this.#version;
    this.#failures = 0;
    if (type === 'ADDED' || type === 'MODIFIED') yield* this.#state.changed(object);
    else if (type === 'DELETED') yield* this.#state.deleted(object);
  }
}

/** An event that cannot be read: the same would come again from the same version, a list gets past it. */
const isUnreadable = (error: unknown) =>
  error instanceof KubeError && (error.reason === 'Malformed' || error.reason === 'TooLarge');

/** A line that cannot be read ends the connection: passing over it would lose a change. */
function parseEvent(line: string, request: string): RawEvent {
  try {
    const event = parseJson<Partial<RawEvent> | null>(line);
    if (typeof event?.type === 'string' && typeof event.object === 'object') return event as RawEvent;
  } catch {
    // Told below.
  }
  throw noAnswer('Malformed', request, `not a watch event: ${line.slice(0, 100)}`);
}

/** Expired (410), too many requests (429) and a token in renewal (401) pass; other refusals do not. */
export function isPermanent(error: unknown): boolean {
  if (!(error instanceof KubeError)) return true;
  if (error.code === 0) return error.reason === 'Closed';
  return error.code >= 400 && error.code < 500 && ![401, 408, 410, 429].includes(error.code);
}
