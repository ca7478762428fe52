import { heartbeat } from '@temporalio/activity';
import type { Counted, RestoreActivities } from '../../contracts/activities.ts';
import type { Restore } from '../../contracts/api/restore.ts';
import { scratchPrefix } from '../../contracts/ids.ts';
import type { DocRef } from '../../contracts/run.ts';
import { LIMITS } from '../../contracts/settings.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import type { ApplyReport, RestoreChunk } from '../../core/model.ts';
import { countProblems } from '../../core/problems.ts';
import { addResult, countItems, emptyReport } from '../../core/restore/report.ts';
import { ItemSelector } from '../../core/restore/select.ts';
import { objectOf } from '../../platform/archive/item.ts';
import type { ArchiveItem } from '../../platform/archive/item.ts';
import { readSegments } from '../../platform/archive/segments.ts';
import { getDoc, putDoc } from '../../platform/store/documents.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import { openRun } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import type { Beat } from '../support/step.ts';
import { applyContext } from './apply-context.ts';
import { applyItem } from './apply-item.ts';
import { inLanes } from '../support/lanes.ts';

type Input = Parameters<RestoreActivities['applyChunk']>[0];

/** What a later attempt needs of an earlier one. */
interface ApplyBeat {
  /** Objects of the chunk that are dealt with, counted from its beginning. */
  done: number;
  /** What came of them. */
  report: DocRef;
}

/**
 * Applies one chunk of a wave. A later attempt begins after the objects that an earlier one has noted as done; what was
 * created after that note is known by its label and its age.
 */
export async function applyChunk(
  deps: Deps,
  input: Input,
  signal: AbortSignal,
  beat: Beat,
): Promise<Counted> {
  const { store, context } = await openRun<Restore>(deps, input);
  const apply = await applyContext(deps.kube, store, context, input, signal);
  const chunk = chunkOf(apply.plan.waves, input);
  const selector = new ItemSelector(apply.plan.selection, context.resource.spec);
  const earlier = beat.details as ApplyBeat | undefined;
  const report = earlier ? await getDoc<ApplyReport>(store, earlier.report) : emptyReport();
  const key = `${scratchPrefix(input.run)}reports/${input.wave}-${input.chunk}`;
  let done = earlier?.done ?? 0;
  let noted = done;
  await inLanes(
    selected(store, chunk, selector, done),
    LIMITS.applyParallel,
    (item) => applyItem(apply, item),
    async (result) => {
      addResult(report, result);
      done += 1;
      if (done - noted < LIMITS.applyCheckpoint) return;
      // A key of its own: the note before must stay true until this one is heard of.
      beat.details = { done, report: await putDoc(store, `${key}.${done}`, report) } satisfies ApplyBeat;
      // At once: what is only noted here is lost with the process.
      heartbeat(beat.details);
      noted = done;
    },
  );
  const doc = await putDoc(store, key, report);
  return { doc, items: countItems(report), ...countProblems(report.problems) };
}

function chunkOf(waves: { chunks: RestoreChunk[] }[], { wave, chunk }: Input): RestoreChunk {
  const found = waves[wave]?.chunks[chunk];
  if (!found) throw new CaravelError('InvalidInput', `the plan has no chunk ${chunk} in wave ${wave}`);
  return found;
}

/** The objects to restore, in an order that is the same for each attempt. */
async function* selected(
  store: ObjectStore,
  { parts }: RestoreChunk,
  selector: ItemSelector,
  skip: number,
): AsyncGenerator<ArchiveItem> {
  let at = 0;
  const segments = parts.map(({ segment }) => segment);
  for await (const item of readSegments(store, segments)) {
    if (!selector.test(item, () => objectOf(item).metadata.labels)) continue;
    if (at++ >= skip) yield item;
  }
}
