import { print, run } from './program.ts';
import type { Ended } from './program.ts';

/** What a tier, or one file of it, came to. */
export interface Outcome {
  passed: number;
  failed: number;
  /** One line each. */
  failures: string[];
}

export const nothing = (): Outcome => ({ passed: 0, failed: 0, failures: [] });

export function add(total: Outcome, { passed, failed, failures }: Outcome): void {
  total.passed += passed;
  total.failed += failed;
  total.failures.push(...failures);
}

/** Tests of one tier, all or those of a file. */
export async function vitest(
  tier: string,
  { files = [], env, show }: { files?: string[]; env?: NodeJS.ProcessEnv; show?: (text: string) => void },
): Promise<Outcome> {
  const args = ['run', '--project', tier, ...files];
  return outcomeOf(await run('vitest', args, { ...(env && { env }), ...(show && { show }) }), tier, files);
}

/** vitest's summary: `Tests  2 failed | 5 passed (7)`, `Test Files  1 failed …` for files that did not even load. */
function outcomeOf({ code, output }: Ended, tier: string, files: string[]): Outcome {
  const line = (what: string) => new RegExp(`^\\s*${what}\\s+(.*)$`, 'm').exec(output)?.[1] ?? '';
  const number = (text: string, word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(text)?.[1] ?? 0);
  const tests = line('Tests');
  const failed = Math.max(number(tests, 'failed'), number(line('Test Files'), 'failed'));
  const failures = [...output.matchAll(/^ *FAIL +(.*)$/gm)].map(([, name = '']) => name);
  // A run that failed without a failed test failed as a whole.
  const whole = code !== 0 && failed === 0;
  return {
    passed: number(tests, 'passed'),
    failed: whole ? 1 : failed,
    failures: whole ? [`${[tier, ...files].join(' ')} ended with ${code}`] : failures,
  };
}

export async function staticChecks(): Promise<Outcome> {
  const { code, output } = await run('node', ['scripts/check.ts'], { show: print });
  const [, passed = '0', failed = '0'] = /^(\d+) passed, (\d+) failed$/m.exec(output) ?? [];
  return {
    passed: Number(passed),
    failed: Math.max(Number(failed), code === 0 ? 0 : 1),
    failures: [...output.matchAll(/^✗ (.*)$/gm)].map(([, name = '']) => `check ${name}`),
  };
}
