import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GroupHooks, Hook } from '../../../../core/hooks/hook.ts';
import {
  beginPostHook,
  beginPreHook,
  endHook,
  giveUp,
  mustWait,
  newRecord,
  podFailed,
  stepsOf,
  takeOver,
} from '../../../../core/hooks/record.ts';
import type { HookRecord, HookResult } from '../../../../core/hooks/record.ts';

const hook = (fails = false, timeoutMs = 30_000): Hook => ({
  source: 'annotation',
  name: '',
  index: 0,
  container: '',
  command: ['x'],
  fails,
  timeoutMs,
});
const pod = (name: string, pre: Hook[], post: Hook[] = [hook()]) => ({ namespace: 'shop', name, pre, post });
const group = (...pods: ReturnType<typeof pod>[]): GroupHooks => ({ group: 0, pods });

const DONE: HookResult = { state: 'done', message: '' };
const FAILED: HookResult = { state: 'failed', message: '' };
const UNKNOWN: HookResult = { state: 'unknown', message: '' };
const at = (second: number) => new Date(1_700_000_000_000 + second * 1000).toISOString();

/** Runs the pre-hooks to their end, each with the result that `of` says. */
function quiesce(
  plan: GroupHooks,
  record: HookRecord,
  by: string,
  of: (key: string) => HookResult,
): string[] {
  const ran: string[] = [];
  takeOver(record, by);
  for (let step = beginPreHook(plan, record, by, at(0)); step; step = beginPreHook(plan, record, by, at(0))) {
    ran.push(step.key);
    endHook(record, step.key, by, of(step.key), at(1));
  }
  return ran;
}

describe('pre-hooks', () => {
  const plan = group(pod('a', [hook(), hook(true)]), pod('b', []), pod('c', [hook()]));

  it('run pod by pod in their order, and then every pod had its turn', () => {
    const record = newRecord();
    expect(quiesce(plan, record, 'me', () => DONE)).toEqual(['pre/0/0', 'pre/0/1', 'pre/2/0']);
    expect(record.reached).toBe(3);
  });

  it('of a pod end with one that must not fail; other pods go on', () => {
    const strict = group(pod('a', [hook(true), hook()]), pod('b', [hook()]));
    const record = newRecord();
    expect(quiesce(strict, record, 'me', () => FAILED)).toEqual(['pre/0/0', 'pre/1/0']);
    expect(podFailed(strict, record, 0)).toBe(true);
    expect(podFailed(strict, record, 1)).toBe(false);
  });

  it('of a pod go on behind one that may fail', () => {
    const lax = group(pod('a', [hook(), hook()]));
    expect(quiesce(lax, newRecord(), 'me', () => FAILED)).toEqual(['pre/0/0', 'pre/0/1']);
  });

  it('that were under way when their attempt was lost are not run again, and count as failed', () => {
    const strict = group(pod('a', [hook(true), hook()]), pod('b', [hook()]));
    const record = newRecord();
    takeOver(record, 'lost');
    expect(beginPreHook(strict, record, 'lost', at(0))?.key).toBe('pre/0/0');
    expect(quiesce(strict, record, 'next', () => DONE)).toEqual(['pre/1/0']);
    expect(record.runs['pre/0/0']?.result).toMatchObject({ state: 'unknown', code: 'HookUnfinished' });
    expect(podFailed(strict, record, 0)).toBe(true);
  });

  it('are begun neither by an attempt that was replaced, nor once the release has begun', () => {
    const record = newRecord();
    takeOver(record, 'old');
    takeOver(record, 'new');
    expect(beginPreHook(plan, record, 'old', at(0))).toBeUndefined();
    record.releasing = true;
    expect(beginPreHook(plan, record, 'new', at(0))).toBeUndefined();
    takeOver(record, 'newest');
    expect(record.owner).toBe('new');
  });

  it('keep the result that was written first', () => {
    const record = newRecord();
    takeOver(record, 'old');
    beginPreHook(plan, record, 'old', at(0));
    takeOver(record, 'new');
    endHook(record, 'pre/0/0', 'old', DONE, at(9));
    expect(record.runs['pre/0/0']?.result?.state).toBe('unknown');
  });
});

describe('post-hooks', () => {
  const plan = group(pod('a', [hook()]), pod('b', [hook()], [hook(), hook()]), pod('c', [hook()]));
  const release = (record: HookRecord) => {
    const ran: string[] = [];
    for (
      let step = beginPostHook(plan, record, 'me', at(5));
      step;
      step = beginPostHook(plan, record, 'me', at(5))
    ) {
      ran.push(step.key);
      endHook(record, step.key, 'me', DONE, at(6));
    }
    return ran;
  };

  it('run for every pod that had its turn, also where the pre-hook failed', () => {
    const record = newRecord();
    quiesce(plan, record, 'me', (key) => (key === 'pre/1/0' ? FAILED : DONE));
    expect(release(record)).toEqual(['post/0/0', 'post/1/0', 'post/1/1', 'post/2/0']);
  });

  it('do not run for pods that nobody quiesced', () => {
    const record = newRecord();
    takeOver(record, 'me');
    beginPreHook(plan, record, 'me', at(0));
    expect(release(record)).toEqual(['post/0/0']);
    expect(release(newRecord())).toEqual([]);
  });

  it('that were under way when their attempt was lost are run again, from the same beginning', () => {
    const record = newRecord();
    quiesce(plan, record, 'me', () => DONE);
    expect(beginPostHook(plan, record, 'lost', at(5))?.key).toBe('post/0/0');
    expect(beginPostHook(plan, record, 'next', at(20))?.key).toBe('post/0/0');
    expect(record.runs['post/0/0']).toEqual({ by: 'next', begunAt: at(5) });
    endHook(record, 'post/0/0', 'lost', FAILED, at(21));
    expect(record.runs['post/0/0']?.result).toBeUndefined();
  });
});

