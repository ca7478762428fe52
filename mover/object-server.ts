import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { CaravelError, messageOf } from '../core/errors/catalog.ts';
import { serverStart } from '../platform/kopia/commands.ts';
import type { KopiaProcess, Outcome } from '../platform/kopia/process.ts';
import type { Mover } from './context.ts';
import { Liveness, stalled } from './liveness.ts';
import { BLOCK, WATCH } from './limits.ts';
import { ObjectConnection } from './object-connection.ts';
import type { Range } from './ranges.ts';

/** A `kopia server` on a socket of our own folder, which hands out any range of any object. */
export class ObjectServer {
  readonly #mover: Mover;
  readonly #socket: string;
  readonly #process: KopiaProcess;
  readonly #connections = new Set<ObjectConnection>();
  #outcome: Outcome | undefined;
  /** Why the server was ended from here. */
  #verdict: CaravelError | undefined;
  #closed = false;

  constructor(mover: Mover, socket: string) {
    this.#mover = mover;
    this.#socket = socket;
    rmSync(socket, { force: true });
    this.#process = mover.kopia.start(serverStart(socket));
    void this.#process.done.then((outcome) => (this.#outcome = outcome));
    mover.stop.signal.addEventListener('abort', () => this.close(), { once: true });
  }

  async ready(): Promise<void> {
    const until = performance.now() + BLOCK.serverStart;
    while (performance.now() < until) {
      if (this.#outcome || this.#closed) throw new Error('kopia server did not start');
      if (await this.#answers()) return;
      await delay(BLOCK.serverPoll);
    }
    throw new CaravelError('StoreUnavailable', 'kopia could not open the repository in time');
  }

  async #answers(): Promise<boolean> {
    const connection = this.connect();
    try {
      return (await connection.ask('/api/v1/repo/status')).status === 200;
    } catch {
      return false;
    } finally {
      this.#disconnect(connection);
    }
  }

  /** Each reader has its own. */
  connect(): ObjectConnection {
    const connection = new ObjectConnection(this.#socket);
    this.#connections.add(connection);
    return connection;
  }

  #disconnect(connection: ObjectConnection): void {
    connection.close();
    this.#connections.delete(connection);
  }

  /** A small object as a whole. */
  async text(object: string): Promise<string> {
    const connection = this.connect();
    const pieces: Buffer[] = [];
    const { status, length } = await connection.ask(objectPath(object));
    if (status !== 200) throw objectError(object, status);
    await connection.body(length, async (piece) => void pieces.push(Buffer.from(piece)));
    this.#disconnect(connection);
    return Buffer.concat(pieces).toString('utf8');
  }

  /** A part of an object, piece by piece with the place of each. */
  async read(
    connection: ObjectConnection,
    object: string,
    { start, end }: Range,
    write: (piece: Buffer, position: number) => Promise<void>,
  ): Promise<void> {
    const { status, length } = await connection.ask(objectPath(object), `bytes=${start}-${end - 1}`);
    if (status !== 206 || length !== end - start) throw objectError(object, status);
    let position = start;
    await connection.body(length, async (piece) => {
      await write(piece, position);
      position += piece.length;
    });
  }

  /** Looks each second whether bytes still arrive; returns the function that ends it. */
  watch(bytes: () => number, show: () => void): () => void {
    const liveness = new Liveness(this.#process.pid, this.#mover.stallMs);
    const timer = setInterval(() => {
      show();
      const silence = liveness.look(String(bytes()), 0);
      if (!liveness.isDead(silence)) return;
      this.#verdict = stalled(silence);
      this.close();
    }, WATCH.interval);
    return () => clearInterval(timer);
  }

  /** What is behind an error of a request: often the server's own end. */
  async explain(thrown: unknown): Promise<CaravelError> {
    if (this.#verdict) return this.#verdict;
    if (thrown instanceof CaravelError) return thrown;
    // Its last words arrive a moment after the connection breaks.
    const outcome = this.#outcome ?? (await Promise.race([this.#process.done, delay(200)]));
    if (outcome && !this.#closed) return this.#mover.kopia.explain(outcome);
    const found = await this.#mover.kopia.probe();
    if (found.state === 'error') return found.error;
    return new CaravelError('MoverFailed', `reading the snapshot: ${messageOf(thrown)}`);
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#connections) connection.close();
    this.#process.kill('SIGKILL');
  }
}

const objectPath = (object: string) => `/api/v1/objects/${encodeURIComponent(object)}`;

function objectError(object: string, status: number): Error {
  if (status === 404)
    return new CaravelError('RepositoryCorrupt', `object ${object} is not in the repository any more`);
  return new Error(`kopia answered ${status} for object ${object}`);
}
