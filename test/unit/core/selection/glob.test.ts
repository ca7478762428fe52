import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  globTest,
  isGlob,
  listErrors,
  NameFilter,
  namespacePatternError,
} from '../../../../core/selection/glob.ts';

/** The same language said as briefly as possible: tries every way, which takes long for long patterns. */
function naive(pattern: string, name: string): boolean {
  const [head, tail] = [pattern.charAt(0), pattern.slice(1)];
  if (head === '') return name === '';
  if (head === '*') {
    return [...Array(name.length + 1).keys()].some((taken) => naive(tail, name.slice(taken)));
  }
  const set = /^\[(.[^\]]*)\]/s.exec(pattern);
  if (set) {
    const letters = expand(set[1] ?? '');
    return (
      name !== '' && letters.includes(name.charAt(0)) && naive(pattern.slice(set[0].length), name.slice(1))
    );
  }
  return name !== '' && (head === '?' || head === name.charAt(0)) && naive(tail, name.slice(1));
}

/** `a-c1` → `abc1` */
function expand(set: string): string {
  const range = /^(.)-(.)/s.exec(set);
  if (!range) return set === '' ? '' : set.charAt(0) + expand(set.slice(1));
  const [low, high] = [set.charCodeAt(0), set.charCodeAt(2)];
  const letters = Array.from({ length: Math.max(0, high - low + 1) }, (_, at) =>
    String.fromCharCode(low + at),
  );
  return letters.join('') + expand(set.slice(3));
}

const letters = (text: string) => fc.constantFrom(...text.split(''));
const names = fc.string({ unit: letters('abc.-]^'), maxLength: 8 });
const pieces = fc.constantFrom(
  '*',
  '?',
  '[ab]',
  '[a-c]',
  '[c-a]',
  '[',
  ']',
  '[^a]',
  '[a-]',
  '[-a]',
  '[]b]',
  '\\',
);
const patterns = fc
  .array(fc.oneof(pieces, letters('abc.-^$+(){}|/')), { maxLength: 7 })
  .map((parts) => parts.join(''));

