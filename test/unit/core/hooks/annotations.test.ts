import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { annotatedHook } from '../../../../core/hooks/annotations.ts';

const PRE = 'pre.hook.backup.velero.io';
const POST = 'post.hook.backup.velero.io';
const OLD = 'hook.backup.velero.io';

const annotations = (prefix: string, fields: Record<string, string>) =>
  Object.fromEntries(Object.entries(fields).map(([field, value]) => [`${prefix}/${field}`, value]));
const hookOf = (from: Record<string, string>, phase: 'pre' | 'post' = 'pre') =>
  annotatedHook(from, phase).hook;

describe('the hook of an annotation', () => {
  it('is there when there is a command, and then with all defaults', () => {
    expect(annotatedHook(annotations(PRE, { command: '/bin/freeze' }), 'pre')).toEqual({
      hook: {
        source: 'annotation',
        name: '',
        index: 0,
        container: '',
        command: ['/bin/freeze'],
        fails: false,
        timeoutMs: 30_000,
      },
      faults: [],
    });
  });

  it.each([
    ['no annotation', {}],
    ['an empty command', annotations(PRE, { command: '' })],
    ['everything but a command', annotations(PRE, { container: 'db', timeout: '1m', 'on-error': 'Fail' })],
    ['a command of the other phase', annotations(POST, { command: 'x' })],
  ])('is not there with %s', (_, from) => {
    expect(annotatedHook(from, 'pre')).toEqual({ faults: [] });
  });

  it.each([
    ['one program, without a shell', 'fsfreeze --freeze /data', ['fsfreeze --freeze /data']],
    ['a JSON array', '["fsfreeze","--freeze","/data"]', ['fsfreeze', '--freeze', '/data']],
    ['a broken array, as it stands', '["fsfreeze"', ['["fsfreeze"']],
    ['an array of other things than strings, as it stands', '["sleep", 1]', ['["sleep", 1]']],
    ['a test command that only looks like an array', '[ -e /x ]', ['[ -e /x ]']],
  ])('takes as command %s', (_, command, parsed) => {
    expect(hookOf(annotations(PRE, { command }))?.command).toEqual(parsed);
  });

  it('has the container, the consequence and the time that the annotations name', () => {
    const fields = { command: 'x', container: 'db', 'on-error': 'Fail', timeout: '1m30s' };
    expect(hookOf(annotations(POST, fields), 'post')).toMatchObject({
      container: 'db',
      fails: true,
      timeoutMs: 90_000,
    });
  });

  it('may have the old names, which mean the hook before', () => {
    const old = annotations(OLD, { command: 'old', timeout: '5s' });
    expect(hookOf(old)).toMatchObject({ command: ['old'], timeoutMs: 5_000 });
    expect(hookOf(old, 'post')).toBeUndefined();
  });

  it('is the one of the new names where there are both, with none of the old fields', () => {
    const both = {
      ...annotations(OLD, { command: 'old', timeout: '5s' }),
      ...annotations(PRE, { command: 'new' }),
    };
    expect(hookOf(both)).toMatchObject({ command: ['new'], timeoutMs: 30_000 });
  });

  it.each([
    ['soon', 'invalid duration "soon"'],
    ['-5s', 'must not be negative'],
    ['25h', 'must be at most 24h0m0s'],
  ])('takes the default for the time "%s" and says so', (timeout, fault) => {
    const { hook, faults } = annotatedHook(annotations(PRE, { command: 'x', timeout }), 'pre');
    expect(hook?.timeoutMs).toBe(30_000);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain('pre.hook.backup.velero.io/timeout');
    expect(faults[0]).toContain(fault);
  });

  it('is only failed by the word Fail; another word is said to be wrong', () => {
    const of = (value: string) => annotatedHook(annotations(PRE, { command: 'x', 'on-error': value }), 'pre');
    expect(of('Fail').hook?.fails).toBe(true);
    expect(of('Continue')).toMatchObject({ hook: { fails: false }, faults: [] });
    expect(of('fail').hook?.fails).toBe(false);
    expect(of('fail').faults[0]).toContain('"fail" is neither Continue nor Fail');
  });

  it('never fails to be read, whatever the annotations hold', () => {
    const text = fc.oneof(fc.string(), fc.json());
    fc.assert(
      fc.property(text, text, text, text, (command, container, onError, timeout) => {
        const fields = { command, container, 'on-error': onError, timeout };
        const hook = hookOf(annotations(PRE, fields));
        expect(hook === undefined).toBe(command === '');
        if (hook) expect(hook.timeoutMs).toBeGreaterThan(0);
      }),
    );
  });
});
