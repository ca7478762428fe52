import { relative } from 'node:path';
import { plain } from './plain.ts';

/** What vitest has to say of a run, and what that comes to. */

export interface Fault {
  message: string;
  /** `file:line:column`, innermost first. */
  places: string[];
  diff?: string;
  cause?: string;
}

export interface FileReport {
  file: string;
  /** The file itself (it has no name) and its suites: what went wrong outside of tests. */
  suites: { name: string; errors: Fault[] }[];
  tests: { name: string; state: 'passed' | 'failed' | 'skipped' | 'pending'; errors: Fault[] }[];
}

export interface Report {
  files: FileReport[];
  /** Of no file. */
  errors: Fault[];
}

export interface Failure {
  name: string;
  /** What to know of it, the most important first. */
  details: string[];
}

/** What a tier, or one file of it, came to. */
export interface Outcome {
  passed: number;
  failures: Failure[];
  skipped: string[];
}

export const nothing = (): Outcome => ({ passed: 0, failures: [], skipped: [] });

export const failure = (name: string, details: string[] = []): Outcome => ({
  ...nothing(),
  failures: [{ name, details }],
});

export function add(total: Outcome, { passed, failures, skipped }: Outcome): void {
  total.passed += passed;
  total.failures.push(...failures);
  total.skipped.push(...skipped);
}

/** `what` names the run where it has no better name. */
export function outcomeOf({ files, errors }: Report, what: string): Outcome {
  const total = nothing();
  for (const file of files) add(total, outcomeOfFile(file));
  for (const error of errors) add(total, failure(`${what}: outside of a test`, detailsOf(error)));
  const { passed, failures, skipped } = total;
  if (passed + failures.length + skipped.length === 0) return failure(`${what} ran no test`);
  return total;
}

function outcomeOfFile({ file, suites, tests }: FileReport): Outcome {
  const named = (name: string) => [file, name].filter(Boolean).join(' > ');
  const inState = (state: string) => tests.filter((test) => test.state === state);
  const [left, open] = [inState('skipped'), inState('pending')];
  const failed = [...suites.filter(({ errors }) => errors.length > 0), ...inState('failed')];
  const outcome: Outcome = {
    passed: inState('passed').length,
    failures: failed.map(({ name, errors }) => ({ name: named(name), details: errors.flatMap(detailsOf) })),
    skipped: [],
  };
  const names = (some: typeof tests) => some.map(({ name }) => name);
  if (open.length > 0) add(outcome, failure(`${file} ended before its tests`, names(open)));
  // After a failed preparation vitest calls them skipped, too; that they were not run is no secret then.
  if (suites.some(({ errors }) => errors.length > 0)) return outcome;
  outcome.skipped.push(...names(left).map(named));
  const all = left.length === tests.length;
  if (all)
    add(outcome, failure(`${file}: ${tests.length === 0 ? 'it has no test' : 'all its tests were skipped'}`));
  return outcome;
}

const LINES = 15;
const MESSAGE_LINES = 6;

/** An error in a few lines. */
function detailsOf({ message, places, diff = '', cause }: Fault): string[] {
  const words = plain(message).trimEnd().split('\n');
  const said = words.slice(0, MESSAGE_LINES);
  if (words.length > said.length) said.push(`… ${words.length - said.length} more lines`);
  if (cause) said.push(`caused by: ${plain(cause).split('\n')[0]}`);
  said.push(...placesToShow(places).map((place) => `at ${place}`));
  return [...said, ...shortDiff(plain(diff), LINES - said.length)];
}

/** Where it happened, and where in the test, with paths of the project. */
function placesToShow(places: string[]): string[] {
  const here = places.filter((place) => !place.includes('/node_modules/'));
  const inTest = here.find((place) => /\.test\.ts:/.test(place));
  const shown = [...new Set([here[0], inTest])].filter((place) => place !== undefined);
  return shown.map((place) => relative(process.cwd(), place));
}

/** Of a long one only what differs. */
function shortDiff(diff: string, room: number): string[] {
  const lines = diff.split('\n').filter((line) => line.trim() !== '');
  const chosen = lines.length > room ? lines.filter((line) => /^[-+]/.test(line)) : lines;
  return chosen.slice(0, Math.max(room, 0));
}

/** The files in the words of a stack. */
export const placesIn = (stack: string): string[] =>
  [...stack.matchAll(/^ +at (?:.* \()?(?:file:\/\/)?(\/[^()]+:\d+:\d+)\)?$/gm)].map(
    ([, place = '']) => place,
  );

/** Of scripts/check.ts, which shows what failed as `✗ name (seconds)` and the tool's own words below. */
export function outcomeOfChecks(output: string, code: number): Outcome {
  const [, passed = '0'] = /^(\d+) passed, \d+ failed$/m.exec(output) ?? [];
  const pieces = output.split(/^(?=[✓✗] )/m).filter((piece) => piece.startsWith('✗ '));
  const failures = pieces.map((piece) => {
    const [title = '', ...lines] = piece
      .replace(/^\d+ passed, \d+ failed$/m, '')
      .trimEnd()
      .split('\n');
    return { name: `check ${title.slice(2)}`, details: lines.filter(Boolean).slice(0, LINES) };
  });
  if (failures.length === 0 && code !== 0)
    return failure(`check ended with ${code}`, lastLines(output, LINES));
  return { ...nothing(), passed: Number(passed), failures };
}

export const lastLines = (output: string, count: number): string[] => {
  const text = plain(output).trimEnd();
  return text === '' ? [] : text.split('\n').slice(-count);
};
