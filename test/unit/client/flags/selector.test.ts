import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseOrSelectors, parseSelector } from '../../../../client/flags/selector.ts';
import { selectorMatches } from '../../../../core/selection/label-selector.ts';

describe('parseSelector', () => {
  it.each([
    ['app=web', { matchLabels: { app: 'web' } }],
    ['app==web', { matchLabels: { app: 'web' } }],
    ['app=', { matchLabels: { app: '' } }],
    ['a=1,b=2', { matchLabels: { a: '1', b: '2' } }],
    ['app!=web', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }],
    ['app', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }],
    ['!app', { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }],
    ['x.io/tier in (a, b)', { matchExpressions: [{ key: 'x.io/tier', operator: 'In', values: ['a', 'b'] }] }],
    ['tier notin (a)', { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['a'] }] }],
    [
      'a=1, tier in (x,y), !c',
      {
        matchLabels: { a: '1' },
        matchExpressions: [
          { key: 'tier', operator: 'In', values: ['x', 'y'] },
          { key: 'c', operator: 'DoesNotExist' },
        ],
      },
    ],
    ['a=1,a=2', { matchLabels: { a: '1' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['2'] }] }],
  ])('%s', (text, selector) => {
    expect(parseSelector(text)).toEqual(selector);
  });

  it.each(['', 'a=1,', 'a b', 'a in b', 'a in (b', 'a=b c', 'a>1', '!', '=x', '-a=1', 'a=1=2', 'a in (x y)'])(
    'refuses "%s" and says how it is written',
    (text) => {
      expect(() => parseSelector(text)).toThrow(/write k=v, k!=v, k, !k/);
    },
  );

  it('means what it says for any equality', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,10}$/);
    fc.assert(
      fc.property(fc.dictionary(word, word, { minKeys: 1, maxKeys: 4 }), (labels) => {
        const text = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
        expect(selectorMatches(parseSelector(text.join(',')), labels)).toBe(true);
        expect(selectorMatches(parseSelector(text.join(',')), {})).toBe(false);
      }),
    );
  });

  it('splits alternatives at the word or', () => {
    expect(parseOrSelectors('a=1 or b in (x,y)')).toEqual([
      { matchLabels: { a: '1' } },
      { matchExpressions: [{ key: 'b', operator: 'In', values: ['x', 'y'] }] },
    ]);
  });
});
