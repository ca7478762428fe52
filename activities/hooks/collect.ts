import type { HookActivities } from '../../contracts/activities.ts';
import { scratchPrefix } from '../../contracts/ids.ts';
import type { DocRef } from '../../contracts/run.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import type { GroupHooks } from '../../core/hooks/hook.ts';
import { newRecord } from '../../core/hooks/record.ts';
import { hookReport } from '../../core/hooks/report.ts';
import { getDoc, putDoc } from '../../platform/store/documents.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import { openRun } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { createBook, findBook } from './book.ts';

type Input<K extends keyof HookActivities> = Parameters<HookActivities[K]>[0];

export async function prepareHooks(deps: Deps, input: Input<'prepareHooks'>): Promise<void> {
  const { store } = await openRun(deps, input);
  await createBook(deps.kube, input, await plannedHooks(store, input));
}

export async function plannedHooks(store: ObjectStore, { hooks, group }: { hooks: DocRef; group: number }) {
  const found = (await getDoc<GroupHooks[]>(store, hooks)).find((entry) => entry.group === group);
  if (!found) throw new CaravelError('Internal', `group ${group} has no hooks`);
  return found;
}

/** What came of the hooks of a group, as a document of the run. */
export async function collectHooks(
  deps: Deps,
  input: Input<'collectHooks'>,
  signal: AbortSignal,
): Promise<DocRef> {
  const { store } = await openRun(deps, input);
  const book = await findBook(deps.kube, input, signal);
  const gone = { code: 'HookNotRun', message: 'the Secret with the hooks was deleted' } as const;
  const report = hookReport({
    group: book?.plan ?? (await plannedHooks(store, input)),
    record: book?.record ?? newRecord(),
    released: input.released,
    waitedMs: input.waitedMs,
    fault: input.fault ?? (book ? undefined : gone),
    now: new Date().toISOString(),
  });
  return await putDoc(store, `${scratchPrefix(input.run)}hooks/${input.group}`, report);
}
