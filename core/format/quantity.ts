import { CaravelError } from '../errors/catalog.ts';

/** Kubernetes quantities (`10Gi`, `500M`, `1.5e3`, `100m`), as whole numbers: fractions round up, as Kubernetes does. */

interface Scale {
  base: 2n | 10n;
  exponent: number;
}

const SCALES: Record<string, Scale> = {
  n: { base: 10n, exponent: -9 },
  u: { base: 10n, exponent: -6 },
  m: { base: 10n, exponent: -3 },
  '': { base: 10n, exponent: 0 },
  k: { base: 10n, exponent: 3 },
  M: { base: 10n, exponent: 6 },
  G: { base: 10n, exponent: 9 },
  T: { base: 10n, exponent: 12 },
  P: { base: 10n, exponent: 15 },
  E: { base: 10n, exponent: 18 },
  Ki: { base: 2n, exponent: 10 },
  Mi: { base: 2n, exponent: 20 },
  Gi: { base: 2n, exponent: 30 },
  Ti: { base: 2n, exponent: 40 },
  Pi: { base: 2n, exponent: 50 },
  Ei: { base: 2n, exponent: 60 },
};

const SHAPE = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,9})|([a-zA-Z]*))$/;
/** Kubernetes' own ceiling. */
const LARGEST = 2n ** 63n - 1n;
/** More digits than any quantity has; keeps the arithmetic cheap for any input. */
const LONGEST_TEXT = 128;

export function parseQuantity(text: string): bigint {
  const shape = text.length <= LONGEST_TEXT ? SHAPE.exec(text) : null;
  const scale = shape ? scaleOf(shape[3], shape[4] ?? '') : undefined;
  if (!shape || !scale) {
    throw new CaravelError(
      'InvalidInput',
      `invalid quantity "${text.slice(0, 64)}": expected a number such as 10Gi or 500M`,
    );
  }
  const [whole = '', fraction = ''] = shape[2]!.split('.');
  const size = scaled(BigInt(whole + fraction), fraction.length, scale);
  const capped = size > LARGEST ? LARGEST : size;
  return shape[1] === '-' ? -capped : capped;
}

/** The quantity as a number of bytes; beyond 8 PiB a number is no longer exact, which sizes do not mind. */
export const quantityBytes = (text: string): number => Number(parseQuantity(text));

/** Canonical binary form: the largest binary unit that divides the size evenly, so `10Gi`, `1500Mi`, `1000`. */
export function formatQuantity(bytes: bigint): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
  let value = bytes;
  let unit = 0;
  while (value !== 0n && value % 1024n === 0n && unit < units.length - 1) {
    value /= 1024n;
    unit += 1;
  }
  return `${value}${units[unit]}`;
}

function scaleOf(exponent: string | undefined, suffix: string): Scale | undefined {
  if (exponent === undefined) return Object.hasOwn(SCALES, suffix) ? SCALES[suffix] : undefined;
  return { base: 10n, exponent: Number(exponent) };
}

/** `digits / 10^decimals × scale`, rounded away from zero (digits are never negative). */
function scaled(digits: bigint, decimals: number, scale: Scale): bigint {
  if (digits === 0n) return 0n;
  // Far outside the range either way; spares powers with millions of digits.
  if (scale.exponent > 2 * LONGEST_TEXT) return LARGEST;
  if (scale.exponent < -2 * LONGEST_TEXT) return 1n;
  const down = 10n ** BigInt(decimals) * (scale.exponent < 0 ? scale.base ** BigInt(-scale.exponent) : 1n);
  const up = scale.exponent > 0 ? scale.base ** BigInt(scale.exponent) : 1n;
  return (digits * up + down - 1n) / down;
}
