import type { Counted, RunContextRef } from '../../contracts/activities.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import { scratchPrefix } from '../../contracts/ids.ts';
import type { DocRef } from '../../contracts/run.ts';
import { LIMITS } from '../../contracts/settings.ts';
import { leftOut } from '../../core/backup/items.ts';
import { namespacesOf, relatedTo } from '../../core/backup/related.ts';
import type { RelatedObject } from '../../core/backup/related.ts';
import { listKey, listName } from '../../core/format/resource-list.ts';
import { apiVersionOf, groupResource } from '../../core/model.ts';
import type { BackupPlan, Facts, ResourceRef, ShardIndex } from '../../core/model.ts';
import { collectFact, mergeFacts, noFacts } from '../../core/plan/facts.ts';
import { ResourceFilter } from '../../core/plan/resource-filter.ts';
import { problem } from '../../core/problems.ts';
import { KubeError } from '../../platform/kube/errors.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { getDoc } from '../../platform/store/documents.ts';
import type { Deps } from '../support/deps.ts';
import { openRun } from '../support/context.ts';
import { inLanes } from '../support/lanes.ts';
import { ShardCollector } from './collector.ts';
import { readOne, readProblem } from './exporting.ts';
import type { Exporting } from './exporting.ts';
import { Lookups } from './lookups.ts';

/** Takes what exported objects need, and what these need in turn; label selectors do not keep it out. */
export async function exportRelated(
  deps: Deps,
  ref: RunContextRef & { plan: DocRef; shards: DocRef[] },
  signal: AbortSignal,
): Promise<Counted> {
  const { context, store } = await openRun<Backup>(deps, ref);
  const plan = await getDoc<BackupPlan>(store, ref.plan);
  const shards = await Promise.all(ref.shards.map((shard) => getDoc<ShardIndex>(store, shard)));
  const place = { store, scratch: scratchPrefix(ref.run), shard: 'related', backup: ref.run.name };
  const collector = new ShardCollector(place);
  await takeRelated({ deps, plan, spec: context.resource.spec, collector, signal }, shards);
  return await collector.finish();
}

/** Into the collector. */
export async function takeRelated(exporting: Exporting, shards: readonly ShardIndex[]): Promise<void> {
  const related = new RelatedExport(exporting, shards);
  const facts = mergeFacts(shards.map((shard) => shard.facts));
  let wanted = [...namespacesOf(shards), ...(await related.neededBy(facts))];
  while (wanted.length > 0) wanted = await related.neededBy(await related.take(wanted));
}

interface Wanted extends RelatedObject {
  resource: ResourceRef;
  /** False: only what volume planning must know of it. */
  stored: boolean;
}

type Read = Awaited<ReturnType<typeof readOne>>;
/** Objects by name, by type. */
type Lists = Map<string, Map<string, KubeObject>>;

class RelatedExport {
  readonly #exporting: Exporting;
  readonly #filter: ResourceFilter;
  readonly #lookups: Lookups;
  readonly #types: Map<string, ResourceRef>;
  readonly #namespaces: ReadonlySet<string>;
  /** Names by `<apiVersion>/<Kind>/`. */
  readonly #have: Set<string>;

  constructor(exporting: Exporting, shards: readonly ShardIndex[]) {
    const { plan } = exporting;
    this.#exporting = exporting;
    this.#filter = new ResourceFilter(plan.filters, plan.resources, plan.everything);
    this.#types = new Map(plan.resources.map((resource) => [groupResource(resource), resource]));
    this.#lookups = new Lookups(exporting, this.#filter, this.#types);
    this.#namespaces = new Set(plan.namespaces);
    this.#have = new Set(
      shards.flatMap((shard) =>
        Object.entries(shard.names).flatMap(([key, names]) => names.map((name) => `${key}/${name}`)),
      ),
    );
  }

  async neededBy(facts: Facts): Promise<RelatedObject[]> {
    return [...relatedTo(facts), ...(await this.#lookups.of(facts))];
  }

  /** Facts of what was taken. */
  async take(related: readonly RelatedObject[]): Promise<Facts> {
    const wanted = related.flatMap((each) => this.#wanted(each) ?? []);
    const facts = noFacts();
    const lists = await this.#manyAtOnce(wanted);
    await inLanes(
      wanted,
      LIMITS.readParallel,
      async (each) => ({ each, ...(await this.#read(each, lists)) }),
      async ({ each, ...read }) => await this.#takeOne(each, read, facts),
    );
    return facts;
  }

  async #read(wanted: Wanted, lists: Lists): Promise<Read> {
    const listed = lists.get(wanted.groupResource);
    if (listed) return { object: listed.get(wanted.name) };
    return await readOne(this.#exporting, wanted.resource, wanted);
  }

  #wanted(related: RelatedObject): Wanted | undefined {
    const resource = this.#types.get(related.groupResource);
    if (!resource) return undefined;
    const stored = related.must === true || this.#allows(resource, related);
    if (!stored && related.groupResource !== 'persistentvolumes') return undefined;
    const key = `${listKey({ apiVersion: apiVersionOf(resource), kind: resource.kind })}/${listName(related)}`;
    if (this.#have.has(key)) return undefined;
    this.#have.add(key);
    return { ...related, resource, stored };
  }

  #allows(resource: ResourceRef, { namespace }: RelatedObject): boolean {
    if (!resource.namespaced) return this.#filter.allowsRelated(groupResource(resource));
    return this.#namespaces.has(namespace ?? '') && this.#filter.lists(resource);
  }

  /** Lists of the types of which so much is wanted that reading all of them is less work. */
  async #manyAtOnce(wanted: readonly Wanted[]): Promise<Lists> {
    const lists: Lists = new Map();
    for (const [type, members] of Map.groupBy(wanted, ({ groupResource: name }) => name)) {
      const { resource } = members[0]!;
      if (resource.namespaced || members.length < LIMITS.listInstead) continue;
      const found = await this.#listOf(resource, new Set(members.map(({ name }) => name)));
      if (found) lists.set(type, found);
    }
    return lists;
  }

  /** Undefined when the list cannot be read; the single objects will tell what is wrong. */
  async #listOf(resource: ResourceRef, names: Set<string>): Promise<Map<string, KubeObject> | undefined> {
    const { deps, signal } = this.#exporting;
    const found = new Map<string, KubeObject>();
    try {
      for await (const page of deps.kube.pages(resource, { limit: LIMITS.pageSize, signal })) {
        const wanted = page.items.filter(({ metadata }) => names.has(metadata.name));
        for (const object of wanted) found.set(object.metadata.name, object);
      }
      return found;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof KubeError) return undefined;
      throw error;
    }
  }

  async #takeOne(wanted: Wanted, { object, failure }: Read, facts: Facts): Promise<void> {
    const { resource, namespace = '', name, of } = wanted;
    const { collector } = this.#exporting;
    const item = { namespace, resource: wanted.groupResource, name };
    if (failure) {
      collector.problems.push(
        readProblem(failure, `Error getting item needed by ${of}`, item, 'exportRelated'),
      );
    } else if (!object) {
      const message = `Additional item was not found in Kubernetes API, can't back it up; ${of} needs it`;
      if (wanted.expected)
        collector.problems.push(problem('warning', 'exportRelated', 'ObjectGone', message, item));
    } else if (!wanted.stored) {
      collector.note(resource, object);
    } else {
      const refusal = leftOut(object.metadata);
      if (refusal) collector.leave(resource, object, refusal.reason);
      else {
        await collector.add(resource, object);
        collectFact(facts, wanted.groupResource, object);
      }
    }
  }
}
