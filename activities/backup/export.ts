import { heartbeat } from '@temporalio/activity';
import type { Counted, RunContextRef } from '../../contracts/activities.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import { scratchPrefix } from '../../contracts/ids.ts';
import type { DocRef } from '../../contracts/run.ts';
import { LIMITS, TIMEOUTS } from '../../contracts/settings.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { groupResource } from '../../core/model.ts';
import type { BackupPlan, ExportList, ResourceRef } from '../../core/model.ts';
import { orderedKeys } from '../../core/plan/ordered.ts';
import { selectorText } from '../../core/selection/label-selector.ts';
import { isNotFound, KubeError } from '../../platform/kube/errors.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { getDoc } from '../../platform/store/documents.ts';
import type { Deps } from '../support/deps.ts';
import { openRun } from '../support/context.ts';
import type { Beat } from '../support/step.ts';
import { ShardCollector } from './collector.ts';
import type { CollectorPlace } from './collector.ts';
import { readProblem, taker } from './exporting.ts';
import type { Exporting } from './exporting.ts';
import { exportOrdered } from './ordered.ts';
import { ListReader } from './read-list.ts';
import type { ListToRead } from './read-list.ts';

/** Where the export of a shard stands: in which of its lists, in which part of that list, behind which page. */
interface Position {
  list: number;
  part: number;
  token: string;
}

const START: Position = { list: 0, part: 0, token: '' };

interface ListExport extends Exporting {
  reader: ListReader;
  /** By group-resource, what the shard of the ordered objects exports. */
  ordered: Map<string, Set<string>>;
  /** To be called between pages. */
  note: (position: Position) => Promise<void>;
}

/** Exports the lists of one shard. A later attempt goes on behind the page that an earlier one has noted last. */
export async function exportShard(
  deps: Deps,
  ref: RunContextRef & { plan: DocRef; shard: number },
  signal: AbortSignal,
  beat: Beat,
  noteEvery: number = TIMEOUTS.exportCheckpoint,
): Promise<Counted> {
  const { context, store } = await openRun<Backup>(deps, ref);
  const plan = await getDoc<BackupPlan>(store, ref.plan);
  const shard = plan.shards[ref.shard];
  if (!shard) throw new CaravelError('InvalidInput', `the plan has no shard ${ref.shard}`);
  const place = { store, scratch: scratchPrefix(ref.run), shard: String(shard.id), backup: ref.run.name };
  const { collector, position } = await begin(place, beat);
  const exporting: ListExport = {
    deps,
    plan,
    spec: context.resource.spec,
    collector,
    signal,
    reader: new ListReader(deps.kube, signal),
    ordered: orderedKeys(plan.shards.flatMap(({ ordered = [] }) => ordered)),
    note: noteIn(collector, beat, noteEvery),
  };
  if (shard.ordered) await exportOrdered(exporting, shard.ordered);
  for (const [at, list] of shard.lists.entries()) {
    if (at < position.list) continue;
    await exportList(exporting, list, at === position.list ? position : { ...START, list: at });
  }
  return await collector.finish();
}

async function begin(
  place: CollectorPlace,
  beat: Beat,
): Promise<{ collector: ShardCollector; position: Position }> {
  const anew = { collector: new ShardCollector(place), position: START };
  const last = beat.details as DocRef | undefined;
  if (!last) return anew;
  return await ShardCollector.resume<Position>(place, last).catch((error: unknown) => {
    // A process that was believed dead may have written over the note; then all is read again.
    if (error instanceof CaravelError && !error.retryable) return anew;
    throw error;
  });
}

function noteIn(collector: ShardCollector, beat: Beat, every: number) {
  let noted = Date.now();
  return async (position: Position) => {
    if (Date.now() - noted < every) return;
    beat.details = await collector.checkpoint(position);
    // At once: what is only noted here is lost with the process.
    heartbeat(beat.details);
    noted = Date.now();
  };
}

