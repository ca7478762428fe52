import type { ErrorCode } from '../errors/catalog.ts';
import { problem } from '../problems.ts';
import type { Problem } from '../problems.ts';
import { podKey } from './hook.ts';
import type { GroupHooks, HookPhase } from './hook.ts';
import { giveUp, podFailed, stepsOf } from './record.ts';
import type { HookRecord, HookResult, HookStep } from './record.ts';

/** Why a group was released; `told` is the good way. */
export type ReleaseCause = 'told' | 'deadline' | 'runEnded' | 'cancelled';

/** What came of the hooks of one group, for the results, the log and the status of the backup. */
export interface HookReport {
  group: number;
  /** As `<namespace>/<name>`. */
  pods: string[];
  attempted: number;
  failed: number;
  /** From the beginning of the first pre-hook to the end of the last post-hook; absent without both. */
  quiescedMs?: number;
  /** So long another run had the pods; only when that was worth a word. */
  waitedMs?: number;
  /** Pods that are not in the backup. */
  leftOut: string[];
  problems: Problem[];
  lines: HookLine[];
}

/** For the log; what went wrong stands among the problems besides. */
export interface HookLine {
  time: string;
  msg: string;
  fields: Record<string, string>;
}

export interface ReportInput {
  group: GroupHooks;
  record: HookRecord;
  /** Absent while the post-hooks are still under way, and for groups that have none. */
  released?: ReleaseCause | undefined;
  waitedMs?: number | undefined;
  /** Why hooks were not run, when something else than a hook is at fault. */
  fault?: { code: ErrorCode; message: string } | undefined;
  now: string;
}

interface Looked extends HookStep {
  phase: HookPhase;
  result: HookResult;
}

export function hookReport({ record: written, ...rest }: ReportInput): HookReport {
  const record = structuredClone(written);
  giveUp(record);
  const input = { ...rest, record };
  const { group } = input;
  const looked = [...preHooks(input), ...postHooks(input)];
  const bad = looked.filter(({ result }) => result.state === 'failed' || result.state === 'unknown');
  const leftOut = group.pods.filter((_, podAt) => isLeftOut(input, podAt)).map(podKey);
  const quiescedMs = quiesced(looked, record);
  return {
    group: group.group,
    pods: group.pods.map(podKey),
    attempted: new Set(looked.map(hookKey)).size,
    failed: new Set(bad.map(hookKey)).size,
    ...(quiescedMs !== undefined && { quiescedMs }),
    ...(rest.waitedMs && { waitedMs: rest.waitedMs }),
    leftOut,
    problems: [
      ...bad.map(hookProblem),
      ...group.pods.filter((pod) => leftOut.includes(podKey(pod))).map(leftOutProblem),
      ...lateProblems(input),
    ],
    lines: looked.map((hook) => line(hook, record, input.now)),
  };
}

/** Velero's idea of one hook, by which it counts. */
const hookKey = ({ phase, pod, hook }: Looked) =>
  JSON.stringify([podKey(pod), hook.source, hook.container, phase, hook.name, hook.index]);

function preHooks(input: ReportInput): Looked[] {
  const { group, record, fault } = input;
  return stepsOf(group, 'pre').map((step) => {
    const result = record.runs[step.key]?.result;
    if (result) return { ...step, phase: 'pre', result };
    const behindFailure = podFailed(group, record, step.podAt);
    const why = fault?.message ?? 'the application was released before its turn';
    return { ...step, phase: 'pre', result: behindFailure ? BEHIND_FAILURE : notRun(why) };
  });
}

const BEHIND_FAILURE: HookResult = {
  state: 'skipped',
  message: 'not run, because a hook of the pod before it failed',
};

const notRun = (why: string): HookResult => ({ state: 'failed', code: 'HookNotRun', message: why });

/** A pod that was not quiesced need not be released. */
function postHooks({ group, record }: ReportInput): Looked[] {
  return stepsOf(group, 'post')
    .filter(({ podAt }) => podAt < record.reached)
    .map((step) => ({ ...step, phase: 'post', result: record.runs[step.key]?.result ?? UNDER_WAY }));
}

const UNDER_WAY = notRun('it could not be run so far; the workflow unquiesce goes on trying');

/** Whatever kept a hook that must not fail from running, it did not succeed. */
const isLeftOut = ({ group, record }: ReportInput, podAt: number) =>
  podFailed(group, record, podAt) ||
  stepsOf(group, 'pre').some((step) => step.podAt === podAt && step.hook.fails && !record.runs[step.key]);

const itemOf = ({ namespace, name }: { namespace: string; name: string }) => ({
  namespace,
  resource: 'pods',
  name,
});

function hookProblem({ phase, pod, hook, result }: Looked): Problem {
  const message = `Error executing hook: ${nameOf(phase, hook)}: ${result.message}`;
  return problem('error', `${phase}Hooks`, result.code ?? 'HookFailed', message, itemOf(pod));
}

const nameOf = (phase: HookPhase, { source, name, index, container }: HookStep['hook']) => {
  const what = source === 'spec' ? `${phase}-hook ${index} of "${name}"` : `${phase}-hook of the annotation`;
  return container ? `${what} in container ${container}` : what;
};

function leftOutProblem(pod: { namespace: string; name: string }): Problem {
  const message =
    'Error running pre hooks for pod: it is not in the backup; volumes that are cut are, as they were without the hooks';
  return problem('error', 'preHooks', 'HookFailed', message, itemOf(pod));
}

const WHY_LATE: Record<Exclude<ReleaseCause, 'told'>, string> = {
  deadline: 'its volumes were not cut in time',
  runEnded: 'the run had ended',
  cancelled: 'the workflow unquiesce was cancelled',
};

/** What was cut after the release is no more than what a crash would have left. */
function lateProblems({ group, released }: ReportInput): Problem[] {
  const [pod] = group.pods;
  if (released === undefined || released === 'told' || !pod || stepsOf(group, 'pre').length === 0) return [];
  const message = `the application was released before the cut was over, because ${WHY_LATE[released]}: the volumes may hold the state of a crash`;
  return [problem('error', 'postHooks', 'QuiesceTimeout', message, itemOf(pod))];
}

function quiesced(looked: readonly Looked[], { runs }: HookRecord): number | undefined {
  const times = (phase: HookPhase, end: 'begunAt' | 'endedAt') =>
    looked.flatMap((step) => (step.phase === phase ? (runs[step.key]?.[end] ?? []) : [])).sort();
  const [begun, ended] = [times('pre', 'begunAt')[0], times('post', 'endedAt').at(-1)];
  return begun && ended ? Date.parse(ended) - Date.parse(begun) : undefined;
}

function line({ phase, pod, hook, key, result }: Looked, { runs }: HookRecord, now: string): HookLine {
  const run = runs[key];
  const ms = run?.endedAt ? Date.parse(run.endedAt) - Date.parse(run.begunAt) : undefined;
  return {
    time: run?.begunAt ?? now,
    msg: `${nameOf(phase, hook)}: ${result.message}`,
    fields: {
      namespace: pod.namespace,
      resource: 'pods',
      name: pod.name,
      hookPhase: phase,
      ...(ms !== undefined && { hookMs: String(ms) }),
      ...(result.output && { hookOutput: result.output }),
    },
  };
}
