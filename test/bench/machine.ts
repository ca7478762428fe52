import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';

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
