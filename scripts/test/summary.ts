import type { Failure, Outcome } from './report.ts';

/** The end of a run: whoever sees only the last lines of it must know what failed and how. */

const LINES = 120;
const LINES_EACH = 20;
const WIDTH = 240;

export function summary({ passed, failures, skipped }: Outcome, ms: number): string {
  return [
    ...(skipped.length > 0 ? ['', 'skipped:', ...skipped.map((name) => `  ${name}`)] : []),
    ...(failures.length > 0 ? ['', 'failed:', ...failureLines(failures)] : []),
    '',
    `all took ${(ms / 60_000).toFixed(1)} minutes`,
    `${passed} passed, ${failures.length} failed`,
    '',
  ].join('\n');
}

/** The same room for each, so that the last one is as clear as the first. */
function failureLines(failures: Failure[]): string[] {
  const each = Math.min(LINES_EACH, Math.floor(LINES / failures.length) - 1);
  const shown = failures.slice(0, LINES);
  const more = failures.length - shown.length;
  return [
    ...shown.flatMap(({ name, details }) => [
      `  ${name}`,
      ...details.slice(0, Math.max(each, 0)).map((line) => `      ${line.slice(0, WIDTH)}`),
    ]),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}
