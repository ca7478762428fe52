import { describe, expect, it } from 'vitest';
import type { GroupHooks, Hook } from '../../../../core/hooks/hook.ts';
import { outputOf } from '../../../../core/hooks/output.ts';
import { newRecord } from '../../../../core/hooks/record.ts';
import type { HookRecord, HookResult, HookRun } from '../../../../core/hooks/record.ts';
import { hookReport } from '../../../../core/hooks/report.ts';
import type { ReportInput } from '../../../../core/hooks/report.ts';
import { HookSummary } from '../../../../core/hooks/summary.ts';
import { noFacts } from '../../../../core/plan/facts.ts';

const NOW = '2026-01-01T00:01:00.000Z';
const time = (ms: number) => new Date(Date.parse('2026-01-01T00:00:00.000Z') + ms).toISOString();
const hook = (more: Partial<Hook> = {}): Hook => ({
  source: 'annotation',
  name: '',
  index: 0,
  container: '',
  command: ['secret-argument'],
  fails: false,
  timeoutMs: 30_000,
  ...more,
});
const pod = (name: string, pre: Hook[], post: Hook[]) => ({ namespace: 'shop', name, pre, post });
const ONE: GroupHooks = { group: 4, pods: [pod('db', [hook({ fails: true })], [hook()])] };

const run = (from: number, to: number, result?: HookResult): HookRun => ({
  by: 'me',
  begunAt: time(from),
  ...(result && { endedAt: time(to), result }),
});
const DONE: HookResult = { state: 'done', message: 'ended with exit code 0' };
const BAD: HookResult = { state: 'failed', code: 'HookFailed', message: 'ended with exit code 3: no' };
const record = (runs: HookRecord['runs'], reached = 1): HookRecord => ({ ...newRecord(), reached, runs });
const report = (more: Partial<ReportInput> = {}) =>
  hookReport({ group: ONE, record: newRecord(), now: NOW, released: 'told', ...more });

describe('what is reported of hooks', () => {
  it('when all went well, is how many, and how long the application was quiesced', () => {
    const runs = { 'pre/0/0': run(0, 100, DONE), 'post/0/0': run(700, 850, DONE) };
    expect(report({ record: record(runs) })).toMatchObject({
      group: 4,
      pods: ['shop/db'],
      attempted: 2,
      failed: 0,
      quiescedMs: 850,
      leftOut: [],
      problems: [],
    });
  });

  it('has what each printed and how long it took, but not its command', () => {
    const runs = {
      'pre/0/0': run(0, 100, { ...DONE, output: 'CHECKPOINT' }),
      'post/0/0': run(700, 850, DONE),
    };
    const { lines } = report({ record: record(runs) });
    expect(lines[0]).toMatchObject({
      time: time(0),
      msg: 'pre-hook of the annotation: ended with exit code 0',
      fields: { namespace: 'shop', name: 'db', hookPhase: 'pre', hookMs: '100', hookOutput: 'CHECKPOINT' },
    });
    expect(JSON.stringify(lines)).not.toContain('secret-argument');
  });

  it('is an error for each that failed, whatever its failure means', () => {
    const runs = { 'pre/0/0': run(0, 100, DONE), 'post/0/0': run(700, 850, BAD) };
    const { failed, problems } = report({ record: record(runs) });
    expect(failed).toBe(1);
    expect(problems).toEqual([
      {
        severity: 'error',
        step: 'postHooks',
        code: 'HookFailed',
        message: 'Error executing hook: post-hook of the annotation: ended with exit code 3: no',
        namespace: 'shop',
        resource: 'pods',
        name: 'db',
      },
    ]);
  });

  it('leaves the pod out for a pre-hook that must not fail, with an error of its own', () => {
    const { leftOut, problems } = report({ record: record({ 'pre/0/0': run(0, 100, BAD) }) });
    expect(leftOut).toEqual(['shop/db']);
    expect(problems.map(({ message }) => message.slice(0, 42))).toContain(
      'Error running pre hooks for pod: it is not',
    );
  });

  it('is an error for one that was begun and has no end', () => {
    const { leftOut, problems } = report({ record: record({ 'pre/0/0': run(0, 0) }), released: undefined });
    expect(problems[0]).toMatchObject({ code: 'HookUnfinished', step: 'preHooks' });
    expect(leftOut).toEqual(['shop/db']);
  });

  it('names the cause when hooks could not be run at all', () => {
    const fault = { code: 'QuotaExceeded', message: 'exceeded quota: secrets' } as const;
    const { attempted, failed, leftOut, problems } = report({ fault, released: undefined });
    expect({ attempted, failed, leftOut }).toEqual({ attempted: 1, failed: 1, leftOut: ['shop/db'] });
    expect(problems[0]?.message).toContain('exceeded quota');
  });

  it('counts those behind a failed one as attempted, not as failed', () => {
    const pre = [
      hook({ source: 'spec', name: 'q', fails: true }),
      hook({ source: 'spec', name: 'q', index: 1 }),
    ];
    const group = { group: 0, pods: [pod('db', pre, [])] };
    expect(report({ group, record: record({ 'pre/0/0': run(0, 9, BAD) }) })).toMatchObject({
      attempted: 2,
      failed: 1,
    });
  });

  it('counts as Velero does: two of one name, place and container are one', () => {
    const twice = [hook({ source: 'spec', name: 'same' }), hook({ source: 'spec', name: 'same' })];
    const group = { group: 0, pods: [pod('db', twice, [])] };
    const runs = { 'pre/0/0': run(0, 1, DONE), 'pre/0/1': run(1, 2, DONE) };
    expect(report({ group, record: record(runs) }).attempted).toBe(1);
  });

  it.each([
    ['deadline', 'not cut in time'],
    ['runEnded', 'the run had ended'],
    ['cancelled', 'unquiesce was cancelled'],
  ] as const)('is an error when the application was released early (%s)', (released, why) => {
    const runs = { 'pre/0/0': run(0, 100, DONE), 'post/0/0': run(700, 850, DONE) };
    const { problems } = report({ record: record(runs), released });
    expect(problems).toMatchObject([{ code: 'QuiesceTimeout', severity: 'error', name: 'db' }]);
    expect(problems[0]?.message).toContain(why);
  });

  it('says of a post-hook that is still tried that it was not run so far', () => {
    const { problems } = report({ record: record({ 'pre/0/0': run(0, 1, DONE) }), released: undefined });
    expect(problems[0]).toMatchObject({ code: 'HookNotRun', step: 'postHooks' });
  });
});

