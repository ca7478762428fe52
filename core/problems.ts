import { CATALOG, isErrorCode } from './errors/catalog.ts';
import type { ErrorCode } from './errors/catalog.ts';

/** Something that did not go as asked for: it stands in the results file, in the log and in the counts. */
export interface Problem {
  severity: 'error' | 'warning';
  code: ErrorCode;
  /** What happened, in the words of whoever reported it. */
  message: string;
  /** Where the source of the error knows better what helps than the catalogue. */
  hint?: string | undefined;
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

/** What is known of an error once it has left the step that met it. */
export interface Explained {
  code: string;
  message: string;
  hint?: string | undefined;
}

/** The hint that belongs to a problem; shown behind its message. */
export const hintOf = (code: string, own?: string) => own ?? (isErrorCode(code) ? CATALOG[code].hint : '');

/** Code, cause and hint in one line, for the places that have one text only. */
export function explanation({ code, message, hint: own }: Explained): string {
  const hint = hintOf(code, own);
  return `${code}: ${message}${hint && ` (hint: ${hint})`}`;
}

/** Items are done, skipped or failed; a failure never hides in an otherwise good run. */
export const phaseOf = (counts: ProblemCounts) => (counts.errors > 0 ? 'PartiallyFailed' : 'Completed');
