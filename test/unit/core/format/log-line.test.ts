import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logLine } from '../../../../core/format/log-line.ts';

const time = '2026-05-20T08:00:01Z';

describe('log lines', () => {
  it('have the form that users of Velero know', () => {
    expect(
      logLine(
        { time, level: 'info', msg: 'Writing backup version file' },
        { logSource: 'pkg/backup/backup.go:260', backup: 'velero/shop-1', none: undefined },
      ),
    ).toBe(
      'time="2026-05-20T08:00:01Z" level=info msg="Writing backup version file" backup=velero/shop-1 logSource="pkg/backup/backup.go:260"',
    );
    expect(logLine({ time, level: 'warning', msg: 'done' }, { items: 3, time: 'x' })).toBe(
      'time="2026-05-20T08:00:01Z" level=warning msg=done fields.time=x items=3',
    );
  });

  it('escape as Go does', () => {
    const quoted = (msg: string) =>
      logLine({ time, level: 'error', msg }).slice(`time="${time}" level=error msg=`.length);
    expect(quoted('a "b" \\ \t\n\u0000')).toBe('"a \\"b\\" \\\\ \\t\\n\\x00"');
    expect(quoted('é 日本')).toBe('"é 日本"');
    expect(quoted('a\u00a0b\u2028')).toBe('"a\\u00a0b\\u2028"');
    expect(quoted('x\u{e0001}')).toBe('"x\\U000e0001"');
  });

  it('are one line, whatever the message', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (msg, value) => {
        expect(logLine({ time, level: 'info', msg }, { key: value })).not.toMatch(/[\n\r\u2028\u2029\u0085]/);
      }),
    );
  });
});
