/**
 * Splits a byte stream into lines. Works on bytes, so that a character cut in two by the network stays whole.
 * A line longer than `maxBytes` is either cut there (`cut`) or an error.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  options: { maxBytes: number; tooLong: 'cut' | (() => Error) },
): AsyncGenerator<string> {
  const line = new LineBuffer(options.maxBytes, options.tooLong);
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      line.add(bytes.subarray(start, end));
      yield line.take();
      start = end + 1;
    }
    line.add(bytes.subarray(start));
  }
  if (!line.empty) yield line.take();
}

const NEWLINE = 10;

class LineBuffer {
  readonly #maxBytes: number;
  readonly #tooLong: 'cut' | (() => Error);
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number, tooLong: 'cut' | (() => Error)) {
    this.#maxBytes = maxBytes;
    this.#tooLong = tooLong;
  }

  get empty(): boolean {
    return this.#bytes === 0;
  }

  add(part: Buffer): void {
    const room = this.#maxBytes - this.#bytes;
    if (part.length > room && this.#tooLong !== 'cut') throw this.#tooLong();
    // One byte beyond the limit is kept, so that `take` can tell a cut line from one that just fits.
    const kept = part.subarray(0, room + 1);
    if (kept.length === 0) return;
    this.#parts.push(kept);
    this.#bytes += kept.length;
  }

  take(): string {
    const [first = Buffer.alloc(0)] = this.#parts;
    const whole = this.#parts.length > 1 ? Buffer.concat(this.#parts) : first;
    this.#parts = [];
    this.#bytes = 0;
    if (whole.length > this.#maxBytes) return cutAtCharacter(whole, this.#maxBytes);
    return whole.toString('utf8');
  }
}

/** At most `length` bytes, without the half of a character at the end. */
function cutAtCharacter(bytes: Buffer, length: number): string {
  let end = length;
  // 0b10xxxxxx continues a character.
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
