import { formatDurationNs, parseDurationNs } from '../../core/format/duration.ts';
import { messageOf } from '../../core/errors/catalog.ts';

/** Values of flags. Each parser throws a sentence that tells what was given and what is expected. */

export function parseList(text: string): string[] {
  const items = text.split(',').map((item) => item.trim());
  if (items.includes('')) throw new Error(`"${text}" has an empty entry: write a,b,c`);
  return items;
}

export function parseBoolean(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new Error(`"${text}" is neither true nor false`);
}

export function parseCount(text: string): number {
  if (/^\d{1,6}$/.test(text) && text !== '0') return Number(text);
  throw new Error(`"${text}" is not a whole number above 0`);
}

/** In the canonical form, so that the resource reads the same whoever made it. */
export function parseDurationFlag(text: string): string {
  try {
    const duration = parseDurationNs(text);
    if (duration >= 0n) return formatDurationNs(duration);
  } catch (error) {
    throw new Error(`${messageOf(error)}: write 720h, 1h30m or 90s`, { cause: error });
  }
  throw new Error(`"${text}" is below zero`);
}

function pairs(text: string, separator: string, form: string): [string, string][] {
  return parseList(text).map((item) => {
    const at = item.indexOf(separator);
    const pair: [string, string] = [item.slice(0, at).trim(), item.slice(at + 1).trim()];
    if (at < 1 || pair[0] === '') throw new Error(`"${item}" is no pair: write ${form}`);
    return pair;
  });
}

function unique(entries: [string, string][]): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [key, value] of entries) {
    if (Object.hasOwn(result, key) && result[key] !== value) throw new Error(`"${key}" is given twice`);
    result[key] = value;
  }
  return result;
}

const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** `old:new,old2:new2`. */
export function parseMappings(text: string): Record<string, string> {
  const mappings = unique(pairs(text, ':', 'old:new,old2:new2'));
  for (const name of Object.entries(mappings).flat()) {
    if (!NAMESPACE.test(name)) throw new Error(`"${name}" is not the name of a namespace`);
  }
  return mappings;
}

/** `a=1,b=2`, for labels and annotations. */
export const parsePairs = (text: string): Record<string, string> => unique(pairs(text, '=', 'a=1,b=2'));

const OBJECT_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

export function parseName(text: string): string {
  if (text.length <= 253 && OBJECT_NAME.test(text)) return text;
  throw new Error(`"${text}" is not a name: lower-case letters, digits, "-" and ".", at most 253 characters`);
}
