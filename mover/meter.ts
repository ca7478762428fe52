import type { Counters } from '../platform/kopia/metrics.ts';
import { zeroCounters } from '../platform/kopia/metrics.ts';
import type { BackupProgress } from '../platform/kopia/output.ts';
import type { Emit } from './events.ts';

/**
 * Turns kopia's two accounts into progress: exact counters of what it reads, and its progress line for files that are
 * known from earlier and not read at all. Never goes back, also when a new process starts from the last checkpoint.
 */
export class UploadMeter {
  /** Whatever kopia did so far, over all its processes; grows when it gets on. */
  moved = 0;
  /** Processes so far. */
  rounds = 0;
  readonly #emit: Emit;
  readonly #total: () => number | undefined;
  #counters = zeroCounters();
  #line = noLine();
  /** New bytes of earlier processes. */
  #newBefore = 0;
  #shown = { bytesDone: 0, bytesTotal: 0, filesDone: 0 };
  #last = '';

  constructor(emit: Emit, total: () => number | undefined) {
    this.#emit = emit;
    this.#total = total;
  }

  /** Bytes that the repository did not have. */
  get newBytes(): number {
    return this.#newBefore + Math.max(0, this.#counters.writtenBytes - this.#counters.knownBytes);
  }

  begin(): void {
    this.#newBefore = this.newBytes;
    this.#counters = zeroCounters();
    this.#line = noLine();
    this.rounds++;
  }

  /** Returns a text that stays the same while nothing happens. */
  take(counters: Counters, line: BackupProgress | undefined): string {
    this.moved += counters.uploadedBytes - this.#counters.uploadedBytes;
    this.moved += counters.hashedBytes - this.#counters.hashedBytes;
    const flushed = counters.flushes > this.#counters.flushes;
    this.#counters = counters;
    if (line) this.#line = line;
    this.#show();
    if (flushed) this.#emit({ t: 'checkpoint', bytesDone: this.#shown.bytesDone });
    const { hashedBytes, uploadedBytes, downloadedBytes } = counters;
    return JSON.stringify([hashedBytes, uploadedBytes, downloadedBytes, this.#line]);
  }

  #show(): void {
    const { hashedFiles, hashedBytes, cachedFiles, cachedBytes, estimatedBytes = 0 } = this.#line;
    const total = this.#total();
    const read = Math.max(hashedBytes, this.#counters.writtenBytes) + cachedBytes;
    const bytesDone = Math.max(this.#shown.bytesDone, Math.min(read, total ?? read));
    const bytesTotal = Math.max(bytesDone, total ?? estimatedBytes);
    const filesDone = Math.max(this.#shown.filesDone, hashedFiles + cachedFiles);
    this.#shown = { bytesDone, bytesTotal, filesDone };
    const text = JSON.stringify(this.#shown);
    if (text === this.#last) return;
    this.#last = text;
    this.#emit({ t: 'progress', ...this.#shown });
  }
}

const noLine = (): BackupProgress => ({
  ...{ hashedFiles: 0, hashedBytes: 0, cachedFiles: 0, cachedBytes: 0, uploadedBytes: 0, errors: 0 },
});
