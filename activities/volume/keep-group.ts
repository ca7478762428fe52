import type { GroupRef } from '../../contracts/activities.ts';
import type { DocRef } from '../../contracts/run.ts';
import type { VolumeCut } from '../../core/model.ts';
import { Scope } from '../../platform/kube/abort.ts';
import type { KubeClient } from '../../platform/kube/types.ts';
import type { Deps } from '../support/deps.ts';
import { markGroupKept, openGroup } from './group-snapshot.ts';
import { keptMarks, putKept, readKept } from './keep-snapshot.ts';
import { patienceOf, ready } from './snapshot-ready.ts';
import type { Patience } from './snapshot-ready.ts';

/**
 * As keepSnapshot, for all members of a group: their snapshots only go together, so they are kept together or not at
 * all. Whatever can fail comes before the group is marked; an unmarked one goes with the run.
 */
export async function keepGroup(
  deps: Deps,
  ref: GroupRef & { cuts: VolumeCut[] },
  signal: AbortSignal,
): Promise<DocRef[]> {
  const { run, members, cuts } = ref;
  const { kube } = deps;
  const { group, volumes, name, context, store } = await openGroup(deps, ref);
  const { namespace } = group;
  await allReady(kube, cuts, patienceOf(context.resource.spec), signal);
  const docs = await Promise.all(
    cuts.map(async (cut, at) => {
      const kept = await readKept(kube, namespace, cut);
      const volume = volumes[at] ?? { namespace, claim: '' };
      return await putKept(store, run, { index: members[at] ?? 0, volume, cut, kept });
    }),
  );
  await markGroupKept(kube, { namespace, name }, keptMarks(run, context.location));
  return docs;
}

/** The first that cannot be used ends the wait for the others. */
async function allReady(
  kube: KubeClient,
  cuts: readonly VolumeCut[],
  patience: Patience,
  signal: AbortSignal,
): Promise<void> {
  const scope = new Scope(signal);
  try {
    await Promise.all(cuts.map((cut) => ready(kube, cut, patience, scope.signal)));
  } finally {
    scope.abort(new Error('another snapshot of the group cannot be used'));
    scope.close();
  }
}
