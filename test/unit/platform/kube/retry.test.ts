import { describe, expect, it } from 'vitest';
import { KubeError, noAnswer, type NoAnswer } from '../../../../platform/kube/errors.ts';
import { RETRY } from '../../../../platform/kube/limits.ts';
import { retryDelay } from '../../../../platform/kube/retry.ts';

const answer = (code: number, retryAfterSeconds?: number) =>
  new KubeError({ code, reason: '', message: '', request: '', retryAfterSeconds });
const silence = (reason: NoAnswer) => noAnswer(reason, 'GET /x', '');
const delay = (error: KubeError, { attempt = 0, idempotent = true } = {}) =>
  retryDelay(error, attempt, idempotent, () => 1);

describe('retryDelay', () => {
  it('doubles', () => {
    expect([0, 1, 2].map((attempt) => delay(silence('Unreachable'), { attempt }))).toEqual([100, 200, 400]);
    expect(delay(silence('Unreachable'), { attempt: RETRY.attempts })).toBeUndefined();
  });

  it('repeats any request that was not carried out', () => {
    expect(delay(answer(429), { idempotent: false })).toBe(100);
    expect(delay(silence('Unreachable'), { idempotent: false })).toBe(100);
  });

  it('repeats what may have been carried out only when that does no harm', () => {
    for (const error of [answer(503), silence('Disconnected')]) {
      expect(delay(error, { idempotent: true })).toBe(100);
      expect(delay(error, { idempotent: false })).toBeUndefined();
    }
  });

  it('does as the server asks, unless that is long', () => {
    expect(delay(answer(429, 1))).toBe(1000);
    expect(delay(answer(429, 5))).toBeUndefined();
  });

  it.each([
    answer(404),
    answer(409),
    answer(500),
    silence('Timeout'),
    silence('Credentials'),
    silence('TooLarge'),
  ])('leaves %s alone', (error) => expect(delay(error)).toBeUndefined());
});
