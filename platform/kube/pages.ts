import { Scope } from './abort.ts';
import { isExpired, KubeError } from './errors.ts';
import { collectionPath } from './gvr.ts';
import { PAGE, REQUEST } from './limits.ts';
import type { Transport } from './transport.ts';
import type { Gvr, KubeObject, ListOptions, Page } from './types.ts';

type PageOptions = ListOptions & { limit?: number; continue?: string };

interface RawList {
  apiVersion?: string;
  kind?: string;
  metadata?: { continue?: string; resourceVersion?: string };
  items?: KubeObject[] | null;
}

/**
 * Pages of a list. The next page is asked for while the caller works on this one; its continue token dies with the
 * next compaction of etcd (about 5 minutes), which is thrown as a KubeError with code 410.
 */
export async function* listPages(
  transport: Transport,
  gvr: Gvr,
  options: PageOptions = {},
): AsyncGenerator<Page> {
  const scope = new Scope(options.signal);
  const pager = new Pager(transport, gvr, { ...options, signal: scope.signal });
  try {
    let next: Promise<Page> | undefined = pager.page(options.continue ?? '');
    while (next !== undefined) {
      const page: Page = await next;
      next = page.continue === '' ? undefined : pager.page(page.continue);
      // The failure is thrown when the page's turn comes; until then nobody awaits it.
      next?.catch(() => undefined);
      yield page;
    }
  } finally {
    scope.abort(new Error('the list was left'));
    scope.close();
  }
}

/** The whole list. Begins again when its continue token expires, so that the result is one consistent state. */
export async function listAll(
  transport: Transport,
  gvr: Gvr,
  options: ListOptions = {},
): Promise<KubeObject[]> {
  for (let restart = 0; ; restart++) {
    try {
      return await listOnce(transport, gvr, options);
    } catch (error) {
      if (!isExpired(error) || restart >= PAGE.restarts) throw error;
    }
  }
}

async function listOnce(transport: Transport, gvr: Gvr, options: ListOptions): Promise<KubeObject[]> {
  const items: KubeObject[] = [];
  for await (const page of listPages(transport, gvr, options)) {
    for (const item of page.items) items.push(item);
  }
  return items;
}

/** Asks for single pages; where objects are large, for smaller ones from then on. */
class Pager {
  readonly #transport: Transport;
  readonly #gvr: Gvr;
  readonly #options: PageOptions;
  #limit: number;

  constructor(transport: Transport, gvr: Gvr, options: PageOptions) {
    this.#transport = transport;
    this.#gvr = gvr;
    this.#options = options;
    this.#limit = options.limit ?? PAGE.size;
  }

  async page(token: string): Promise<Page> {
    for (;;) {
      try {
        return await this.#request(token);
      } catch (error) {
        const tooLarge = error instanceof KubeError && error.reason === 'TooLarge';
        if (!tooLarge || this.#limit === 1) throw error;
        this.#limit = Math.max(1, Math.floor(this.#limit / PAGE.shrink));
      }
    }
  }

  async #request(token: string): Promise<Page> {
    const { namespace, labelSelector, fieldSelector, signal } = this.#options;
    const list = await this.#transport.json<RawList>({
      path: collectionPath(this.#gvr, namespace),
      query: { limit: this.#limit, continue: token, labelSelector, fieldSelector },
      timeoutMs: REQUEST.pageTimeout,
      // A server that ignores `limit` sends everything; then there is nothing smaller to ask for.
      maxBodyBytes: this.#limit === 1 ? REQUEST.bodyBytesMax : PAGE.bodyBytes,
      signal,
    });
    return {
      items: withKind(list),
      continue: list.metadata?.continue ?? '',
      resourceVersion: list.metadata?.resourceVersion ?? '',
    };
  }
}

/** Built-in lists name the kind once, for all their items. */
function withKind(list: RawList): KubeObject[] {
  const kind = list.kind?.replace(/List$/, '') ?? '';
  const apiVersion = list.apiVersion ?? '';
  return (list.items ?? []).map((item) => (item.kind === undefined ? { ...item, apiVersion, kind } : item));
}
