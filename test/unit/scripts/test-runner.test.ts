import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { longestFirst } from '../../../scripts/test/order.ts';
import { prefixed } from '../../../scripts/test/program.ts';
import { lastLines, outcomeOf, outcomeOfChecks, placesIn } from '../../../scripts/test/report.ts';
import type { FileReport } from '../../../scripts/test/report.ts';
import { SECONDS } from '../../../scripts/test/seconds.ts';
import { summary } from '../../../scripts/test/summary.ts';

const fault = (message: string) => ({ message, places: [] });
const report = (file: Partial<FileReport>) => ({
  files: [{ file: 'a.test.ts', suites: [], tests: [], ...file }],
  errors: [],
});
const inState = (state: 'passed' | 'failed' | 'skipped' | 'pending', name = 'one') => ({
  name,
  state,
  errors: [],
});

describe('the outcome of a run', () => {
  it('counts what passed and what was skipped, by name', () => {
    const tests = [inState('passed'), inState('passed', 'two'), inState('skipped', 'three')];
    expect(outcomeOf(report({ tests }), 'unit')).toEqual({
      passed: 2,
      failures: [],
      skipped: ['a.test.ts > three'],
    });
  });

  it('has message, place and difference of a failed test', () => {
    const error = {
      message: 'AssertionError: \u001b[31mno\u001b[39m',
      places: [
        join(process.cwd(), 'node_modules/x.js:1:1'),
        join(process.cwd(), 'test/support/world.ts:3:4'),
        join(process.cwd(), 'test/e2e/a.test.ts:5:6'),
      ],
      diff: '\u001b[32m- 1\u001b[39m\n\n+ 2',
      cause: 'refused',
    };
    const tests = [{ ...inState('failed'), errors: [error] }];
    expect(outcomeOf(report({ tests }), 'unit').failures).toEqual([
      {
        name: 'a.test.ts > one',
        details: [
          'AssertionError: no',
          'caused by: refused',
          'at test/support/world.ts:3:4',
          'at test/e2e/a.test.ts:5:6',
          '- 1',
          '+ 2',
        ],
      },
    ]);
  });

  it('shows of a long difference what differs, and not all of a long message', () => {
    const message = Array.from({ length: 30 }, (_, at) => `word ${at}`).join('\n');
    const diff = [...Array.from({ length: 50 }, (_, at) => `  same ${at}`), '- a', '+ b'].join('\n');
    const tests = [{ ...inState('failed'), errors: [{ ...fault(message), diff }] }];
    const [first] = outcomeOf(report({ tests }), 'unit').failures;
    expect(first?.details).toEqual([
      ...Array.from({ length: 6 }, (_, at) => `word ${at}`),
      '… 24 more lines',
      '- a',
      '+ b',
    ]);
  });

  it.each([
    ['a file of which all is skipped', { tests: [inState('skipped')] }, 'all its tests were skipped'],
    ['a file without a test', {}, 'it has no test'],
    ['a file that does not load', { suites: [{ name: '', errors: [fault('broken')] }] }, 'a.test.ts'],
    ['a test without an end', { tests: [inState('passed'), inState('pending')] }, 'ended before its tests'],
  ])('is a failure for %s', (_, file, words) => {
    const { failures } = outcomeOf(report(file), 'unit');
    expect(failures.map(({ name }) => name)).toEqual([expect.stringContaining(words)]);
  });

  it('is a failed suite, not tests that were skipped, when its preparation fails', () => {
    const suites = [{ name: 'with a lab', errors: [fault('no lab')] }];
    const tests = [inState('skipped', 'with a lab > one')];
    expect(outcomeOf(report({ suites, tests }), 'e2e')).toEqual({
      passed: 0,
      failures: [{ name: 'a.test.ts > with a lab', details: ['no lab'] }],
      skipped: [],
    });
  });

  it('is a failure when nothing ran, and when something fails outside of a test', () => {
    const nothing = outcomeOf({ files: [], errors: [] }, 'e2e a.test.ts');
    expect(nothing.failures.map(({ name }) => name)).toEqual(['e2e a.test.ts ran no test']);
    const lost = outcomeOf({ ...report({ tests: [inState('passed')] }), errors: [fault('lost')] }, 'e2e');
    expect(lost).toMatchObject({ passed: 1, failures: [{ details: ['lost'] }] });
  });
});

