import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { add, nothing, vitest } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { print, run } from './program.ts';

/**
 * Tests of the tiers that need a lab. They wait more than they work, so several labs share them: each takes the next file
 * as soon as it is done with one. Within a lab there is one at a time, because tests stop parts of it.
 */

const LANES = 3;
const FIRST = process.env['CARAVEL_LAB'] ?? 'lab';
const NAMES = Array.from({ length: LANES }, (_, at) => (at === 0 ? FIRST : `${FIRST}-${at + 1}`));

interface Job {
  tier: string;
  file: string;
}

interface Settings {
  tiers: readonly string[];
  /** Only these, when there are any. */
  files: readonly string[];
  keep: boolean;
  proof: boolean;
}

export async function runInLabs(settings: Settings): Promise<Outcome> {
  const jobs = jobsOf(settings);
  if (jobs.length === 0)
    return {
      passed: 0,
      failed: 1,
      failures: [`no test file has ${settings.files.join(' or ')} in its path`],
    };
  const names = NAMES.slice(0, Math.min(LANES, jobs.length));
  const wasUp = names.filter((name) => existsSync(join('/var/lib/caravel-lab', name, 'env.json')));
  const total = nothing();
  let ready = Promise.resolve();
  await Promise.all(
    names.map(async (name) => {
      // One after the other: what the first one builds the others only load.
      const before = ready;
      const up = before.then(() => prepare(name, settings.proof));
      ready = up.then(() => undefined);
      add(total, await lane(name, await up, jobs));
    }),
  );
  // Their lane is the last that could take them.
  for (const { file } of jobs) add(total, { passed: 0, failed: 1, failures: [`${file} was not run`] });
  if (!settings.keep)
    for (const name of names)
      if (!wasUp.includes(name)) await run('node', lab(name, 'down'), { show: print });
  return total;
}

/** The slower tier first, so that the lanes end together. */
function jobsOf({ tiers, files }: Settings): Job[] {
  return ['e2e', 'integration']
    .filter((tier) => tiers.includes(tier))
    .flatMap((tier) => globSync(`test/${tier}/**/*.test.ts`).map((file) => ({ tier, file })))
    .filter(({ file }) => files.length === 0 || files.some((part) => file.includes(part)));
}

const lab = (name: string, ...args: string[]) => ['lab/main.ts', ...args, '--name', name];

/** Brings a lab up with stock Velero and the Caravel of this tree in it; undefined when that failed. */
async function prepare(name: string, proof: boolean): Promise<NodeJS.ProcessEnv | undefined> {
  for (const args of [lab(name, 'up', '--with', 'velero'), lab(name, 'deploy')])
    if ((await run('node', args, { show: print })).code !== 0) return undefined;
  const { labEnv } = await import('../../lab/env.ts');
  const { LAB_PATH, ...env } = labEnv(name);
  const path = `${LAB_PATH}:${process.env['PATH']}`;
  return { ...process.env, ...env, LAB_PATH, PATH: path, ...(proof && { CARAVEL_PROOF: '1' }) };
}

async function lane(name: string, env: NodeJS.ProcessEnv | undefined, jobs: Job[]): Promise<Outcome> {
  const total = nothing();
  if (!env) {
    add(total, { passed: 0, failed: 1, failures: [`the lab ${name} did not come up`] });
    return total;
  }
  for (let job = jobs.shift(); job; job = jobs.shift()) {
    print(`${name}: ${job.file}\n`);
    let said = '';
    add(total, await vitest(job.tier, { files: [job.file], env, show: (text) => (said += text) }));
    // As a whole, so that the lanes do not talk into each other.
    print(said);
  }
  return total;
}
