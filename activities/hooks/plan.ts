import type { GroupWindow, RunContextRef } from '../../contracts/activities.ts';
import type { BackupSpec } from '../../contracts/api/backup.ts';
import { scratchPrefix } from '../../contracts/ids.ts';
import type { DocRef } from '../../contracts/run.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import type { GroupHooks } from '../../core/hooks/hook.ts';
import { planHooks, timeOf } from '../../core/hooks/plan.ts';
import type { PodFact, VolumeGroup } from '../../core/model.ts';
import type { Problem } from '../../core/problems.ts';
import { putDoc } from '../../platform/store/documents.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import { allowance } from '../support/allowance.ts';

export interface PlannedHooks {
  /** All groups, those of pods without volumes too. */
  groups: (VolumeGroup & { hooks?: GroupWindow })[];
  /** Document with the hooks of each group; absent without hooks. */
  hooks?: DocRef;
  problems: Problem[];
}

/** The hooks around the cuts: written down as a document, because commands may be long, and nobody else's business. */
export async function planGroupHooks(
  store: ObjectStore,
  { run }: RunContextRef,
  spec: BackupSpec,
  { pods, groups }: { pods: readonly PodFact[]; groups: readonly VolumeGroup[] },
): Promise<PlannedHooks> {
  const plan = planHooks(pods, groups, spec.hooks);
  const all = [...groups, ...plan.added];
  if (plan.groups.length === 0) return { groups: all, problems: plan.problems };
  const hooks = await putDoc(store, `${scratchPrefix(run)}hooks/plan`, plan.groups);
  const byGroup = new Map(plan.groups.map((group) => [group.group, group]));
  const planned = all.map((group) => {
    const own = byGroup.get(group.id);
    return own ? { ...group, hooks: windowOf(own, group, spec) } : group;
  });
  return { groups: planned, hooks, problems: plan.problems };
}

/** What the workflow must know of the hooks without seeing them. */
function windowOf(hooks: GroupHooks, { files }: VolumeGroup, spec: BackupSpec): GroupWindow {
  const cut = allowance(spec.csiSnapshotTimeout, TIMEOUTS.csiSnapshot);
  // Files are read from the application's own volume, so all of it lies in the window.
  const read = files.length > 0 ? allowance(spec.itemOperationTimeout, TIMEOUTS.itemOperation) : 0;
  const post = timeOf(hooks, 'post');
  return {
    deadlineMs: timeOf(hooks, 'pre') + cut + read + TIMEOUTS.quiesceSlack,
    releases: hooks.pods.some((pod) => pod.post.length > 0),
    patienceMs: post + TIMEOUTS.postHookRetry + TIMEOUTS.quiesceSlack,
  };
}
