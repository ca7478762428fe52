import { isPart } from '../transform/manifest.ts';
import type { Part } from '../transform/manifest.ts';

/** Absent, null and empty are the same to the API server; so is what has nothing but such fields. */
const isNothing = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (Array.isArray(value) && value.length === 0) ||
  (isPart(value) && Object.values(value).every(isNothing));

/** Equality of two JSON values, as far as the API tells them apart. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isNothing(a) || isNothing(b)) return isNothing(a) && isNothing(b);
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, at) => jsonEqual(item, b[at]));
  }
  if (isPart(a)) {
    return (
      isPart(b) && [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => sameField(a, b, key))
    );
  }
  return JSON.stringify(a) === JSON.stringify(b);
}

const own = (part: Part, key: string): unknown => (Object.hasOwn(part, key) ? part[key] : undefined);
const sameField = (a: Part, b: Part, key: string) => jsonEqual(own(a, key), own(b, key));

/** The JSON merge patch (RFC 7386) that makes `to` of `from`; undefined when they are equal. */
export function mergePatch(from: Part, to: Part): Part | undefined {
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])].filter(
    (key) => !sameField(from, to, key),
  );
  if (keys.length === 0) return undefined;
  return Object.fromEntries(keys.map((key) => [key, fieldPatch(own(from, key), own(to, key))]));
}

function fieldPatch(from: unknown, to: unknown): unknown {
  if (to === undefined || to === null) return null;
  return isPart(from) && isPart(to) ? mergePatch(from, to) : to;
}
