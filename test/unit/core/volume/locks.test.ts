import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  askForLock,
  canLock,
  dropLost,
  giveBackLock,
  keepersOf,
  lockNext,
  noLocks,
} from '../../../../core/volume/locks.ts';
import type { LockClaim, Locks } from '../../../../core/volume/locks.ts';

const claim = (holder: string, ...names: string[]): LockClaim => ({
  holder: { workflowId: holder, runId: '1' },
  key: '0',
  names,
  keepers: [{ workflowId: holder, runId: '1' }],
});

const keptBy = (holder: string) => claim(holder).keepers;

const grantAll = (locks: Locks): string[] => {
  const granted: string[] = [];
  for (let next = lockNext(locks); next !== undefined; next = lockNext(locks))
    granted.push(next.holder.workflowId);
  return granted;
};

function asked(...claims: LockClaim[]): Locks {
  const locks = noLocks();
  for (const each of claims) askForLock(locks, each);
  return locks;
}

describe('locks', () => {
  it('of different names are held at once, of the same name one after the other', () => {
    const locks = asked(claim('a', 'x'), claim('b', 'y'), claim('c', 'y', 'z'));
    expect(grantAll(locks)).toEqual(['a', 'b']);
    expect(canLock(locks)).toBe(false);
    giveBackLock(locks, claim('b'));
    expect(grantAll(locks)).toEqual(['c']);
  });

  it('are never overtaken by a later one of the same name, though it would be free', () => {
    const locks = asked(claim('a', 'x'), claim('b', 'x', 'y'), claim('c', 'y'));
    expect(grantAll(locks)).toEqual(['a']);
    giveBackLock(locks, claim('a'));
    expect(grantAll(locks)).toEqual(['b']);
    giveBackLock(locks, claim('b'));
    expect(grantAll(locks)).toEqual(['c']);
  });

  it('asked for again by a holder are granted to it again, before anybody who waits', () => {
    const locks = asked(claim('a', 'x'), claim('b', 'x'));
    grantAll(locks);
    askForLock(locks, claim('a', 'x'));
    expect(grantAll(locks)).toEqual(['a']);
  });

  it('of a holder that ended without a word are free when the last of its keepers has ended', () => {
    const locks = asked(
      { ...claim('a', 'x'), keepers: [...keptBy('a'), ...keptBy('helper')] },
      claim('b', 'x'),
    );
    grantAll(locks);
    dropLost(locks, keptBy('a'));
    expect(grantAll(locks)).toEqual([]);
    dropLost(locks, [...keptBy('a'), ...keptBy('helper')]);
    expect(grantAll(locks)).toEqual(['b']);
  });

  it('of a run are not those of another one with its name, also when that one asks under the same key', () => {
    const next = { ...claim('a', 'x'), holder: { workflowId: 'a', runId: '2' } };
    const locks = asked(claim('a', 'x'), next);
    expect(lockNext(locks)).toEqual(claim('a', 'x'));
    expect(canLock(locks)).toBe(false);
    giveBackLock(locks, next);
    expect(locks.held).toEqual([claim('a', 'x')]);
  });

  it('of an execution are kept by no later one of its id', () => {
    const locks = asked(claim('a', 'x'), claim('b', 'x'));
    grantAll(locks);
    dropLost(locks, [{ workflowId: 'a', runId: '2' }]);
    expect(canLock(locks)).toBe(false);
    dropLost(locks, [{ workflowId: 'a', runId: '1' }]);
    expect(grantAll(locks)).toEqual(['b']);
  });

  it('that were given back are not taken by a request that comes late', () => {
    const locks = asked(claim('a', 'x'));
    grantAll(locks);
    giveBackLock(locks, claim('a'));
    askForLock(locks, claim('a', 'x'));
    expect([...locks.held, ...locks.waiting]).toEqual([]);
  });

  it('remember so many that were given back, and no more', () => {
    const locks = noLocks();
    for (let at = 0; at < 1000; at++) giveBackLock(locks, claim(`run ${at}`));
    expect(locks.over.length).toBeLessThanOrEqual(100);
    expect(locks.over.at(-1)?.holder.workflowId).toBe('run 999');
  });

  it('are asked for by each of their keepers once, though a run keeps several', () => {
    const locks = asked({ ...claim('a', 'x'), key: '0' }, { ...claim('a', 'y'), key: '1' }, claim('b', 'y'));
    grantAll(locks);
    expect(keepersOf(locks)).toEqual([...keptBy('a'), ...keptBy('b')]);
  });

  it('no longer waited for are free for others', () => {
    const locks = asked(claim('a', 'x'), claim('b', 'x', 'y'), claim('c', 'y'));
    expect(grantAll(locks)).toEqual(['a']);
    giveBackLock(locks, claim('b'));
    expect(grantAll(locks)).toEqual(['c']);
  });

  const names = fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { minLength: 1 });
  const holder = fc.constantFrom('a', 'b', 'c', 'd');
  const step = fc.oneof(
    fc.record({ ask: holder, names }),
    fc.record({ back: holder }),
    fc.record({ lost: holder }),
    fc.constant({ grant: true }),
  );

  it('are never held by two, and somebody holds whenever somebody waits', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const locks = noLocks();
        for (const each of steps) {
          if ('ask' in each) askForLock(locks, claim(each.ask, ...each.names));
          else if ('back' in each) giveBackLock(locks, claim(each.back));
          else if ('lost' in each) dropLost(locks, keptBy(each.lost));
          else {
            grantAll(locks);
            expect(locks.waiting.length === 0 || locks.held.length > 0).toBe(true);
          }
          const held = locks.held.flatMap((each) => each.names);
          expect(new Set(held).size).toBe(held.length);
          const known = [...locks.held, ...locks.waiting].map((each) => each.holder.workflowId);
          expect(new Set(known).size).toBe(known.length);
        }
      }),
    );
  });
});