describe('the release waits', () => {
  const plan = group(pod('a', [hook(false, 10_000), hook(false, 60_000)]));
  const after = (results: Record<string, HookResult | undefined>) => {
    const record = newRecord();
    for (const [key, result] of Object.entries(results))
      record.runs[key] = { by: 'me', begunAt: at(0), ...(result && { result, endedAt: at(1) }) };
    return mustWait(plan, record, Date.parse(at(4)));
  };

  it.each<[string, Record<string, HookResult | undefined>, number]>([
    ['for nothing, when every pre-hook has ended', { 'pre/0/0': DONE, 'pre/0/1': FAILED }, 0],
    ['for one that runs, until its time is over', { 'pre/0/0': undefined }, 6_000],
    ['for one of unknown fate just so', { 'pre/0/0': UNKNOWN }, 6_000],
    ['for the last of several', { 'pre/0/0': UNKNOWN, 'pre/0/1': undefined }, 56_000],
    ['for nothing, when none was begun', {}, 0],
  ])('%s', (_, results, ms) => expect(after(results)).toBe(ms));
});

/** What may happen to those who run hooks, in any order. */
type Event =
  | { type: 'quiesce'; by: string }
  | { type: 'step'; by: string; result: HookResult }
  | { type: 'release' }
  | { type: 'post'; by: string; ends: boolean };

const events = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant('quiesce' as const), by: fc.constantFrom('a', 'b', 'c') }),
    fc.record({
      type: fc.constant('step' as const),
      by: fc.constantFrom('a', 'b', 'c'),
      result: fc.constantFrom(DONE, FAILED, UNKNOWN),
    }),
    fc.record({ type: fc.constant('release' as const) }),
    fc.record({ type: fc.constant('post' as const), by: fc.constantFrom('p', 'q'), ends: fc.boolean() }),
  ),
  { maxLength: 40 },
);
const plans = fc
  .array(fc.tuple(fc.array(fc.boolean(), { maxLength: 3 }), fc.integer({ min: 0, max: 2 })), {
    minLength: 1,
    maxLength: 4,
  })
  .map((pods) =>
    group(
      ...pods.map(([pre, post], at) =>
        pod(
          `p${at}`,
          pre.map((fails) => hook(fails)),
          Array.from({ length: post }, () => hook()),
        ),
      ),
    ),
  );

/** Plays the events as they would reach the record; `begun` has every hook as often as it was begun. */
function play(plan: GroupHooks, happened: Event[]) {
  const record = newRecord();
  const begun: string[] = [];
  const open = new Map<string, string>();
  const pre = (by: string) => {
    const step = beginPreHook(plan, record, by, at(0));
    if (!step) return;
    begun.push(step.key);
    open.set(by, step.key);
    expect(record.releasing).toBeFalsy();
  };
  for (const event of happened) {
    if (event.type === 'quiesce') {
      takeOver(record, event.by);
      pre(event.by);
    } else if (event.type === 'step') {
      endHook(record, open.get(event.by) ?? '', event.by, event.result, at(1));
      pre(event.by);
    } else if (event.type === 'release') record.releasing = true;
    else if (record.releasing) {
      giveUp(record);
      const step = beginPostHook(plan, record, event.by, at(2));
      if (step) begun.push(step.key);
      if (step && event.ends) endHook(record, step.key, event.by, DONE, at(3));
    }
  }
  return { record, begun };
}

describe('whatever happens to those who run the hooks', () => {
  it('no pre-hook is begun twice, none after the release, and they keep their order', () => {
    fc.assert(
      fc.property(plans, events, (plan, happened) => {
        const pre = play(plan, happened).begun.filter((key) => key.startsWith('pre/'));
        expect(new Set(pre).size).toBe(pre.length);
        const order = stepsOf(plan, 'pre').map(({ key }) => key);
        expect(pre).toEqual([...pre].sort((a, b) => order.indexOf(a) - order.indexOf(b)));
      }),
    );
  });

  it('a release that comes to its end has run every post-hook of each pod of which a pre-hook was begun', () => {
    fc.assert(
      fc.property(plans, events, (plan, happened) => {
        const { begun } = play(plan, [
          ...happened,
          { type: 'release' },
          ...Array.from({ length: 12 }, (): Event => ({ type: 'post', by: 'last', ends: true })),
        ]);
        const touched = new Set(
          begun.filter((key) => key.startsWith('pre/')).map((key) => Number(key.split('/')[1])),
        );
        const due = stepsOf(plan, 'post').filter(({ podAt }) => touched.has(podAt));
        expect(begun).toEqual(expect.arrayContaining(due.map(({ key }) => key)));
      }),
    );
  });
});
