import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { askForSlot, canGrant, giveBackSlots, grantNext, noSlots } from '../../../../core/volume/slots.ts';
import type { Slots } from '../../../../core/volume/slots.ts';

const grantAll = (slots: Slots): string[] => {
  const granted: string[] = [];
  for (let next = grantNext(slots); next !== undefined; next = grantNext(slots)) granted.push(next);
  return granted;
};

function asked(limit: number, ...holders: string[]): Slots {
  const slots = noSlots();
  for (const holder of holders) askForSlot(slots, holder, limit);
  return slots;
}

describe('slots', () => {
  it('are granted first come first served, up to the limit', () => {
    const slots = asked(2, 'a', 'b', 'c');
    expect(grantAll(slots)).toEqual(['a', 'b']);
    expect(slots).toEqual({ holders: ['a', 'b'], queue: ['c'], limit: 2 });
    expect(canGrant(slots)).toBe(false);
    giveBackSlots(slots, ['a']);
    expect(canGrant(slots)).toBe(true);
    expect(grantAll(slots)).toEqual(['c']);
  });

  it('are asked for once, however often the question comes', () => {
    const slots = asked(1, 'a', 'b', 'b', 'b');
    expect(grantAll(slots)).toEqual(['a']);
    expect(slots.queue).toEqual(['b']);
  });

  it('asked for again by a holder are granted to it again, before anybody who waits', () => {
    const slots = asked(1, 'a', 'b');
    grantAll(slots);
    askForSlot(slots, 'a', 1);
    expect(grantAll(slots)).toEqual(['a']);
    expect(slots).toEqual({ holders: ['a'], queue: ['b'], limit: 1 });
  });

  it('given back by one who still waits are no longer waited for', () => {
    const slots = asked(1, 'a', 'b', 'c');
    grantAll(slots);
    giveBackSlots(slots, ['b']);
    giveBackSlots(slots, ['a', 'nobody']);
    expect(grantAll(slots)).toEqual(['c']);
  });

  it('follow the limit that was named last; nobody loses one', () => {
    const slots = asked(3, 'a', 'b', 'c');
    grantAll(slots);
    askForSlot(slots, 'd', 1);
    giveBackSlots(slots, ['a', 'b']);
    expect(canGrant(slots)).toBe(false);
    giveBackSlots(slots, ['c']);
    expect(grantAll(slots)).toEqual(['d']);
  });

  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const step = fc.oneof(
    fc.record({ ask: name }),
    fc.record({ back: fc.uniqueArray(name, { maxLength: 2 }) }),
    fc.constant({ grant: true }),
  );

  it('are never more than the limit, never twice of one holder, and nobody waits while one is free', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 3 }), (steps, limit) => {
        const slots = noSlots();
        for (const each of steps) {
          if ('ask' in each) askForSlot(slots, each.ask, limit);
          else if ('back' in each) giveBackSlots(slots, each.back);
          else {
            grantAll(slots);
            expect(slots.queue.length === 0 || slots.holders.length === limit).toBe(true);
          }
          const known = [...slots.holders, ...slots.queue];
          expect(new Set(known).size).toBe(known.length);
          expect(slots.holders.length).toBeLessThanOrEqual(limit);
        }
      }),
    );
  });

  it('of a holder that asks again are never free for another in between', () => {
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 2 }), fc.integer({ min: 1, max: 3 }), (names, limit) => {
        const slots = asked(limit, ...names);
        const holders = grantAll(slots);
        for (const holder of holders) {
          askForSlot(slots, holder, limit);
          expect(grantAll(slots)).toEqual([holder]);
        }
      }),
    );
  });
});
