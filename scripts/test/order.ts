import { SECONDS } from './seconds.ts';

/** The longest first, so that the lanes end together; files without a number are short. */
export const longestFirst = <T extends { file: string }>(jobs: readonly T[]): T[] =>
  jobs.toSorted((one, other) => secondsOf(other.file) - secondsOf(one.file));

const secondsOf = (file: string): number => SECONDS[file] ?? 0;
