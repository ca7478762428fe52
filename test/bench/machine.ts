import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/** On what, and beside what else, was measured. */

export const machine = () => ({
  processor: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
});

/** Jiffies of all cores since the start of the machine: all, and those in which nothing ran. */
function jiffies(): { all: number; idle: number } {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const counts = first.trim().split(/\s+/).slice(1, 9).map(Number);
  const [, , , idle = 0, wait = 0] = counts;
  return { all: counts.reduce((sum, count) => sum + count, 0), idle: idle + wait };
}

export interface Load {
  /** Processes that wanted to run, one-minute average when the measurement began. */
  before: number;
  /** Share of all cores that was busy during the measurement, with our own work and with that of others. */
  busy: number;
}

export function watchLoad(): () => Load {
  const [before = 0] = loadavg();
  const start = jiffies();
  return () => {
    const end = jiffies();
    return { before, busy: 1 - (end.idle - start.idle) / Math.max(1, end.all - start.all) };
  };
}

/** What a run left to be done goes on after its end; the next one begins when that is over, and nothing else works. */
export async function untilQuiet(): Promise<void> {
  const end = Date.now() + QUIET.patienceMs;
  for (let quiet = 0; quiet < QUIET.seconds && Date.now() < end;) {
    const load = watchLoad();
    await delay(1_000);
    quiet = load().busy < QUIET.busy ? quiet + 1 : 0;
  }
}

const QUIET = { seconds: 3, busy: 0.3, patienceMs: 120_000 };
