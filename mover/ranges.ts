import type { FileHandle } from 'node:fs/promises';
import { BLOCK } from './limits.ts';

export interface Range {
  start: number;
  /** Exclusive. */
  end: number;
}

const CHUNK = 4 * 1024 * 1024;

/** Cuts at multiples of the usual chunk, so that few chunks are read for two ranges. */
export function cutRanges(size: number): Range[] {
  const wished = Math.ceil(size / BLOCK.ranges / CHUNK) * CHUNK;
  const step = Math.min(BLOCK.largestRange, Math.max(BLOCK.smallestRange, wished));
  return Array.from({ length: Math.ceil(size / step) }, (_, index) => ({
    start: index * step,
    end: Math.min(size, (index + 1) * step),
  }));
}

/** Gathers the small pieces of a response into large writes at the right place. */
export class RangeWriter {
  readonly #device: FileHandle;
  readonly #range: Range;
  readonly #onWritten: (bytes: number) => void;
  #position: number;
  #pieces: Buffer[] = [];
  #gathered = 0;

  constructor(device: FileHandle, range: Range, onWritten: (bytes: number) => void) {
    this.#device = device;
    this.#range = range;
    this.#onWritten = onWritten;
    this.#position = range.start;
  }

  async write(piece: Buffer): Promise<void> {
    if (this.#position + this.#gathered + piece.length > this.#range.end)
      throw new Error('kopia sent more bytes than the range has');
    this.#pieces.push(piece);
    this.#gathered += piece.length;
    if (this.#gathered >= BLOCK.writeBytes) await this.#flush();
  }

  /** The range is complete only when this succeeds. */
  async end(): Promise<void> {
    await this.#flush();
    const missing = this.#range.end - this.#position;
    if (missing > 0) throw new Error(`kopia broke off ${missing} bytes before the end of a range`);
  }

  async #flush(): Promise<void> {
    const [pieces, length] = [this.#pieces, this.#gathered];
    if (length === 0) return;
    this.#pieces = [];
    this.#gathered = 0;
    let rest = Buffer.concat(pieces, length);
    while (rest.length > 0) {
      const { bytesWritten } = await this.#device.write(rest, 0, rest.length, this.#position);
      this.#position += bytesWritten;
      rest = rest.subarray(bytesWritten);
      this.#onWritten(bytesWritten);
    }
  }
}
