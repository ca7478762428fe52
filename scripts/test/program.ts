import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { plain } from './plain.ts';

/** Programs that the tests are made of. */

export interface Ended {
  code: number;
  /** All that it printed, colours removed. */
  output: string;
}

interface RunOptions {
  env?: NodeJS.ProcessEnv;
  /** Gets what the program says as it comes. */
  show?: (text: string) => void;
  /** Is not stopped, and runs also when all else is. */
  cleansUp?: boolean;
}

/** Also when we are killed: tests that go on alone would disturb those of the next run. */
const SETPRIV = '/usr/bin/setpriv';
const endsWithUs = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'TERM', '--'] : [];

const running = new Set<ChildProcess>();
let stopped = false;

/** Runs a program and keeps what it says. Once programs are stopped no answer comes, so that nothing more is begun. */
export function run(program: string, args: string[], options: RunOptions = {}): Promise<Ended> {
  const { env = process.env, show, cleansUp = false } = options;
  if (stopped && !cleansUp) return new Promise(() => undefined);
  const [file = '', ...rest] = [...endsWithUs, program, ...args];
  // A group of its own: it can be stopped with all that it has started, and Ctrl-C reaches it through us alone.
  const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'], env, detached: true });
  if (!cleansUp) running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (!stopped || cleansUp) show?.(chunk.toString());
    });
  return new Promise((resolve) => {
    const end = (ended: Ended): void => {
      running.delete(child);
      if (!stopped || cleansUp) resolve(ended);
    };
    child.on('error', (error) => end({ code: 1, output: error.message }));
    child.on('close', (code) => end({ code: code ?? 1, output: plain(output) }));
  });
}

/** Ends all that runs, politely at first. */
export async function stopPrograms(patienceMs = 5_000): Promise<void> {
  stopped = true;
  let groups = [...running].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    groups = groups.filter((group) => signalGroup(group, signal));
    const end = Date.now() + patienceMs;
    while (groups.some((group) => signalGroup(group, 0)) && Date.now() < end) await delay(100);
  }
}

/** False when nobody is left in it. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

export const print = (text: string): void => void process.stdout.write(text);

/** Shows whole lines with a name before them, for what runs beside others. */
export function prefixed(name: string, show: (text: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) show(lines.map((line) => `${name} | ${line}\n`).join(''));
  };
}
