import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * All tiers of tests, from the quick ones to the real cluster, which is brought up when it is not there. Ends with
 * one line that counts. `--keep` leaves a lab that was started here; `--proof` runs the full-size cases too;
 * `--velero` has stock Velero in the lab, and runs the tests that need it.
 */

/** Without being asked? Its first build takes five minutes, its tests two. */
const VELERO_BY_DEFAULT = false;

const flags = new Set(process.argv.slice(2));
const tiers = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const all = ['check', 'unit', 'replay', 'integration', 'e2e'];
const wanted = tiers.length > 0 ? tiers : all;

interface Outcome {
  passed: number;
  failed: number;
  output: string;
}

/** Runs a program, shows what it says as it says it, and keeps the text. */
function run(
  program: string,
  args: string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ code: number; output: string }> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      process.stdout.write(chunk);
    });
  }
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: 1, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

const lab = (...args: string[]) => run('node', ['lab/main.ts', ...args]);

/** vitest's summary: `Tests  2 failed | 5 passed (7)`, `Test Files  1 failed …` for files that did not even load. */
function counts(output: string): { passed: number; failed: number } {
  // oxlint-disable-next-line no-control-regex -- colours
  const plain = output.replace(/\u001b\[[0-9;]*m/g, '');
  const line = /^\s*Tests\s+(.*)$/m.exec(plain)?.[1] ?? '';
  const files = /^\s*Test Files\s+(.*)$/m.exec(plain)?.[1] ?? '';
  const number = (text: string, word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(text)?.[1] ?? 0);
  return {
    passed: number(line, 'passed'),
    failed: Math.max(number(line, 'failed'), number(files, 'failed')),
  };
}

async function vitest(tier: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const { code, output } = await run('vitest', ['run', '--project', tier], env);
  const { passed, failed } = counts(output);
  // A run that failed without a failed test failed as a whole.
  return { passed, failed: code === 0 ? failed : Math.max(failed, 1), output };
}

async function check(): Promise<Outcome> {
  const { code, output } = await run('node', ['scripts/check.ts']);
  const [, passed = '0', failed = '0'] = /^(\d+) passed, (\d+) failed$/m.exec(output) ?? [];
  return { passed: Number(passed), failed: Math.max(Number(failed), code === 0 ? 0 : 1), output };
}

async function labEnvironment(): Promise<NodeJS.ProcessEnv> {
  const { labEnv } = (await import('../lab/env.ts')) as { labEnv: () => object };
  const env = labEnv() as Record<string, string>;
  return {
    ...process.env,
    ...env,
    PATH: `${env['LAB_PATH']}:${process.env['PATH']}`,
    ...(flags.has('--proof') && { CARAVEL_PROOF: '1' }),
  };
}

const LAB_TIERS = new Set(['integration', 'e2e']);
const labFile = () => join('/var/lib/caravel-lab', process.env['CARAVEL_LAB'] ?? 'lab', 'env.json');

/** Brings the lab up with the Caravel of this tree in it; undefined when that failed. */
async function prepareLab(): Promise<NodeJS.ProcessEnv | undefined> {
  title('lab');
  const extras = VELERO_BY_DEFAULT || flags.has('--velero') ? ['--with', 'velero'] : [];
  if ((await lab('up', ...extras)).code !== 0 || (await lab('deploy')).code !== 0) return undefined;
  return await labEnvironment();
}

async function runTiers(total: { passed: number; failed: number }): Promise<void> {
  let env: NodeJS.ProcessEnv | undefined;
  for (const tier of wanted) {
    if (LAB_TIERS.has(tier)) env ??= await prepareLab();
    if (LAB_TIERS.has(tier) && !env) {
      process.stdout.write(`the lab is not up: ${tier} is not run\n`);
      total.failed += 1;
      continue;
    }
    title(tier);
    const outcome = tier === 'check' ? await check() : await vitest(tier, env ?? process.env);
    total.passed += outcome.passed;
    total.failed += outcome.failed;
  }
}

async function main(): Promise<void> {
  const started = Date.now();
  const total = { passed: 0, failed: 0 };
  const wasUp = existsSync(labFile());
  await runTiers(total);
  const usedLab = wanted.some((tier) => LAB_TIERS.has(tier));
  if (usedLab && !wasUp && !flags.has('--keep')) await lab('down');
  const minutes = ((Date.now() - started) / 60_000).toFixed(1);
  process.stdout.write(
    `\nall tiers took ${minutes} minutes\n${total.passed} passed, ${total.failed} failed\n`,
  );
  process.exitCode = total.failed === 0 ? 0 : 1;
}

const title = (text: string) => process.stdout.write(`\n== ${text} ==\n`);

await main();
