import { jobsOf, runInLabs } from './test/lanes.ts';
import { leaveLabs, startLabs } from './test/labs.ts';
import type { LabOfRun } from './test/labs.ts';
import { print, stopPrograms } from './test/program.ts';
import { add, failure, nothing } from './test/report.ts';
import type { Outcome } from './test/report.ts';
import { summary } from './test/summary.ts';
import { staticChecks, vitest } from './test/tiers.ts';

/**
 * All tiers of tests, from the quick ones to the real cluster, which is brought up when it is not there. Ends with what
 * failed, and one line that counts. Words choose tiers, or files by a part of their path; `--keep` leaves the labs that
 * were started here; `--proof` runs the full-size cases.
 */

const TIERS = ['check', 'unit', 'replay', 'integration', 'e2e'];
const LAB_TIERS = ['integration', 'e2e'];
const FIRST_LAB = process.env['CARAVEL_LAB'] ?? 'lab';
const LABS = [FIRST_LAB, `${FIRST_LAB}-2`, `${FIRST_LAB}-3`];

const flags = new Set(process.argv.slice(2).filter((word) => word.startsWith('-')));
const words = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const tiers = words.filter((word) => TIERS.includes(word));
const files = words.filter((word) => !TIERS.includes(word));
const settings = { keep: flags.has('--keep'), proof: flags.has('--proof') };

function wanted(): string[] {
  if (tiers.length > 0) return tiers;
  return files.length > 0 ? LAB_TIERS : TIERS;
}

let labs: LabOfRun[] = [];
let leaving: Promise<Outcome> | undefined;
/** Once, though a signal may come while the run does it by itself. */
const leave = (): Promise<Outcome> => (leaving ??= leaveLabs(labs, settings));

async function main(): Promise<void> {
  const from = Date.now();
  const inLabs = LAB_TIERS.filter((tier) => wanted().includes(tier));
  const jobs = jobsOf(inLabs, files);
  labs = startLabs(LABS.slice(0, jobs.length), settings);
  // Beside each other: tests in labs wait more than they work.
  const outcomes = await Promise.all([runWithoutLabs(), runInLabs(labs, jobs)]);
  const total = nothing();
  for (const outcome of outcomes) add(total, outcome);
  if (inLabs.length > 0 && labs.length === 0)
    add(total, failure(`no test file has ${files.join(' or ')} in its path`));
  add(total, await leave());
  print(summary(total, Date.now() - from));
  process.exitCode = total.failures.length === 0 ? 0 : 1;
}

async function runWithoutLabs(): Promise<Outcome> {
  const total = nothing();
  for (const tier of TIERS.filter((each) => !LAB_TIERS.includes(each) && wanted().includes(each))) {
    print(`\n== ${tier} ==\n`);
    add(total, tier === 'check' ? await staticChecks() : await vitest(tier, { show: print }));
  }
  return total;
}

let stopping = false;

/** Ends all that was begun. A second signal changes nothing: npm passes Ctrl-C on to us, who have had it already. */
async function stop(why: string, code: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  print(`\n${why}: stopping${settings.keep ? '' : ', and taking down the labs that were started here'}\n`);
  await stopPrograms();
  await leave();
  process.exit(code);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => void stop(signal, 130));
// Nobody reads on: as good as a signal.
process.stdout.on('error', () => void stop('the output is closed', 130));

await main().catch((error: unknown) => stop(error instanceof Error ? (error.stack ?? '') : String(error), 1));
