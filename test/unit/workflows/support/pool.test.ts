import * as fc from 'fast-check';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { inPool, range, settleAll } from '../../../../workflows/support/pool.ts';

/** Lets everything run that is ready. */
const settled = () => delay(0);

describe('settling all', () => {
  it('returns the results in their order', async () => {
    expect(await settleAll([delay(2, 'a'), Promise.resolve('b')])).toEqual(['a', 'b']);
    expect(await settleAll([])).toEqual([]);
  });

  it('waits for the rest when one fails, then throws the first failure of the list', async () => {
    const done: string[] = [];
    const slow = delay(5).then(() => done.push('slow'));
    const late = delay(3).then(() => Promise.reject(new Error('listed first')));
    const early = Promise.reject(new Error('happened first'));
    await expect(settleAll([slow, late, early])).rejects.toThrow('listed first');
    expect(done).toEqual(['slow']);
  });
});

describe('a pool', () => {
  it('keeps the order of the items, whichever ends first, and never works on more than its limit', async () => {
    const items = fc.array(fc.nat(3), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(items, fc.integer({ min: 1, max: 5 }), async (delays, limit) => {
        let working = 0;
        let most = 0;
        const results = await inPool(delays, limit, async (ticks) => {
          most = Math.max(most, (working += 1));
          for (const _ of range(ticks)) await Promise.resolve();
          working -= 1;
          return ticks * 2;
        });
        expect(results).toEqual(delays.map((ticks) => ticks * 2));
        expect(most).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 50 },
    );
  });

  it('has nothing to do without items', async () => {
    expect(await inPool([], 4, () => Promise.reject(new Error('nobody asked')))).toEqual([]);
  });

  it('works on each item once', async () => {
    const seen: number[] = [];
    await inPool(range(20), 3, async (item) => void seen.push(item));
    expect(seen.toSorted((a, b) => a - b)).toEqual(range(20));
  });

  it('begins nothing new once one has failed, ends what it began, and throws the failure', async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const work = async (item: number) => {
      begun.push(item);
      if (item === 1) throw new Error('second');
      await delay(3);
      ended.push(item);
    };
    await expect(inPool(range(50), 3, work)).rejects.toThrow('second');
    expect(begun).toEqual([0, 1, 2]);
    expect(ended).toEqual([0, 2]);
    await settled();
    expect(begun).toHaveLength(3);
  });
});

it('a range counts from zero', () => {
  expect(range(3)).toEqual([0, 1, 2]);
  expect(range(0)).toEqual([]);
});
