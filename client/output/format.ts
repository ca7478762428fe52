import { selectorText } from '../../core/selection/label-selector.ts';
import type { LabelSelector } from '../../contracts/api/index.ts';

/** Numbers, times and lists for people. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${UNITS[unit]}`;
}

/** `850ms`, `12s`, `3m05s`, `2h07m`, `30d`. */
export function formatElapsed(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))}ms`;
  const seconds = Math.round(milliseconds / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  const hours = Math.floor(seconds / 3600);
  return hours < 72 ? `${hours}h${two(Math.floor((seconds % 3600) / 60))}m` : `${Math.floor(hours / 24)}d`;
}

/** Time between two timestamps of the API; undefined when either is missing. */
export function between(start: string | undefined, end: string | undefined): number | undefined {
  return start === undefined || end === undefined ? undefined : Date.parse(end) - Date.parse(start);
}

export function formatAge(timestamp: string | undefined, now: number): string {
  return timestamp === undefined ? '' : formatElapsed(now - Date.parse(timestamp));
}

export const formatList = (items: readonly string[] | undefined, none: string): string =>
  items && items.length > 0 ? items.join(', ') : none;

export function formatSelectors(one: LabelSelector | undefined, any: LabelSelector[] | undefined): string {
  if (one) return selectorText(one) || '<none>';
  if (any?.length) return any.map(selectorText).join(' or ');
  return '<none>';
}

/** Messages of drivers and servers may have line breaks; a line of ours has one at its end. */
export const oneLine = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, ' ');

/** Text from the bucket, which others can write: what would steer a terminal is shown instead. */
export const printable = (text: string): string =>
  text.replaceAll(
    /(?![\n\t])\p{Cc}|\p{Bidi_Control}/gu,
    (character) => `\\x${character.codePointAt(0)!.toString(16).padStart(2, '0')}`,
  );
