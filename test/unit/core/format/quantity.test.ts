import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatQuantity, parseQuantity, quantityBytes } from '../../../../core/format/quantity.ts';

describe('quantities', () => {
  it.each([
    ['10Gi', 10n * 2n ** 30n],
    ['1Ki', 1024n],
    ['1.5Gi', 3n * 2n ** 29n],
    ['500M', 500_000_000n],
    ['1k', 1000n],
    ['1E', 10n ** 18n],
    ['1E3', 1000n],
    ['1.5e3', 1500n],
    ['15e-1', 2n],
    ['100m', 1n],
    ['1001m', 2n],
    ['-1001m', -2n],
    ['1u', 1n],
    ['1n', 1n],
    ['0', 0n],
    ['0.0Gi', 0n],
    ['.5Ki', 512n],
    ['5.', 5n],
    ['+7', 7n],
    ['9223372036854775807', 2n ** 63n - 1n],
    ['8Ei', 2n ** 63n - 1n],
    ['1e999999999', 2n ** 63n - 1n],
    ['1e-999999999', 1n],
    ['0e999999999', 0n],
  ])('%s', (text, value) => expect(parseQuantity(text)).toBe(value));

  it.each([
    '',
    'Gi',
    '1 Gi',
    '1gi',
    '1KB',
    '1e',
    '1ee3',
    '--1',
    '1.2.3',
    'NaN',
    '1e9999999999',
    '1constructor',
  ])('%j is refused', (text) => expect(() => parseQuantity(text)).toThrow(/^invalid quantity/));

  it('is cheap for texts of any length', () => {
    expect(() => parseQuantity('9'.repeat(1_000_000))).toThrow(/^invalid quantity/);
  });

  it('as a number of bytes', () => expect(quantityBytes('200Gi')).toBe(200 * 2 ** 30));

  it('comes back the same from the canonical text', () => {
    expect([0n, 1000n, 1024n, 1572864000n, 2n ** 60n].map(formatQuantity)).toEqual([
      '0',
      '1000',
      '1Ki',
      '1500Mi',
      '1Ei',
    ]);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (bytes) => {
        expect(parseQuantity(formatQuantity(bytes))).toBe(bytes);
      }),
    );
  });

  it('never rounds towards zero', () => {
    const parts = fc.tuple(fc.nat(10 ** 9), fc.nat(999), fc.constantFrom('', 'k', 'M', 'm', 'Ki'));
    fc.assert(
      fc.property(parts, ([whole, fraction, suffix]) => {
        // In millionths, because doubles are not exact here.
        const factor = { '': 1_000n, k: 1_000_000n, M: 1_000_000_000n, m: 1n, Ki: 1_024_000n }[suffix] ?? 0n;
        const exact = BigInt(whole * 1000 + fraction) * factor;
        const value = parseQuantity(`${whole}.${String(fraction).padStart(3, '0')}${suffix}`) * 1_000_000n;
        expect(value).toBeGreaterThanOrEqual(exact);
        expect(value - exact).toBeLessThan(1_000_000n);
      }),
    );
  });
});
