import { readFileSync } from 'node:fs';
import { CaravelError } from '../core/errors/catalog.ts';
import { LIVENESS } from './limits.ts';

/**
 * Whether a kopia process still moves bytes. Its counters change only when an object is through, which takes minutes
 * on a slow link; the kernel's account of what it reads and writes, connections included, grows with every packet.
 */
export class Liveness {
  readonly #pid: number | undefined;
  readonly #stallMs: number;
  readonly #ioOf: (pid: number) => number | undefined;
  #state = '';
  #io = 0;
  #changed = performance.now();

  constructor(pid: number | undefined, stallMs: number, ioOf = processIo) {
    this.#pid = pid;
    this.#stallMs = stallMs;
    this.#ioOf = ioOf;
  }

  /** `chatter` = bytes that only went between kopia and us, as reports. Returns the milliseconds of silence. */
  look(state: string, chatter: number, now = performance.now()): number {
    const io = this.#pid === undefined ? undefined : this.#ioOf(this.#pid);
    // A report on its way counts on one side alone for a moment, hence the threshold.
    const moved = io !== undefined && io - chatter > this.#io + LIVENESS.threshold;
    if (moved) this.#io = io - chatter;
    if (moved || state !== this.#state) {
      this.#state = state;
      this.#changed = now;
    }
    return now - this.#changed;
  }

  isDead(silence: number): boolean {
    return silence >= this.#stallMs;
  }
}

/** Bytes that a process has read and written by system calls; undefined where the kernel does not tell. */
function processIo(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/io`, 'latin1');
    const count = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
    return count('rchar') + count('wchar');
  } catch {
    return undefined;
  }
}

export const stalled = (silence: number) =>
  new CaravelError('MoverStalled', `no byte moved for ${Math.round(silence / 1000)} s`);

/** With a limit of speed kopia sleeps until a whole pack is granted, and that is no fault. */
export function stallTime(usual: number, { uploadLimit, downloadLimit }: Limits, restores: boolean): number {
  const limit = restores ? downloadLimit : uploadLimit;
  return limit > 0 ? usual + (2 * LIVENESS.grantBytes * 1_000) / limit : usual;
}

interface Limits {
  uploadLimit: number;
  downloadLimit: number;
}
