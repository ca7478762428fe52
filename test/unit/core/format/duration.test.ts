import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatDuration,
  formatDurationNs,
  parseDuration,
  parseDurationNs,
} from '../../../../core/format/duration.ts';

const HOUR = 3_600_000;
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

describe('durations', () => {
  it.each([
    ['720h', 720 * HOUR, '720h0m0s'],
    ['1h30m', 1.5 * HOUR, '1h30m0s'],
    ['90s', 90_000, '1m30s'],
    ['500ms', 500, '500ms'],
    ['1.5s', 1_500, '1.5s'],
    ['-1.5h', -1.5 * HOUR, '-1h30m0s'],
    ['+5m', 300_000, '5m0s'],
    ['0', 0, '0s'],
    ['-0', 0, '0s'],
    ['0h', 0, '0s'],
    ['.5s', 500, '500ms'],
    ['1.s', 1_000, '1s'],
    ['1us', 0.001, '1\u00b5s'],
    ['1\u00b5s', 0.001, '1\u00b5s'],
    ['1\u03bcs', 0.001, '1\u00b5s'],
    ['1m1.001s', 61_001, '1m1.001s'],
    ['10m0s', 600_000, '10m0s'],
  ])('%s', (text, milliseconds, canonical) => {
    expect(parseDuration(text)).toBe(milliseconds);
    expect(formatDurationNs(parseDurationNs(text))).toBe(canonical);
  });

  it.each([
    '',
    '3',
    '-',
    '.',
    '.s',
    '+.s',
    '1h-3m',
    '1 h',
    '3x',
    '1e3s',
    '1.1.1s',
    'h',
    '9223372036854775808ns',
  ])('%j is refused', (text) => expect(() => parseDurationNs(text)).toThrow(/^invalid duration/));

  it('names what stands on Object.prototype as an unknown unit', () => {
    expect(() => parseDurationNs('1constructor')).toThrow('unknown unit "constructor"');
  });

  it('reaches as far as Go does, both ways', () => {
    expect(parseDurationNs('-9223372036854775808ns')).toBe(-(2n ** 63n));
    expect(formatDurationNs(2n ** 63n - 1n)).toBe('2562047h47m16.854775807s');
  });

  it('comes back the same from its canonical text', () => {
    fc.assert(fc.property(int64, (ns) => parseDurationNs(formatDurationNs(ns)) === ns));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 9 }), (seconds) => {
        expect(parseDuration(formatDuration(seconds * 1000))).toBe(seconds * 1000);
      }),
    );
  });

  it('is canonical in one step', () => {
    fc.assert(
      fc.property(int64, (ns) => {
        const text = formatDurationNs(ns);
        expect(formatDurationNs(parseDurationNs(text))).toBe(text);
      }),
    );
  });

  it('refuses any other text by an InvalidInput error', () => {
    const text = fc.string({ unit: fc.constantFrom(...'0123456789.hmsnuµ+-e '.split('')) });
    fc.assert(
      fc.property(text, (input) => {
        try {
          expect(typeof parseDurationNs(input)).toBe('bigint');
        } catch (error) {
          expect(error).toMatchObject({ code: 'InvalidInput' });
        }
      }),
    );
  });
});
