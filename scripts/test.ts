import { runInLabs } from './test/lanes.ts';
import { add, nothing, staticChecks, vitest } from './test/outcome.ts';
import type { Outcome } from './test/outcome.ts';
import { print } from './test/program.ts';

/**
 * All tiers of tests, from the quick ones to the real cluster, which is brought up when it is not there. Ends with
 * one line that counts. Words choose tiers, or files by a part of their path; `--keep` leaves the labs that were
 * started here; `--proof` runs the full-size cases.
 */

const TIERS = ['check', 'unit', 'replay', 'integration', 'e2e'];
const LAB_TIERS = ['integration', 'e2e'];

const flags = new Set(process.argv.slice(2).filter((word) => word.startsWith('-')));
const words = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const tiers = words.filter((word) => TIERS.includes(word));
const files = words.filter((word) => !TIERS.includes(word));

function wanted(): string[] {
  if (tiers.length > 0) return tiers;
  return files.length > 0 ? LAB_TIERS : TIERS;
}

async function main(): Promise<void> {
  const started = Date.now();
  const total = nothing();
  for (const tier of TIERS.filter((each) => !LAB_TIERS.includes(each) && wanted().includes(each))) {
    print(`\n== ${tier} ==\n`);
    add(total, tier === 'check' ? await staticChecks() : await vitest(tier, { show: print }));
  }
  const inLabs = LAB_TIERS.filter((tier) => wanted().includes(tier));
  if (inLabs.length > 0) {
    print(`\n== ${inLabs.join(', ')} ==\n`);
    const settings = { tiers: inLabs, files, keep: flags.has('--keep'), proof: flags.has('--proof') };
    add(total, await runInLabs(settings));
  }
  finish(total, Date.now() - started);
}

function finish({ passed, failed, failures }: Outcome, ms: number): void {
  if (failures.length > 0) print(`\nfailed:\n${failures.map((name) => `  ${name}\n`).join('')}`);
  print(`\nall took ${(ms / 60_000).toFixed(1)} minutes\n${passed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 ? 0 : 1;
}

await main();