describe('a pattern', () => {
  it.each([
    ['web', 'web', true],
    ['web', 'webs', false],
    ['web', 'my-web', false],
    ['web*', 'web', true],
    ['web*', 'web-1.example', true],
    ['*', '', true],
    ['*', 'a\nb', true],
    ['w?b', 'wxb', true],
    ['w?b', 'wb', false],
    ['[wv]eb', 'veb', true],
    ['[a-f]eb', 'web', false],
    ['[0-9a-f]', 'b', true],
    ['[a-c-]', '-', true],
    ['a.b', 'axb', false],
    ['a+', 'aa', false],
    ['*.apps', 'deployments.apps', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-b-b', false],
    ['[z-a]', 'k', false],
    ['[a', '[a', true],
  ])('%j on %j: %j', (pattern, name, expected) => expect(globTest(pattern)(name)).toBe(expected));

  it('matches what the naive matcher matches', () => {
    fc.assert(
      fc.property(patterns, names, (pattern, name) => {
        expect(globTest(pattern)(name)).toBe(naive(pattern, name));
      }),
      { numRuns: 3000 },
    );
  });

  it('matches the names made from it', () => {
    const parts = fc.array(
      fc.oneof(
        fc.string({ unit: letters('abc.-'), maxLength: 4 }).map((text) => [text, text]),
        fc.string({ unit: letters('abc.-'), maxLength: 4 }).map((text) => ['*', text]),
        letters('abc').map((char) => ['?', char]),
        letters('abc').map((char) => ['[a-c]', char]),
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(parts, (made) => {
        const pattern = made.map(([piece]) => piece).join('');
        expect(globTest(pattern)(made.map(([, text]) => text).join(''))).toBe(true);
      }),
    );
  });

  it('takes no longer for a hostile one', () => {
    const started = performance.now();
    const long = 'a'.repeat(253);
    for (const hostile of ['*a'.repeat(60), '*'.repeat(200), 'a*'.repeat(60), '?*'.repeat(60)]) {
      expect(globTest(`${hostile}b`)(long)).toBe(false);
    }
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('never throws, whatever it holds', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (pattern, name) => void globTest(pattern)(name)));
  });

  it('is one only with a wildcard', () => {
    expect(['*', 'a?', '[a]', 'a[b'].every(isGlob)).toBe(true);
    expect(['', 'web', 'a.b-c', 'a]'].some(isGlob)).toBe(false);
  });
});

describe('include and exclude lists', () => {
  it('let everything through when they are empty', () => {
    expect(new NameFilter().test('web')).toBe(true);
    expect(new NameFilter(['*']).test('web')).toBe(true);
  });

  it('let excludes win', () => {
    const filter = new NameFilter(['shop-*', 'web'], ['shop-test', '*-old']);
    expect(['shop-1', 'web', 'shop-test', 'shop-old', 'other'].filter((name) => filter.test(name))).toEqual([
      'shop-1',
      'web',
    ]);
    expect(filter.excludesName('other-old')).toBe(true);
    expect(filter.excludesName('other')).toBe(false);
  });

  it.each([
    [[], [], true],
    [['*'], [], true],
    [['*'], ['a'], false],
    [['a'], [], false],
    [['*', 'a'], [], false],
  ])('%j without %j is everything: %j', (includes, excludes, expected) =>
    expect(new NameFilter(includes, excludes).everything).toBe(expected),
  );

  it('agree with each pattern by itself', () => {
    const lists = fc.array(patterns, { maxLength: 3 });
    fc.assert(
      fc.property(lists, lists, names, (includes, excludes, name) => {
        const included = includes.length === 0 || includes.some((pattern) => globTest(pattern)(name));
        const excluded = excludes.some((pattern) => globTest(pattern)(name));
        expect(new NameFilter(includes, excludes).test(name)).toBe(included && !excluded);
      }),
    );
  });
});

describe('faults of namespace patterns', () => {
  const unsupported = 'wildcard pattern contains unsupported characters: |, (, ), !, {, }, ,';
  it.each([
    ['a|b', unsupported],
    ['(a)', unsupported],
    ['[!a]', unsupported],
    ['{a,b}', unsupported],
    ['a,b', unsupported],
    ['a**', 'wildcard pattern contains consecutive asterisks (only single * allowed)'],
    ['a[]', "wildcard pattern contains empty bracket pattern '[]'"],
    ['a[b', "wildcard pattern contains unclosed bracket '['"],
    ['a]b', "wildcard pattern contains unmatched closing bracket ']'"],
    ['Web', 'invalid namespace "Web": '],
    ['-web', 'invalid namespace "-web": '],
    ['web-', 'invalid namespace "web-": '],
    ['a.b', 'invalid namespace "a.b": '],
    ['a b*', 'invalid namespace "a b*": '],
    ['a'.repeat(64), `invalid namespace "${'a'.repeat(64)}": `],
  ])('%j', (pattern, message) => expect(namespacePatternError(pattern)?.startsWith(message)).toBe(true));

  it.each(['', '*', 'web', 'web-*', '*-web', '?', '[ab]-web', 'web-[0-9]', 'a'.repeat(63)])(
    '%j has none',
    (pattern) => expect(namespacePatternError(pattern)).toBeUndefined(),
  );
});

describe('faults of a pair of lists', () => {
  it.each<[string[], string[], string[]]>([
    [[], [], []],
    [['*'], ['a'], []],
    [['*', 'a'], [], ["includes list must either contain '*' only, or a non-empty list of items"]],
    [['a'], ['*'], ["excludes list cannot contain '*'"]],
    [['a', 'b'], ['b', 'c'], ['excludes list cannot contain an item in the includes list: b']],
    [['[a-c]'], ['[z-a]x'], ['wildcard pattern contains a range that runs backwards: [z-a]x']],
  ])('%j without %j', (includes, excludes, errors) => expect(listErrors(includes, excludes)).toEqual(errors));

  it('are all named', () => {
    expect(listErrors(['*', 'a'], ['*', 'a'])).toHaveLength(3);
  });
});
