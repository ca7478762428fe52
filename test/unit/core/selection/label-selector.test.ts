import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  labelsSelected,
  selectorErrors,
  selectorMatches,
  selectorText,
} from '../../../../core/selection/label-selector.ts';
import type { Selector } from '../../../../core/selection/label-selector.ts';

/** What the API server makes of the text of a selector. */
function textMatches(text: string, labels: Record<string, string>): boolean {
  const requirements = text.match(/(?:[^,(]|\([^)]*\))+/g) ?? [];
  return requirements.every((requirement) => requirementMatches(requirement, labels));
}

function requirementMatches(text: string, labels: Record<string, string>): boolean {
  const value = (key: string) => new Map(Object.entries(labels)).get(key);
  const set = /^(\S+) (in|notin) \((.*)\)$/.exec(text);
  if (set) {
    const [, key = '', operator, list = ''] = set;
    const found = value(key);
    const among = found !== undefined && list.split(',').includes(found);
    return operator === 'in' ? among : !among;
  }
  const equal = /^([^=]+)=(.*)$/.exec(text);
  if (equal) return value(equal[1] ?? '') === equal[2];
  return text.startsWith('!') ? value(text.slice(1)) === undefined : value(text) !== undefined;
}

const KEYS = ['app', 'tier', 'velero.io/name', 'toString', 'a_b.c'];
const VALUES = ['', 'web', 'db', 'v1.2', 'A_b'];
const key = fc.constantFrom(...KEYS);
const values = fc.uniqueArray(fc.constantFrom(...VALUES), { minLength: 1, maxLength: 3 });
const requirement = fc.oneof(
  fc.record({ key, operator: fc.constantFrom('In', 'NotIn'), values }),
  fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
);
const labels = fc.dictionary(key, fc.constantFrom(...VALUES));
const selectors: fc.Arbitrary<Selector> = fc.record(
  {
    matchLabels: fc.option(labels),
    matchExpressions: fc.option(fc.array(requirement, { maxLength: 3 })),
  },
  { requiredKeys: [] },
);

describe('a label selector', () => {
  it('matches the same objects here as by its text in the API server', () => {
    fc.assert(
      fc.property(selectors, labels, (selector, object) => {
        expect(selectorErrors(selector)).toEqual([]);
        expect(selectorMatches(selector, object)).toBe(textMatches(selectorText(selector), object));
      }),
      { numRuns: 2000 },
    );
  });

  it.each<[Selector, string]>([
    [{}, ''],
    [{ matchLabels: null, matchExpressions: null }, ''],
    [{ matchLabels: { app: 'web', 'a.io/b': '' } }, 'app=web,a.io/b='],
    [{ matchExpressions: [{ key: 'app', operator: 'In', values: ['a', 'b'] }] }, 'app in (a,b)'],
    [{ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['a'] }] }, 'app notin (a)'],
    [{ matchExpressions: [{ key: 'app', operator: 'Exists' }] }, 'app'],
    [{ matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, '!app'],
    [
      { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'Exists' }] },
      'app=web,tier',
    ],
  ])('%j is written as %j', (selector, text) => expect(selectorText(selector)).toBe(text));

  it('that asks for nothing matches everything', () => {
    expect(selectorMatches({}, {})).toBe(true);
    expect(selectorMatches({ matchLabels: {} }, undefined)).toBe(true);
  });

  it('does not take inherited properties for labels', () => {
    expect(selectorMatches({ matchExpressions: [{ key: 'toString', operator: 'Exists' }] }, {})).toBe(false);
    expect(
      selectorMatches({ matchExpressions: [{ key: 'constructor', operator: 'DoesNotExist' }] }, {}),
    ).toBe(true);
  });
});

describe('faults of a selector', () => {
  const key = (text: string) =>
    `"${text}" is not a label key: [prefix/]name of letters, digits, '-', '_' or '.', at most 63 characters`;
  const value = (text: string) =>
    `"${text}" is not a label value: letters, digits, '-', '_' or '.', at most 63 characters`;
  const long = 'a'.repeat(64);

  it.each<[Selector, string[]]>([
    [{ matchLabels: { '': 'a' } }, [key('')]],
    [{ matchLabels: { 'a b': 'a' } }, [key('a b')]],
    [{ matchLabels: { 'a/b/c': 'a' } }, [key('a/b/c')]],
    [{ matchLabels: { '/a': 'a' } }, [key('/a')]],
    [{ matchLabels: { 'A.io/b': 'a' } }, [key('A.io/b')]],
    [{ matchLabels: { [long]: 'a' } }, [key(long)]],
    [{ matchLabels: { app: '-a' } }, [value('-a')]],
    [{ matchLabels: { app: long } }, [value(long)]],
    [{ matchLabels: { app: 'a,tier=b' } }, [value('a,tier=b')]],
    [
      { matchExpressions: [{ key: 'app', operator: 'In', values: [] }] },
      ['operator In on "app" needs at least one value'],
    ],
    [
      { matchExpressions: [{ key: 'app', operator: 'NotIn' }] },
      ['operator NotIn on "app" needs at least one value'],
    ],
    [
      { matchExpressions: [{ key: 'app', operator: 'Exists', values: ['a'] }] },
      ['operator Exists on "app" takes no values'],
    ],
    [
      { matchExpressions: [{ key: 'app', operator: 'in', values: ['a'] }] },
      ['"in" is not a valid label selector operator: In, NotIn, Exists or DoesNotExist'],
    ],
    [
      { matchLabels: { 'a b': '-' }, matchExpressions: [{ key: '!', operator: 'In' }] },
      [key('a b'), value('-'), key('!'), 'operator In on "!" needs at least one value'],
    ],
  ])('%j', (selector, errors) => expect(selectorErrors(selector)).toEqual(errors));

  it('leave no text that says something else than the selector', () => {
    const anything = fc.record({
      matchLabels: fc.dictionary(fc.string(), fc.string(), { maxKeys: 2 }),
      matchExpressions: fc.array(
        fc.record({ key: fc.string(), operator: fc.string(), values: fc.array(fc.string()) }),
        { maxLength: 1 },
      ),
    });
    fc.assert(
      fc.property(anything, (selector) => {
        if (selectorErrors(selector).length > 0) return;
        const count = Object.keys(selector.matchLabels).length + selector.matchExpressions.length;
        const requirements = selectorText(selector).match(/(?:[^,(]|\([^)]*\))+/g) ?? [];
        expect(requirements).toHaveLength(count);
      }),
    );
  });
});

describe('objects selected by a spec', () => {
  const web: Selector = { matchLabels: { app: 'web' } };
  const db: Selector = { matchLabels: { app: 'db' } };

  it.each([
    [{ app: 'web' }, web, undefined, true],
    [{ app: 'db' }, web, undefined, false],
    [{ app: 'db' }, undefined, [web, db], true],
    [{ app: 'x' }, null, [web, db], false],
    [undefined, null, null, true],
    [undefined, undefined, [], true],
    [undefined, web, undefined, false],
    [{ app: 'web' }, {}, [db], true],
  ])('labels %j, one %j, any of %j: %j', (object, one, any, expected) =>
    expect(labelsSelected(object, one, any)).toBe(expected),
  );
});
