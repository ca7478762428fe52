import { CaravelError } from '../errors/catalog.ts';

/**
 * Durations as Go writes and reads them; Velero's resources and files hold nothing else. Nanoseconds are bigint,
 * because Go's range (292 years) does not fit a number.
 */

const UNITS: Record<string, bigint> = {
  ns: 1n,
  us: 1_000n,
  // Both code points that print as a micro sign.
  '\u00b5s': 1_000n,
  '\u03bcs': 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const LARGEST = 2n ** 63n - 1n;
const SHAPE = /^([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)[^\d.]+)+)$/;
const PART = /(\d*)\.?(\d*)([^\d.]+)/g;
/** Longer texts are no durations; keeps the conversion of digits cheap for any input. */
const LONGEST_TEXT = 256;

const invalid = (text: string, reason: string) =>
  new CaravelError('InvalidInput', `invalid duration "${text.slice(0, 64)}": ${reason}`);

/** Any form Go's ParseDuration takes (`720h`, `1h30m`, `-1.5s`, `500ms`, `0`), in nanoseconds. */
export function parseDurationNs(text: string): bigint {
  if (/^[+-]?0$/.test(text)) return 0n;
  if (text.length > LONGEST_TEXT) throw invalid(text, 'too long');
  const shape = SHAPE.exec(text);
  if (!shape) throw invalid(text, 'expected numbers with units, such as 1h30m');
  const size = [...shape[2]!.matchAll(PART)].reduce((sum, [, whole, fraction, unit]) => {
    return sum + partNs(text, { whole: whole!, fraction: fraction!, unit: unit! });
  }, 0n);
  const negative = shape[1] === '-';
  if (size > (negative ? LARGEST + 1n : LARGEST)) throw invalid(text, 'out of range');
  return negative ? -size : size;
}

function partNs(text: string, part: { whole: string; fraction: string; unit: string }): bigint {
  const size = Object.hasOwn(UNITS, part.unit) ? UNITS[part.unit] : undefined;
  if (size === undefined) throw invalid(text, `unknown unit "${part.unit}"`);
  const fraction = (BigInt(part.fraction || '0') * size) / 10n ** BigInt(part.fraction.length);
  return BigInt(part.whole || '0') * size + fraction;
}

/** Milliseconds; sub-millisecond parts become a fraction. */
export const parseDuration = (text: string): number => Number(parseDurationNs(text)) / 1e6;

/** Go's canonical text: `720h0m0s`, `1m30s`, `1.5s`, `250ms`, `0s`. */
export function formatDurationNs(duration: bigint): string {
  if (duration === 0n) return '0s';
  const sign = duration < 0n ? '-' : '';
  const size = duration < 0n ? -duration : duration;
  if (size < UNITS.us!) return `${sign}${size}ns`;
  if (size < UNITS.ms!) return `${sign}${decimal(size, UNITS.us!)}\u00b5s`;
  if (size < UNITS.s!) return `${sign}${decimal(size, UNITS.ms!)}ms`;
  const hours = size / UNITS.h!;
  const minutes = (size / UNITS.m!) % 60n;
  const seconds = `${decimal(size % UNITS.m!, UNITS.s!)}s`;
  if (hours > 0n) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0n ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

export const formatDuration = (milliseconds: number): string =>
  formatDurationNs(BigInt(Math.round(milliseconds * 1e6)));

/** `value / unit` as a decimal number without trailing zeros; the unit is a power of ten. */
function decimal(value: bigint, unit: bigint): string {
  const rest = value % unit;
  if (rest === 0n) return String(value / unit);
  const digits = String(rest).padStart(String(unit).length - 1, '0');
  return `${value / unit}.${digits.replace(/0+$/, '')}`;
}
