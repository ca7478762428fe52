import type { Counted, RunContextRef } from '../../contracts/activities.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import { scratchPrefix } from '../../contracts/ids.ts';
import type { DocRef } from '../../contracts/run.ts';
import { LIMITS } from '../../contracts/settings.ts';
import { CaravelError, isErrorCode, messageOf } from '../../core/errors/catalog.ts';
import { storedClaim, leftOut, namespaceWanted } from '../../core/backup/items.ts';
import { segmentKey } from '../../core/format/keys.ts';
import { addToList } from '../../core/format/resource-list.ts';
import type { ResourceList } from '../../core/format/resource-list.ts';
import { apiVersionOf, groupResource } from '../../core/model.ts';
import type { BackupPlan, ExportShard, Facts, ResourceRef, ShardIndex } from '../../core/model.ts';
import { collectFact, noFacts } from '../../core/plan/facts.ts';
import { countProblems, problem } from '../../core/problems.ts';
import type { Problem } from '../../core/problems.ts';
import { selectorText } from '../../core/selection/label-selector.ts';
import { itemOf } from '../../platform/archive/item.ts';
import { SegmentWriter } from '../../platform/archive/segments.ts';
import { isExpired, isNotFound, toCaravelError } from '../../platform/kube/errors.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { getDoc, putDoc } from '../../platform/store/documents.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import type { Deps } from '../support/deps.ts';
import { openRun } from '../support/context.ts';

/** Collects exported objects: into segments, and what later steps must know of them. */
export class ShardCollector {
  readonly names: ResourceList = {};
  readonly facts: Facts = noFacts();
  readonly problems: Problem[] = [];
  items = 0;
  readonly #writer: SegmentWriter;
  readonly #backup: string;

  constructor(store: ObjectStore, scratch: string, shard: string, backup: string) {
    this.#writer = new SegmentWriter(store, { keyOf: (ordinal) => segmentKey(scratch, shard, ordinal) });
    this.#backup = backup;
  }

  async add(ref: ResourceRef, object: KubeObject): Promise<void> {
    const gr = groupResource(ref);
    const { name, namespace } = object.metadata;
    const stored =
      gr === 'persistentvolumeclaims' ? (storedClaim(object, this.#backup) as KubeObject) : object;
    const id = { groupResource: gr, version: ref.version, ...(namespace && { namespace }), name };
    await this.#writer.add(itemOf(id, stored));
    addToList(this.names, {
      apiVersion: apiVersionOf(ref),
      kind: ref.kind,
      ...(namespace && { namespace }),
      name,
    });
    collectFact(this.facts, gr, object);
    this.items += 1;
  }

  async finish(store: ObjectStore, key: string): Promise<Counted> {
    const index: ShardIndex = {
      segments: await this.#writer.close(),
      names: this.names,
      items: this.items,
      facts: this.facts,
      problems: this.problems,
    };
    return { doc: await putDoc(store, key, index), items: this.items, ...countProblems(this.problems) };
  }
}

interface Exporting {
  deps: Deps;
  plan: BackupPlan;
  spec: Backup['spec'];
  collector: ShardCollector;
  signal: AbortSignal;
}

export async function exportShard(
  deps: Deps,
  ref: RunContextRef & { plan: DocRef; shard: number },
  signal: AbortSignal,
): Promise<Counted> {
  const { context, store } = await openRun<Backup>(deps, ref);
  const plan = await getDoc<BackupPlan>(store, ref.plan);
  const shard = plan.shards[ref.shard];
  if (!shard) throw new CaravelError('InvalidInput', `the plan has no shard ${ref.shard}`);
  const scratch = scratchPrefix(ref.run);
  const collector = new ShardCollector(store, scratch, String(shard.id), ref.run.name);
  const exporting = { deps, plan, spec: context.resource.spec, collector, signal };
  for (const list of shard.lists) await exportList(exporting, list);
  return await collector.finish(store, `${scratch}shards/${shard.id}`);
}

/** One list; what cannot be read is a problem of that list, unless waiting may help. */
async function exportList(exporting: Exporting, list: ExportShard['lists'][number]): Promise<void> {
  const { collector, spec } = exporting;
  const before = collector.problems.length;
  for (const labelSelector of selectorsFor(list.resource, spec)) {
    try {
      await exportPages(exporting, list, labelSelector);
    } catch (error) {
      if (isExpired(error) || exporting.signal.aborted) throw expired(error);
      const known = toCaravelError(error);
      if (known instanceof CaravelError && known.retryable) throw known;
      // A type that vanished between discovery and listing has no objects.
      if (isNotFound(error)) continue;
      if (collector.problems.length === before) collector.problems.push(listProblem(list, known));
    }
  }
}

/** The whole shard is made again: its segments are overwritten in the same order. */
const expired = (error: unknown) =>
  isExpired(error)
    ? new CaravelError('KubeUnavailable', `the list took too long and expired: ${messageOf(error)}`)
    : error;

function listProblem({ resource, namespace }: ExportShard['lists'][number], error: Error): Problem {
  const code = error instanceof CaravelError && isErrorCode(error.code) ? error.code : 'KubeUnavailable';
  const item = { resource: groupResource(resource), ...(namespace && { namespace }) };
  return problem('error', 'exportResources', code, `Error listing items: ${error.message}`, item);
}

/** Label selectors work in the API server; several are several lists. Namespaces are selected by other rules. */
function selectorsFor(resource: ResourceRef, spec: Backup['spec']): (string | undefined)[] {
  if (groupResource(resource) === 'namespaces') return [undefined];
  if (spec.labelSelector) return [selectorText(spec.labelSelector) || undefined];
  const any = spec.orLabelSelectors ?? [];
  return any.length > 0 ? any.map((selector) => selectorText(selector) || undefined) : [undefined];
}

async function exportPages(
  exporting: Exporting,
  { resource, namespace }: ExportShard['lists'][number],
  labelSelector: string | undefined,
): Promise<void> {
  const { deps, collector, signal } = exporting;
  const wanted = filterFor(exporting, resource);
  const options = {
    limit: LIMITS.pageSize,
    signal,
    ...(namespace && { namespace }),
    ...(labelSelector && { labelSelector }),
  };
  for await (const page of deps.kube.pages(resource, options)) {
    for (const object of page.items) {
      if (wanted(object)) await collector.add(resource, object);
    }
  }
}

function filterFor({ plan, spec }: Exporting, resource: ResourceRef): (object: KubeObject) => boolean {
  const namespaces = new Set(plan.namespaces);
  // Several selectors may find the same object.
  const seen = new Set<string>();
  const fresh = ({ metadata }: KubeObject) => {
    const key = `${metadata.namespace ?? ''}/${metadata.name}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  };
  const several = (spec.orLabelSelectors?.length ?? 0) > 1;
  const everything = plan.wholeCluster && (spec.excludedNamespaces?.length ?? 0) === 0;
  const isNamespaces = groupResource(resource) === 'namespaces';
  return (object) => {
    if (leftOut(object.metadata, resource.namespaced ? namespaces : undefined) !== undefined) return false;
    if (
      isNamespaces &&
      !namespaceWanted(object.metadata, namespaces, everything, spec.labelSelector, spec.orLabelSelectors)
    ) {
      return false;
    }
    return !several || fresh(object);
  };
}
