import type { KubeError } from './errors.ts';
import { RETRY } from './limits.ts';

/**
 * How long to wait before the same request is sent again inside one call; undefined = not at all. A request that
 * may have been carried out is repeated only when doing it twice is the same as doing it once.
 */
export function retryDelay(
  error: KubeError,
  attempt: number,
  idempotent: boolean,
  random: () => number = Math.random,
): number | undefined {
  if (attempt >= RETRY.attempts || !isRetryable(error, idempotent)) return undefined;
  const asked = (error.retryAfterSeconds ?? 0) * 1000;
  if (asked > RETRY.longest) return undefined;
  return Math.max(asked, RETRY.initial * 2 ** attempt * (0.5 + random() / 2));
}

function isRetryable({ code, reason }: KubeError, idempotent: boolean): boolean {
  // 429 is given before the request is looked at.
  if (code === 429 || reason === 'Unreachable') return true;
  return idempotent && (code === 503 || reason === 'Disconnected');
}
