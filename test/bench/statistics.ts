/** Few numbers, told honestly: the middle one, and how far apart the others are. */

export interface Spread {
  median: number;
  min: number;
  max: number;
  runs: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = 0, high = low] = sorted.length % 2 ? [sorted[middle]] : [sorted[middle - 1], sorted[middle]];
  return (low + high) / 2;
}

export const spread = (values: readonly number[]): Spread => ({
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values),
  runs: values.length,
});

/** Ratios of runs that were made one after the other, so that a machine that gets busier weighs on both. */
export const ratios = (over: readonly number[], under: readonly number[]): Spread =>
  spread(over.flatMap((value, index) => (under[index] ? [value / under[index]] : [])));

/** The median of each key; a key that a run lacks counts as 0 there. */
export function medians(runs: readonly Record<string, number>[]): Record<string, number> {
  const keys = [...new Set(runs.flatMap((run) => Object.keys(run)))];
  return Object.fromEntries(keys.map((key) => [key, median(runs.map((run) => run[key] ?? 0))]));
}
