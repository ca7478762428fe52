import { rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { CaravelError, messageOf } from '../core/errors/catalog.ts';
import { serverStart } from '../platform/kopia/commands.ts';
import type { KopiaProcess, Outcome } from '../platform/kopia/process.ts';
import type { Mover } from './context.ts';
import { Liveness, stalled } from './liveness.ts';
import { BLOCK, WATCH } from './limits.ts';
import type { Range, RangeWriter } from './ranges.ts';

/** A `kopia server` on a socket of our own folder, which hands out any range of any object. */
export class ObjectServer {
  readonly #mover: Mover;
  readonly #socket: string;
  readonly #process: KopiaProcess;
  readonly #agent = new Agent({ keepAlive: true });
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
      const answer = await this.#get('/api/v1/repo/status').catch(() => undefined);
      answer?.resume();
      if (answer?.statusCode === 200) return;
      await delay(BLOCK.serverPoll);
    }
    throw new CaravelError('StoreUnavailable', 'kopia could not open the repository in time');
  }

  /** A small object as a whole. */
  async text(object: string): Promise<string> {
    const response = await this.#get(`/api/v1/objects/${encodeURIComponent(object)}`);
    response.setEncoding('utf8');
    let body = '';
    for await (const text of response) body += text as string;
    if (response.statusCode !== 200) throw objectError(object, response.statusCode, body);
    return body;
  }

  async read(object: string, { start, end }: Range, writer: RangeWriter): Promise<void> {
    const range = `bytes=${start}-${end - 1}`;
    const response = await this.#get(`/api/v1/objects/${encodeURIComponent(object)}`, { range });
    if (response.statusCode !== 206) {
      response.resume();
      throw objectError(object, response.statusCode, '');
    }
    for await (const piece of response) await writer.write(piece as Buffer);
    await writer.end();
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
    this.#agent.destroy();
    this.#process.kill('SIGKILL');
  }

  #get(path: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = get({ socketPath: this.#socket, path, headers, agent: this.#agent }, resolve);
      request.on('error', reject);
    });
  }
}

function objectError(object: string, status: number | undefined, body: string): Error {
  if (status === 404)
    return new CaravelError('RepositoryCorrupt', `object ${object} is not in the repository any more`);
  return new Error(`kopia answered ${status} for object ${object}: ${body.slice(0, 200)}`);
}
