import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonEqual, mergePatch } from '../../../../core/restore/json-equal.ts';
import { isPart } from '../../../../core/transform/manifest.ts';
import type { Part } from '../../../../core/transform/manifest.ts';

const raw = (text: string) => (JSON as unknown as { rawJSON(text: string): object }).rawJSON(text);

/** RFC 7386, as the standard has it. */
function applied(target: unknown, patch: unknown): unknown {
  if (!isPart(patch)) return patch;
  const result: Part = isPart(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = applied(result[key], value);
  }
  return result;
}

const { object } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('a', 'b', 1, 2, true, false, null),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.constantFrom('x', 'y', 'z', 'constructor'), tie('value'), { maxKeys: 3 }),
}));
const objects = object as fc.Arbitrary<Part>;

describe('jsonEqual', () => {
  it.each<[unknown, unknown, boolean]>([
    [undefined, null, true],
    [undefined, [], true],
    [undefined, {}, true],
    [{ a: null, b: [], c: {} }, {}, true],
    [{ a: '' }, {}, false],
    [{ a: 0 }, {}, false],
    [{ a: false }, {}, false],
    [[1, 2], [2, 1], false],
    [[], {}, true],
    [[1], { 0: 1 }, false],
    ['1', 1, false],
    [{ a: { b: 1 } }, { a: { b: 1, c: undefined } }, true],
    [raw('9007199254740993'), raw('9007199254740993'), true],
    [raw('9007199254740993'), raw('9007199254740992'), false],
    [{ toString: 1 }, {}, false],
  ])('%j and %j: %s', (a, b, equal) => {
    expect(jsonEqual(a, b)).toBe(equal);
    expect(jsonEqual(b, a)).toBe(equal);
  });

  it('is reflexive', () => {
    fc.assert(fc.property(objects, (value) => jsonEqual(value, structuredClone(value))));
  });
});

describe('mergePatch', () => {
  it('makes the one of the other', () => {
    fc.assert(
      fc.property(objects, objects, (from, to) => {
        const patch = mergePatch(from, to);
        expect(jsonEqual(applied(from, patch ?? {}), applied({}, to))).toBe(true);
        expect(patch === undefined).toBe(jsonEqual(from, to));
      }),
    );
  });

  it('takes numbers beyond JavaScript as values', () => {
    const to = { spec: { serial: raw('9007199254740993') } };
    expect(JSON.stringify(mergePatch({ spec: { serial: raw('9007199254740991'), gone: 1 } }, to))).toBe(
      '{"spec":{"serial":9007199254740993,"gone":null}}',
    );
  });
});