type Part = Omit<ListToRead, 'token'>;

/** Every list call that a list stands for; several label selectors are several calls. */
function partsOf({ resource, namespaces }: ExportList, spec: Backup['spec']): Part[] {
  const places = namespaces?.map((namespace) => ({ namespace })) ?? [{}];
  return places.flatMap((place) =>
    selectorsFor(resource, spec).map((labelSelector) => ({
      resource,
      ...place,
      ...(labelSelector && { labelSelector }),
    })),
  );
}

/** Label selectors work in the API server. Namespaces are selected by other rules. */
function selectorsFor(resource: ResourceRef, spec: Backup['spec']): string[] {
  if (groupResource(resource) === 'namespaces') return [''];
  if (spec.labelSelector) return [selectorText(spec.labelSelector)];
  const any = spec.orLabelSelectors ?? [];
  return any.length > 0 ? any.map(selectorText) : [''];
}

async function exportList(exporting: ListExport, list: ExportList, position: Position): Promise<void> {
  const anew = position.part === 0 && position.token === '';
  if (anew && (await exportAtOnce(exporting, list))) return;
  for (const [part, call] of partsOf(list, exporting.spec).entries()) {
    if (part < position.part) continue;
    const token = part === position.part ? position.token : '';
    await exportPart(exporting, { ...call, token }, { ...position, part });
  }
}

/** From so many namespaces on, one page of the whole cluster may save many calls. */
const MANY_NAMESPACES = 3;

/** Small types are read from the whole cluster in one page; false when there is more, or when that is not allowed. */
async function exportAtOnce(exporting: ListExport, { resource, namespaces }: ExportList): Promise<boolean> {
  if (!namespaces || namespaces.length < MANY_NAMESPACES) return false;
  const objects: KubeObject[] = [];
  for (const part of partsOf({ resource }, exporting.spec)) {
    const page = await firstPage(exporting, part);
    if (!page || page.continue !== '') return false;
    objects.push(...page.items);
  }
  const wanted = new Set(namespaces);
  const take = takerOf(exporting, resource);
  for (const object of objects) {
    if (wanted.has(object.metadata?.namespace ?? '')) await take(object, false);
  }
  return true;
}

async function firstPage({ deps, signal }: ListExport, { resource, labelSelector }: Part) {
  const options = { limit: LIMITS.pageSize, signal, ...(labelSelector && { labelSelector }) };
  try {
    for await (const page of deps.kube.pages(resource, options)) return page;
  } catch (error) {
    signal.throwIfAborted();
    // The lists of the single namespaces will tell what is wrong.
    if (!(error instanceof KubeError)) throw error;
  }
  return undefined;
}

/** One list call; what cannot be read is a problem of that call. */
async function exportPart(exporting: ListExport, list: ListToRead, position: Position): Promise<void> {
  const { resource, namespace } = list;
  const take = takerOf(exporting, resource);
  const failure = await exporting.reader.read(list, async (page, again) => {
    for (const object of page.items) await take(object, again);
    if (page.continue) await exporting.note({ ...position, token: page.continue });
  });
  // A type that vanished between discovery and listing has no objects.
  if (failure && !isNotFound(failure)) {
    const item = { resource: groupResource(resource), ...(namespace && { namespace }) };
    exporting.collector.problems.push(readProblem(failure, 'Error listing items', item));
  }
  await exporting.note({ ...position, part: position.part + 1, token: '' });
}

/** `again`: some of the objects may have been taken before. */
function takerOf(exporting: ListExport, resource: ResourceRef) {
  const { collector, spec, ordered } = exporting;
  const take = taker(exporting, resource, ordered.get(groupResource(resource)));
  const several = (spec.orLabelSelectors?.length ?? 0) > 1;
  return async (object: KubeObject, again: boolean) => {
    if ((several || again) && collector.has(resource, object)) return;
    await take(object);
  };
}
