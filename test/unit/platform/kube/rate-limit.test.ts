import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TokenBucket } from '../../../../platform/kube/rate-limit.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** Order and time at which each of `count` takers got through. */
function takers(bucket: TokenBucket, count: number) {
  const got: number[] = [];
  const start = performance.now();
  for (let i = 0; i < count; i++) void bucket.take().then(() => got.push(performance.now() - start));
  return got;
}

describe('TokenBucket', () => {
  it('lets a burst through, then the rate', async () => {
    const got = takers(new TokenBucket(10, 3), 6);
    await vi.advanceTimersByTimeAsync(0);
    expect(got).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(1000);
    expect(got.slice(3).map(Math.round)).toEqual([100, 200, 300]);
  });

  it('fills up again, but not beyond the burst', async () => {
    const bucket = new TokenBucket(10, 2);
    takers(bucket, 2);
    await vi.advanceTimersByTimeAsync(60_000);
    const got = takers(bucket, 3);
    await vi.advanceTimersByTimeAsync(0);
    expect(got).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(100);
    expect(got).toHaveLength(3);
  });

  it('gives back the token of who leaves', async () => {
    const bucket = new TokenBucket(10, 1);
    await bucket.take();
    const leaver = new AbortController();
    const waiting = bucket.take(leaver.signal);
    leaver.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    expect(bucket.reserve()).toBeCloseTo(100);
    await expect(bucket.take(AbortSignal.abort(new Error('early')))).rejects.toThrow('early');
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    [0, 1],
    [Number.NaN, 1],
    [1, 0],
  ])('refuses qps %d with burst %d', (qps, burst) => {
    expect(() => new TokenBucket(qps, burst)).toThrow(RangeError);
  });
});