describe('all reports together', () => {
  const bad = report({ record: record({ 'pre/0/0': run(0, 100, BAD), 'post/0/0': run(200, 300, DONE) }) });
  const summary = new HookSummary([bad]);

  it('give the numbers of the status, without zeros', () => {
    expect(summary.status).toEqual({ hooksAttempted: 2, hooksFailed: 1 });
    expect(new HookSummary([]).status).toEqual({});
  });

  it('take the pods that are left out from what was exported', () => {
    const shard = {
      segments: [],
      names: { 'v1/Pod': ['shop/db', 'shop/web'], 'v1/Secret': ['shop/db'] },
      items: 3,
      facts: noFacts(),
      problems: [],
      notes: [],
    };
    expect(summary.kept(shard)).toMatchObject({
      names: { 'v1/Pod': ['shop/web'], 'v1/Secret': ['shop/db'] },
      items: 2,
    });
    const onlyDb = { ...shard, names: { 'v1/Pod': ['shop/db'] }, items: 1 };
    expect(summary.kept(onlyDb)).toMatchObject({ names: {}, items: 0 });
    const other = { ...shard, names: { 'v1/Pod': ['bank/db'] } };
    expect(summary.kept(other)).toBe(other);
  });

  it('are lines of the log, one for each hook and one for the time', () => {
    const lines = summary.lines(NOW, 'velero/b');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toContain(
      'msg="pre-hook of the annotation: ended with exit code 3: no" backup=velero/b',
    );
    expect(lines[2]).toContain('msg="quiesced for 300 ms: shop/db"');
  });

  it('show with the resource how long each application was quiesced', () => {
    expect(summary.facts(20)).toEqual([{ pods: 'shop/db', attempted: 2, failed: 1, quiescedMs: 300 }]);
  });
});

describe('the output of a hook', () => {
  it('is both streams', () => expect(outputOf('out\n', 'err\n', 100)).toBe('out\nerr'));
  it('is nothing for a silent one', () => expect(outputOf('\n', '', 100)).toBe(''));
  it('loses its middle when it is too long', () => {
    const text = outputOf(`begin${'x'.repeat(1000)}end`, '', 20);
    expect(text).toBe('beginxxxxx\n… 988 characters left out …\nxxxxxxxend');
  });
});
