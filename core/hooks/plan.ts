import type { PodFact, VolumeGroup } from '../model.ts';
import { problem } from '../problems.ts';
import type { Problem } from '../problems.ts';
import { annotatedHook } from './annotations.ts';
import { podKey } from './hook.ts';
import type { GroupHooks, HookPhase, PodHooks } from './hook.ts';
import { hookRules } from './spec.ts';
import type { HookRule, HooksSpec } from './spec.ts';

export interface HookPlan {
  /** Only groups of which at least one pod has a hook. */
  groups: GroupHooks[];
  /** Groups that hold no volume: each of a pod that has hooks and no volume to cut. */
  added: VolumeGroup[];
  problems: Problem[];
}

/** Pods that have ended run nothing any more. */
const ENDED = ['Succeeded', 'Failed'];

/** Which hooks run in which pods, and with the cut of which volumes between them. */
export function planHooks(
  pods: readonly PodFact[],
  groups: readonly VolumeGroup[],
  spec: HooksSpec | null | undefined,
): HookPlan {
  const rules = hookRules(spec);
  const problems: Problem[] = [];
  const hooked = new Map<string, PodHooks>();
  for (const pod of pods) {
    if (ENDED.includes(pod.phase)) continue;
    const hooks = hooksOf(pod, rules, problems);
    if (hooks.pre.length + hooks.post.length > 0) hooked.set(podKey(pod), hooks);
  }
  const planned = groups.flatMap(({ id, pods: members }) => withHooks(id, members, hooked));
  const first = groups.reduce((largest, { id }) => Math.max(largest, id), -1) + 1;
  const added = [...hooked.values()].map(({ namespace, name }, at): VolumeGroup => {
    return { id: first + at, volumes: [], kept: [], files: [], pods: [{ namespace, name }] };
  });
  return {
    groups: [...planned, ...added.flatMap(({ id, pods: members }) => withHooks(id, members, hooked))],
    added,
    problems,
  };
}

/** Takes the pods of a group out of those that still have none. */
function withHooks(group: number, members: VolumeGroup['pods'], hooked: Map<string, PodHooks>): GroupHooks[] {
  const pods = members.flatMap((member) => hooked.get(podKey(member)) ?? []);
  for (const pod of pods) hooked.delete(podKey(pod));
  return pods.length > 0 ? [{ group, pods }] : [];
}

function hooksOf(pod: PodFact, rules: readonly HookRule[], problems: Problem[]): PodHooks {
  const { namespace, name } = pod;
  const mine = rules.filter((rule) => rule.isFor(pod));
  // An annotation takes the place of all hooks of the spec, for this pod and phase.
  const of = (phase: HookPhase) => {
    const { hook, faults } = annotatedHook(pod.annotations, phase);
    const item = { namespace, resource: 'pods', name };
    problems.push(...faults.map((fault) => problem('warning', 'planVolumes', 'InvalidInput', fault, item)));
    return hook ? [hook] : mine.flatMap((rule) => rule[phase]);
  };
  return { namespace, name, pre: of('pre'), post: of('post') };
}

/** How long the hooks of a phase may take in all: they run one after the other. */
export const timeOf = ({ pods }: GroupHooks, phase: HookPhase): number =>
  pods.flatMap((pod) => pod[phase]).reduce((sum, { timeoutMs }) => sum + timeoutMs, 0);
