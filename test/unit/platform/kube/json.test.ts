import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cloneJson,
  isRawNumber,
  numberOf,
  parseJson,
  stringifyJson,
} from '../../../../platform/kube/json.ts';

const roundTrip = (text: string) => stringifyJson(parseJson(text));

/** JSON text in which any number may stand, also those that JavaScript would write differently. */
const numberText = fc.oneof(
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  fc.maxSafeInteger().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc
    .tuple(
      fc.constantFrom('', '-'),
      fc.nat(),
      fc.stringMatching(/^(\.\d{1,25})?$/),
      fc.stringMatching(/^([eE][+-]?\d{1,3})?$/),
    )
    .map((parts) => parts.join('')),
);
const keyText = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'a"b', 'c\\', '1'));
const jsonText = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    numberText,
    fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text)),
    fc.string().map((text) => JSON.stringify(`${text}\\"1.0,`)),
    fc.constantFrom('null', 'true', 'false'),
    fc.array(tie('value'), { maxLength: 5 }).map((items) => `[${items.join(',')}]`),
    fc
      .uniqueArray(fc.tuple(keyText, tie('value')), {
        maxLength: 5,
        // Digits-only keys are reordered by every JavaScript engine; Kubernetes objects are maps, their order is free.
        selector: ([key]) => (/^\d+$/.test(key) ? '1' : key),
      })
      .map((pairs) => pairs.toSorted(([a], [b]) => Number(/^\d+$/.test(b)) - Number(/^\d+$/.test(a))))
      .map((pairs) => `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`),
  ),
})).value;

describe('parseJson', () => {
  it('gives back any JSON text as it was', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        expect(roundTrip(text)).toBe(text);
        expect(stringifyJson(parseJson(Buffer.from(text)))).toBe(text);
        expect(stringifyJson(cloneJson(parseJson(text)))).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    '9007199254740993',
    '-9223372036854775808',
    '18446744073709551615',
    '1.0',
    '1e3',
    '1E+3',
    '1.10',
    '-0',
    '-0.0',
    '0.1000',
    '123456789012345678901234567890.5',
    '1e400',
  ])('keeps %s', (text) => {
    expect(roundTrip(`{"a":[${text},{"b":${text}}]}`)).toBe(`{"a":[${text},{"b":${text}}]}`);
    expect(roundTrip(text)).toBe(text);
    expect(isRawNumber(parseJson(text))).toBe(true);
  });

  it.each(['0', '-1', '1.5', '8080', '9007199254740991', '1e+21', '5e-324', '-2.25'])(
    'leaves %s an ordinary number',
    (text) => {
      expect(parseJson(`[${text}, 1.0]`)).toEqual([Number(text), expect.anything()]);
      expect(typeof parseJson(text)).toBe('number');
    },
  );

  it('reads no numbers in strings', () => {
    const text = String.raw`{"k":"\\","v":"9007199254740993 \" 1.0","w":"\\\""}`;
    expect(parseJson(text)).toEqual(JSON.parse(text));
    expect(roundTrip(text)).toBe(text);
  });

  it('skips white space', () => {
    expect(parseJson(' {\n "a" : 1.0 , "b" : [ 1 ] }\t')).toMatchObject({ b: [1] });
  });

  it.each(['', '{', '"', '{"a":1.0', '"\\', '[1.0,]', '01', '1.', '-'])('refuses %j', (text) => {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  });

  it('takes __proto__ for a key like any other', () => {
    for (const text of ['{"__proto__":{"admin":true},"n":1}', '{"__proto__":{"admin":true},"n":1.0}']) {
      const value = parseJson<{ admin?: boolean }>(text);
      expect(value.admin).toBeUndefined();
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(Object.hasOwn(value, '__proto__')).toBe(true);
      expect(stringifyJson(cloneJson(value))).toBe(text);
      expect(stringifyJson({ kind: 'X', ...value })).toBe(`{"kind":"X",${text.slice(1)}`);
    }
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });
});

describe('raw numbers', () => {
  it('are deeply equal when their text is, and have an approximate value', () => {
    const [a, b, c] = parseJson<unknown[]>('[9007199254740993,9007199254740993,9007199254740995]');
    expect(isDeepStrictEqual(a, b)).toBe(true);
    expect(isDeepStrictEqual(a, c)).toBe(false);
    expect(a).toEqual(b);
    expect(numberOf(a)).toBe(9007199254740992);
    expect(numberOf(7)).toBe(7);
    expect(numberOf('7')).toBeUndefined();
    expect(isRawNumber({ rawJSON: '1' })).toBe(false);
  });

  it('survive cloneJson, which shares nothing else', () => {
    const value = parseJson<{ a: unknown[] }>('{"a":[1.0,{"b":null}]}');
    const copy = cloneJson(value);
    copy.a.push(2);
    expect(stringifyJson(value)).toBe('{"a":[1.0,{"b":null}]}');
    expect(stringifyJson(copy)).toBe('{"a":[1.0,{"b":null},2]}');
  });
});
