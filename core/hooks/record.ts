import type { ErrorCode } from '../errors/catalog.ts';
import type { GroupHooks, Hook, HookPhase, PodHooks } from './hook.ts';

/**
 * What is known of the hooks of a group: written down before each hook begins and after it ended, so that whoever goes
 * on after a crash begins no pre-hook twice and leaves no post-hook out.
 */
export interface HookRecord {
  /** The attempt that may begin pre-hooks. */
  owner?: string;
  /** Set when the application is being released: no further pre-hook begins. */
  releasing?: boolean;
  /** Pods, from the first, whose pre-hooks had their turn; only these are released. */
  reached: number;
  /** By runKey. */
  runs: Record<string, HookRun>;
}

export interface HookRun {
  /** The attempt that began it. */
  by: string;
  begunAt: string;
  endedAt?: string;
  /** Absent while it runs, and when nobody lived to see its end. */
  result?: HookResult;
}

export interface HookResult {
  /** `unknown`: it was begun, and may be at work still. */
  state: 'done' | 'skipped' | 'failed' | 'unknown';
  message: string;
  code?: ErrorCode;
  /** The beginning and the end of what it printed. */
  output?: string;
}

export const newRecord = (): HookRecord => ({ reached: 0, runs: {} });

/** One hook of the group and its place. */
export interface HookStep {
  key: string;
  podAt: number;
  pod: PodHooks;
  hook: Hook;
}

const runKey = (phase: HookPhase, pod: number, hook: number) => `${phase}/${pod}/${hook}`;

export const stepsOf = ({ pods }: GroupHooks, phase: HookPhase): HookStep[] =>
  pods.flatMap((pod, podAt) =>
    pod[phase].map((hook, at) => ({ key: runKey(phase, podAt, at), podAt, pod, hook })),
  );

const BAD = ['failed', 'unknown'];
export const isBad = (run: HookRun | undefined) =>
  run?.result !== undefined && BAD.includes(run.result.state);

const LOST: HookResult = {
  state: 'unknown',
  code: 'HookUnfinished',
  message: 'whoever ran it was lost; whether it ended is not known',
};

/** Nobody waits any more for the end of pre-hooks that have none. */
export function giveUp(record: HookRecord): void {
  for (const [key, run] of Object.entries(record.runs)) if (key.startsWith('pre/')) run.result ??= LOST;
}

/** An attempt takes the pre-hooks over from those before it. */
export function takeOver(record: HookRecord, by: string): void {
  if (record.releasing) return;
  record.owner = by;
  giveUp(record);
}

/** Begins the next pre-hook. Undefined when there is none, or when this attempt may begin no more. */
export function beginPreHook(
  group: GroupHooks,
  record: HookRecord,
  by: string,
  at: string,
): HookStep | undefined {
  if (record.releasing || record.owner !== by) return undefined;
  const next = stepsOf(group, 'pre').find(
    (step) => !record.runs[step.key] && !podFailed(group, record, step.podAt),
  );
  if (next) record.runs[next.key] = { by, begunAt: at };
  record.reached = next ? Math.max(record.reached, next.podAt + 1) : group.pods.length;
  return next;
}

/** Whether a pre-hook failed that must not. The further hooks of the pod are not run, and it is not in the backup. */
export const podFailed = (group: GroupHooks, record: HookRecord, podAt: number): boolean =>
  stepsOf(group, 'pre').some(
    (step) => step.podAt === podAt && step.hook.fails && isBad(record.runs[step.key]),
  );

export function endHook(record: HookRecord, key: string, by: string, result: HookResult, at: string): void {
  const run = record.runs[key];
  // Somebody else may have given it up in the meantime, or begun it again.
  if (run?.by === by && !run.result) Object.assign(run, { result, endedAt: at });
}

/**
 * Milliseconds until the last pre-hook of unknown fate has used up its time. A post-hook that overtook it would leave
 * the application quiesced.
 */
export function mustWait(group: GroupHooks, record: HookRecord, now: number): number {
  const ends = stepsOf(group, 'pre').flatMap(({ key, hook }) => {
    const run = record.runs[key];
    const over = run?.result && run.result.state !== 'unknown';
    return run && !over ? [Date.parse(run.begunAt) + hook.timeoutMs] : [];
  });
  return Math.max(0, ...ends.map((end) => end - now));
}

/** Begins the next post-hook of a pod that had its turn, once more when its last run has no end. */
export function beginPostHook(
  group: GroupHooks,
  record: HookRecord,
  by: string,
  at: string,
): HookStep | undefined {
  const next = stepsOf(group, 'post').find(
    ({ key, podAt }) => podAt < record.reached && !record.runs[key]?.result,
  );
  if (next) record.runs[next.key] = { by, begunAt: record.runs[next.key]?.begunAt ?? at };
  return next;
}
