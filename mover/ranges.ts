import { BLOCK } from './limits.ts';

export interface Range {
  start: number;
  /** Exclusive. */
  end: number;
}

const CHUNK = 4 * 1024 * 1024;

/** Cuts at multiples of the usual chunk, so that few chunks are read for two ranges. */
export function cutRanges(size: number): Range[] {
  const wished = Math.ceil(size / BLOCK.ranges / CHUNK) * CHUNK;
  const step = Math.min(BLOCK.largestRange, Math.max(BLOCK.smallestRange, wished));
  return Array.from({ length: Math.ceil(size / step) }, (_, index) => ({
    start: index * step,
    end: Math.min(size, (index + 1) * step),
  }));
}
