import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inLanes } from '../../../../activities/support/lanes.ts';

describe('inLanes', () => {
  it('takes every result once, in order, however long each takes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(4), { maxLength: 40 }),
        fc.integer({ min: 1, max: 9 }),
        async (times, lanes) => {
          const taken: number[] = [];
          let busy = 0;
          let most = 0;
          await inLanes(
            times.entries(),
            lanes,
            async ([at, time]) => {
              most = Math.max(most, ++busy);
              await delay(time);
              busy -= 1;
              return at;
            },
            async (at) => {
              await delay(at % 2);
              taken.push(at);
            },
          );
          expect(taken).toEqual(times.map((_, at) => at));
          expect(most).toBeLessThanOrEqual(lanes);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('ends with the first error, and begins nothing more', async () => {
    let begun = 0;
    const taken: number[] = [];
    const work = inLanes(
      Array.from({ length: 100 }, (_, at) => at),
      3,
      async (at) => {
        begun += 1;
        await delay(1);
        if (at === 5) throw new Error('five');
        return at;
      },
      (at) => void taken.push(at),
    );
    await expect(work).rejects.toThrow('five');
    expect(begun).toBeLessThan(12);
    expect(taken).toEqual(taken.map((_, at) => at));
    expect(taken.length).toBeLessThanOrEqual(5);
  });

  it('ends with an error of the source or the taker', async () => {
    async function* broken() {
      yield 1;
      await delay(1);
      throw new Error('source');
    }
    await expect(
      inLanes(
        broken(),
        4,
        (item) => Promise.resolve(item),
        () => {},
      ),
    ).rejects.toThrow('source');
    const taker = () => Promise.reject(new Error('taker'));
    await expect(inLanes([1, 2, 3], 2, (item) => Promise.resolve(item), taker)).rejects.toThrow('taker');
  });
});
