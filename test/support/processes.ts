import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Processes of this machine, containers' included, by their command line. */
export function processesOf(match: (command: string) => boolean): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return match(command) ? [{ pid: Number(entry), command }] : [];
      } catch {
        // Gone meanwhile.
        return [];
      }
    });
}

/** Processes inside a container whose environment names this run. */
export const inRun = (uid: string, word: string) =>
  processesOf((command) => command.includes(word)).filter(({ pid }) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(uid) || parentNames(pid, uid);
    } catch {
      return false;
    }
  });

function parentNames(pid: number, uid: string): boolean {
  const parent = /\nPPid:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (
    parent !== undefined &&
    Number(parent) > 1 &&
    readFileSync(`/proc/${parent}/environ`, 'utf8').includes(uid)
  );
}

export async function until<T>(
  test: () => Promise<T | undefined> | T | undefined,
  what: string,
  timeoutMs = 120_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    const value = await test();
    if (value !== undefined) return value;
    await delay(200);
  }
  throw new Error(`${what}: not within ${timeoutMs} ms`);
}
