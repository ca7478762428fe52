import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { print, run } from './program.ts';
import { add, failure, lastLines, nothing, outcomeOf, outcomeOfChecks } from './report.ts';
import type { Outcome, Report } from './report.ts';

/** Runs a tier, or some of its files. */

const REPORTER = import.meta.resolve('./reporter.ts');

interface VitestOptions {
  files?: string[];
  env?: NodeJS.ProcessEnv;
  show: (text: string) => void;
}

export async function vitest(tier: string, { files = [], env, show }: VitestOptions): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'caravel-test-'));
  const file = join(folder, 'report.json');
  const args = ['run', '--project', tier, '--reporter=default', `--reporter=${REPORTER}`, ...files];
  const { code, output } = await run('vitest', args, {
    env: { ...(env ?? process.env), CARAVEL_TEST_REPORT: file },
    show,
  });
  const report = readReport(file);
  rmSync(folder, { recursive: true });
  const what = [tier, ...files].join(' ');
  const outcome = report && outcomeOf(report, what);
  // Without a failed test in it, or without any report, a run that failed did so as a whole.
  if (outcome && (code === 0 || outcome.failures.length > 0)) return outcome;
  const total = outcome ?? nothing();
  add(total, failure(`${what} ended with ${code}`, lastLines(output, 15)));
  return total;
}

function readReport(file: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch {
    return undefined;
  }
}

export async function staticChecks(): Promise<Outcome> {
  const { code, output } = await run('node', ['scripts/check.ts'], { show: print });
  return outcomeOfChecks(output, code);
}
