import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { BLOCK } from './limits.ts';

export interface Head {
  status: number;
  length: number;
}

/**
 * One connection to kopia's object server, requests one after the other. Own HTTP: node's costs 50 ms to load and, for
 * every 64 KB, more than the copying itself; here the bytes are gathered in one buffer
 * and go from there to disk.
 */
export class ObjectConnection {
  readonly #socket: Socket;
  readonly #buffer = Buffer.allocUnsafe(BLOCK.bufferBytes);
  #filled = 0;
  #wanted = 1;
  #wake: ((error?: Error) => void) | undefined;
  #broken: Error | undefined;

  constructor(path: string) {
    this.#socket = connect({
      path,
      onread: {
        buffer: Buffer.allocUnsafe(BLOCK.readBytes),
        // False = no more until asked for.
        callback: (bytes, piece) => this.#arrived(Buffer.from(piece.buffer, piece.byteOffset, bytes)),
      },
    });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('kopia closed the connection')));
  }

  /** Sends a GET and reads the head of the answer. */
  async ask(path: string, range?: string): Promise<Head> {
    const header = range === undefined ? '' : `Range: ${range}\r\n`;
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: kopia\r\n${header}\r\n`);
    let end = -1;
    while (end < 0) {
      await this.#fill(this.#filled + 1);
      end = this.#buffer.subarray(0, this.#filled).indexOf('\r\n\r\n');
    }
    const head = this.#buffer.toString('latin1', 0, end);
    this.#buffer.copyWithin(0, end + 4, this.#filled);
    this.#filled -= end + 4;
    return {
      status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
      length: Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? NaN),
    };
  }

  /** Hands the body over in pieces; a piece is valid until its promise is kept. */
  async body(length: number, sink: (piece: Buffer) => Promise<void>): Promise<void> {
    for (let left = length; left > 0; left -= this.#take()) {
      await this.#fill(Math.min(left, BLOCK.writeBytes));
      if (this.#filled > left) throw new Error('kopia sent more bytes than it announced');
      await sink(this.#buffer.subarray(0, this.#filled));
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(): number {
    const taken = this.#filled;
    this.#filled = 0;
    return taken;
  }

  #fill(bytes: number): Promise<void> {
    if (this.#filled >= bytes) return Promise.resolve();
    if (this.#broken) return Promise.reject(this.#broken);
    this.#wanted = Math.min(bytes, this.#buffer.length);
    return new Promise((resolve, reject) => {
      this.#wake = (error) => (error ? reject(error) : resolve());
      this.#socket.resume();
    });
  }

  #arrived(piece: Buffer): boolean {
    const taken = piece.copy(this.#buffer, this.#filled);
    this.#filled += taken;
    if (taken < piece.length) this.close();
    if (this.#filled < this.#wanted) return true;
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
    return false;
  }

  #fail(error: Error): void {
    this.#broken ??= error;
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.(this.#broken);
  }
}
