import { parseDuration } from '../../core/format/duration.ts';

/** Milliseconds that a spec allows; the default for a duration that is missing or zero. */
export const allowance = (duration: string | undefined, fallback: number): number =>
  (duration && parseDuration(duration)) || fallback;