it('the places of a stack are its files, without those of Node', () => {
  const stack = [
    'Error: x',
    '    at run (file:///a/b.ts:1:2)',
    '    at /a/c.ts:3:4',
    '    at process.processTicksAndRejections (node:internal/process/task_queues:104:5)',
  ].join('\n');
  expect(placesIn(stack)).toEqual(['/a/b.ts:1:2', '/a/c.ts:3:4']);
});

describe('the outcome of the static checks', () => {
  it('has the words of those that failed', () => {
    const output =
      '✓ lint (1.0 s)\n✗ types (2.0 s)\na.ts(1,2): error\nb.ts(3,4): error\n✓ format (1.0 s)\n2 passed, 1 failed\n';
    expect(outcomeOfChecks(output, 1)).toEqual({
      passed: 2,
      failures: [{ name: 'check types (2.0 s)', details: ['a.ts(1,2): error', 'b.ts(3,4): error'] }],
      skipped: [],
    });
  });

  it('does not take the count for words of the last', () => {
    expect(outcomeOfChecks('✗ types (2.0 s)\n0 passed, 1 failed\n', 1).failures).toEqual([
      { name: 'check types (2.0 s)', details: [] },
    ]);
  });

  it('is a failure when they end without any count', () => {
    expect(outcomeOfChecks('cannot find node', 1).failures).toEqual([
      { name: 'check ended with 1', details: ['cannot find node'] },
    ]);
  });
});

describe('the summary', () => {
  const failures = (count: number, details: number) =>
    Array.from({ length: count }, (_, at) => ({
      name: `test ${at}`,
      details: Array.from({ length: details }, () => 'word'),
    }));
  const linesOf = (count: number, details: number) =>
    summary({ passed: 1, failures: failures(count, details), skipped: [] }, 60_000).split('\n');

  it('ends with the count, after what was skipped and what failed', () => {
    expect(summary({ passed: 3, failures: failures(1, 1), skipped: ['left out'] }, 90_000)).toBe(
      '\nskipped:\n  left out\n\nfailed:\n  test 0\n      word\n\nall took 1.5 minutes\n3 passed, 1 failed\n',
    );
  });

  it.each([1, 7, 40, 119, 120, 500])('of %i failures is short', (count) => {
    expect(linesOf(count, 15).length).toBeLessThanOrEqual(128);
  });

  it('names all that it can', () => {
    expect(linesOf(100, 15).filter((line) => line.startsWith('  test'))).toHaveLength(100);
    expect(linesOf(500, 15)).toContain('  and 380 more');
  });
});

it('the longest files are first, and those without a number last', () => {
  const slowest = Object.keys(SECONDS).toSorted((a, b) => (SECONDS[b] ?? 0) - (SECONDS[a] ?? 0));
  const jobs = ['x', ...slowest.toReversed()].map((file) => ({ file }));
  const seconds = longestFirst(jobs).map(({ file }) => SECONDS[file]);
  expect(seconds).toEqual([...slowest.map((file) => SECONDS[file]), undefined]);
});

it('the files with a number are there', () => {
  expect(Object.keys(SECONDS).filter((file) => !existsSync(file))).toEqual([]);
});

it('what runs beside others is shown in whole lines with its name', () => {
  let shown = '';
  const show = prefixed('lab-2', (text) => (shown += text));
  for (const text of ['one\ntw', 'o\n', 'three']) show(text);
  expect(shown).toBe('lab-2 | one\nlab-2 | two\n');
  expect(lastLines('a\nb\nc\n', 2)).toEqual(['b', 'c']);
});
