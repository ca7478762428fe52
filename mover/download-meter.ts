import type { Counters } from '../platform/kopia/metrics.ts';
import { zeroCounters } from '../platform/kopia/metrics.ts';
import type { RestoreProgress } from '../platform/kopia/output.ts';
import type { Emit } from './events.ts';

/** Progress of a restore; kopia tells what is written in rounded numbers only, and nothing about the whole. */
export class DownloadMeter {
  /** Grows when bytes arrive, over all processes. */
  moved = 0;
  readonly #emit: Emit;
  #counters = zeroCounters();
  #total = 0;
  #shown = { bytesDone: 0, filesDone: 0 };
  #last = '';

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  /** The size as the manifest states it. */
  expect({ size }: { size: number }): void {
    this.#total = size;
  }

  begin(): void {
    this.#counters = zeroCounters();
  }

  take(counters: Counters, line: RestoreProgress | undefined): string {
    this.moved += counters.downloadedBytes - this.#counters.downloadedBytes;
    this.#counters = counters;
    if (line) this.#show(line.bytes, line.done);
    return JSON.stringify([counters.downloadedBytes, line]);
  }

  /** Exact bytes, where they are written from here. */
  show(bytes: number): void {
    this.#show(bytes, 0);
  }

  finish(bytes: number, files: number): void {
    this.#total = bytes;
    this.#show(bytes, files);
  }

  #show(bytes: number, files: number): void {
    const cap = this.#total || Number.MAX_SAFE_INTEGER;
    const bytesDone = Math.max(this.#shown.bytesDone, Math.min(bytes, cap));
    this.#shown = { bytesDone, filesDone: Math.max(this.#shown.filesDone, files) };
    const event = { ...this.#shown, bytesTotal: Math.max(this.#total, bytesDone) };
    const text = JSON.stringify(event);
    if (text !== this.#last) this.#emit({ t: 'progress', ...event });
    this.#last = text;
  }
}
