import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Gathering } from '../../../../activities/volume/gathering.ts';

const never = new AbortController().signal;

/** Answers with the number of the reading. */
function counting() {
  let count = 0;
  return async () => {
    const number = ++count;
    await delay(20);
    return number;
  };
}

describe('readings that are wanted close together', () => {
  it('begin at once when no more are expected', async () => {
    const gathering = new Gathering<number>(10_000);
    const over = gathering.expect('a');
    over();
    expect(await gathering.read('a', counting(), never)).toBe(1);
  });

  it('are one, which begins when the last that was expected has come', async () => {
    const gathering = new Gathering<number>(10_000);
    const read = counting();
    const overs = [gathering.expect('a'), gathering.expect('a'), gathering.expect('b')];
    overs[0]?.();
    const first = gathering.read('a', read, never);
    await delay(30);
    overs[1]?.();
    const second = gathering.read('a', read, never);
    expect(await Promise.all([first, second])).toEqual([1, 1]);
  });

  it('do not wait longer than that', async () => {
    const gathering = new Gathering<number>(30);
    gathering.expect('a');
    expect(await gathering.read('a', counting(), never)).toBe(1);
  });

  it('are not served by one that has begun: it may not have seen what came after', async () => {
    const gathering = new Gathering<number>(10_000);
    const read = counting();
    const first = gathering.read('a', read, never);
    await delay(5);
    const second = gathering.read('a', read, never);
    expect(await Promise.all([first, second])).toEqual([1, 2]);
  });

  it('leave alone who was told to stop, and fail all whom they serve', async () => {
    const gathering = new Gathering<number>(30);
    gathering.expect('a');
    const stop = new AbortController();
    const stopped = gathering.read('a', () => Promise.reject(new Error('no answer')), stop.signal);
    const other = gathering.read('a', counting(), never);
    stop.abort(new Error('cancelled'));
    await expect(stopped).rejects.toThrow('cancelled');
    await expect(other).rejects.toThrow('no answer');
  });
});
