import { LIMITS, LIST_RETRY } from '../../contracts/settings.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { apiVersionOf } from '../../core/model.ts';
import type { ResourceRef } from '../../core/model.ts';
import { pause } from '../../platform/kube/abort.ts';
import { isExpired, KubeError, toCaravelError } from '../../platform/kube/errors.ts';
import { PAGE } from '../../platform/kube/limits.ts';
import type { KubeClient, Page } from '../../platform/kube/types.ts';

export interface ListToRead {
  resource: ResourceRef;
  namespace?: string;
  labelSelector?: string;
  /** Where to go on; empty = at the beginning. */
  token: string;
}

/** The page, and whether an expired list had to be begun again, so that its first objects come a second time. */
export type PageSink = (page: Page, again: boolean) => Promise<void>;

type ListRetry = Record<keyof typeof LIST_RETRY, number>;

interface Progress {
  token: string;
  again: boolean;
  restarts: number;
  /** Since when it fails without a page in between; 0 = it does not. */
  failing: number;
  attempts: number;
}

/**
 * Reads lists page by page. Expired lists go on where they were; failures of one list alone are waited out for a
 * while and then returned, those of the whole API server are thrown.
 */
export class ListReader {
  readonly #kube: Pick<KubeClient, 'pages' | 'version'>;
  readonly #retry: ListRetry;
  readonly #signal: AbortSignal;
  /** Group versions whose server was given up: nobody waits for them twice. */
  readonly #broken = new Set<string>();

  constructor(
    kube: Pick<KubeClient, 'pages' | 'version'>,
    signal: AbortSignal,
    retry: ListRetry = LIST_RETRY,
  ) {
    this.#kube = kube;
    this.#signal = signal;
    this.#retry = retry;
  }

  /** The reason why the list cannot be read (to the end); undefined when it was. */
  async read(list: ListToRead, sink: PageSink): Promise<Error | undefined> {
    const progress: Progress = { token: list.token, again: false, restarts: 0, failing: 0, attempts: 0 };
    for (;;) {
      try {
        for await (const page of this.#kube.pages(list.resource, this.#options(list, progress.token))) {
          await sink(page, progress.again);
          Object.assign(progress, { token: page.continue, failing: 0, attempts: 0 });
        }
        return undefined;
      } catch (error) {
        this.#signal.throwIfAborted();
        // The sink's own failures are not the list's.
        if (!(error instanceof KubeError)) throw error;
        if (isExpired(error)) goOnAfterExpiry(error, progress);
        else if (await this.#isLost(error, list.resource, progress)) return error;
      }
    }
  }

  #options({ namespace, labelSelector }: ListToRead, token: string) {
    return {
      limit: LIMITS.pageSize,
      signal: this.#signal,
      ...(namespace && { namespace }),
      ...(labelSelector && { labelSelector }),
      ...(token && { continue: token }),
    };
  }

  /** Whether there is nothing to hope for; waits a moment when there is. */
  async #isLost(error: KubeError, resource: ResourceRef, progress: Progress): Promise<boolean> {
    const known = toCaravelError(error);
    if (!(known instanceof CaravelError && known.retryable)) return true;
    // 429 asks for patience with everything, 401 is about all requests.
    if (error.code === 429 || error.code === 401 || !(await this.#answers())) throw known;
    const server = apiVersionOf(resource);
    progress.failing ||= Date.now();
    if (this.#broken.has(server) || Date.now() - progress.failing >= this.#retry.forMs) {
      this.#broken.add(server);
      return true;
    }
    const { initialIntervalMs, maximumIntervalMs } = this.#retry;
    await pause(Math.min(initialIntervalMs * 2 ** progress.attempts++, maximumIntervalMs), this.#signal);
    return false;
  }

  /** Whether the API server itself is up, and only what stands behind it for this list is not. */
  async #answers(): Promise<boolean> {
    return await this.#kube.version().then(
      () => true,
      () => false,
    );
  }
}

/** The rest of the list as it is now when the server offers that, else all of it once more. */
function goOnAfterExpiry(error: KubeError, progress: Progress): void {
  progress.token = error.continueToken ?? '';
  if (progress.token !== '') return;
  progress.again = true;
  if (progress.restarts++ >= PAGE.restarts)
    throw new CaravelError('KubeUnavailable', `the list expired again and again: ${error.message}`);
}
