import { CATALOG, isErrorCode } from './errors/catalog.ts';
import type { ErrorCode } from './errors/catalog.ts';

/** Something that did not go as asked for: it stands in the results file, in the log and in the counts. */
export interface Problem {
  severity: 'error' | 'warning';
  code: ErrorCode;
  /** What happened, in the words of whoever reported it. */
  message: string;
  /** The stage or step, e.g. `exportResources`. */
  step: string;
  /** Empty string = cluster-scoped; undefined = belongs to no item. */
  namespace?: string | undefined;
  /** Group-resource, e.g. `deployments.apps`. */
  resource?: string | undefined;
  name?: string | undefined;
}

export function problem(
  severity: Problem['severity'],
  step: string,
  code: ErrorCode,
  message: string,
  item: Pick<Problem, 'namespace' | 'resource' | 'name'> = {},
): Problem {
  return { severity, code, message, step, ...item };
}

export interface ProblemCounts {
  errors: number;
  warnings: number;
}

export function countProblems(problems: readonly Problem[]): ProblemCounts {
  const errors = problems.filter((entry) => entry.severity === 'error').length;
  return { errors, warnings: problems.length - errors };
}

/** The hint that belongs to a problem; shown behind its message. */
export const hintOf = (code: string) => (isErrorCode(code) ? CATALOG[code].hint : '');

/** Items are done, skipped or failed; a failure never hides in an otherwise good run. */
export const phaseOf = (counts: ProblemCounts) => (counts.errors > 0 ? 'PartiallyFailed' : 'Completed');
