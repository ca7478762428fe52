import { globSync } from 'node:fs';
import type { LabOfRun } from './labs.ts';
import { longestFirst } from './order.ts';
import { print } from './program.ts';
import { add, failure, nothing } from './report.ts';
import type { Outcome } from './report.ts';
import { vitest } from './tiers.ts';

/**
 * Tests of the tiers that need a lab. They wait more than they work, so several labs share them: each takes the next file
 * as soon as it is done with one. Within a lab there is one at a time, because tests stop parts of it.
 */

export interface Job {
  tier: string;
  file: string;
}

/** All test files of these tiers, or those that have one of the words in their path. */
export function jobsOf(tiers: readonly string[], words: readonly string[]): Job[] {
  const jobs = tiers.flatMap((tier) => globSync(`test/${tier}/**/*.test.ts`).map((file) => ({ tier, file })));
  return longestFirst(
    jobs.filter(({ file }) => words.length === 0 || words.some((word) => file.includes(word))),
  );
}

export async function runInLabs(labs: readonly LabOfRun[], jobs: Job[]): Promise<Outcome> {
  const total = nothing();
  await Promise.all(labs.map(async (lab) => add(total, await lane(lab, jobs))));
  // Their lane is the last that could take them.
  for (const { file } of jobs) add(total, failure(`${file} was not run`));
  return total;
}

async function lane({ name, up }: LabOfRun, jobs: Job[]): Promise<Outcome> {
  const started = await up;
  if ('failed' in started) return started.failed;
  const { env } = started;
  const total = nothing();
  for (let job = jobs.shift(); job; job = jobs.shift()) {
    print(`${name}: ${job.file}\n`);
    const from = Date.now();
    let said = '';
    add(total, await vitest(job.tier, { files: [job.file], env, show: (text) => (said += text) }));
    // As a whole, so that the lanes do not talk into each other.
    print(`${said}${name}: ${job.file} took ${Math.round((Date.now() - from) / 1000)} s\n`);
  }
  return total;
}
