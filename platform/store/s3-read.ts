import { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { CaravelError } from '../../core/errors/catalog.ts';
import { REQUESTS } from './limits.ts';
import type { S3Context } from './s3-client.ts';

interface ReadOptions {
  signal?: AbortSignal;
  start?: number;
  /** The last byte wanted. */
  end?: number;
}

/** The whole object; its size is known from the first answer, so nothing is loaded that is too large. */
export async function readWhole(s3: S3Context, key: string, maxBytes: number): Promise<Buffer> {
  const reader = new ResumingReader(s3, key, {});
  const size = await reader.open();
  if (size > maxBytes) {
    reader.close();
    throw tooLarge(s3, key, maxBytes);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for (let chunk = await reader.next(); chunk; chunk = await reader.next()) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes <= maxBytes) continue;
    // A store that does not tell the size beforehand is bounded here.
    reader.close();
    throw tooLarge(s3, key, maxBytes);
  }
  return Buffer.concat(chunks, bytes);
}

/** The object as a stream that survives broken connections, and consumers too slow for the connection's idle limit. */
export async function readStream(s3: S3Context, key: string, options: ReadOptions): Promise<Readable> {
  const reader = new ResumingReader(s3, key, options);
  await reader.open();
  // Not `Readable.from`: destroying that one waits for the bytes that are on their way, and they may never come.
  const stream = new Readable({
    read: () => {
      reader.next().then(
        (chunk) => stream.push(chunk ?? null),
        (error: Error) => stream.destroy(error),
      );
    },
    destroy: (error, done) => {
      reader.close();
      done(error);
    },
  });
  return stream;
}

const tooLarge = (s3: S3Context, key: string, maxBytes: number) =>
  s3.fail(
    new CaravelError(
      'StoreTooLarge',
      `get ${s3.config.bucket}/${s3.full(key)}: larger than ${maxBytes} bytes`,
    ),
    'get',
  );

const ENDED_EARLY = Object.assign(new Error('the answer ended early'), { code: 'ECONNRESET' });

/** Reads one version of an object; after a break it asks for the rest of the same version. */
class ResumingReader {
  readonly #s3: S3Context;
  readonly #key: string;
  readonly #options: ReadOptions;
  /** Position of the next byte in the object. */
  #offset: number;
  #body: Readable | undefined;
  #parts: AsyncIterator<Buffer> | undefined;
  #etag: string | undefined;
  #closed = false;
  /** Position behind the last byte wanted; unknown when the store does not tell. */
  #stop: number | undefined;

  constructor(s3: S3Context, key: string, options: ReadOptions) {
    this.#s3 = s3;
    this.#key = key;
    this.#options = options;
    this.#offset = options.start ?? 0;
  }

  /** Bytes to come; 0 when the store does not tell. */
  async open(): Promise<number> {
    const response = await this.#request(
      this.#options.start !== undefined || this.#options.end !== undefined,
    );
    this.#etag = response.ETag;
    if (response.ContentLength !== undefined) this.#stop = this.#offset + response.ContentLength;
    return response.ContentLength ?? 0;
  }

  /** Lets go of the connection; `next` ends. */
  close(): void {
    this.#closed = true;
    this.#body?.destroy();
  }

  /** The next bytes, after as many new attempts as that takes; undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    for (let breaks = 0; ; breaks += 1) {
      const read = await this.#read();
      if (read instanceof Buffer) {
        this.#offset += read.length;
        return read;
      }
      const complete = this.#stop === undefined ? read === undefined : this.#offset >= this.#stop;
      if (complete || this.#closed) return undefined;
      if (this.#options.signal?.aborted) throw this.#options.signal.reason;
      if (breaks >= REQUESTS.resumes) throw this.#s3.fail(read ?? ENDED_EARLY, 'get', this.#key);
      await this.#request(true);
    }
  }

  /** Bytes, why there are none, or undefined at the end of the answer. */
  async #read(): Promise<Buffer | Error | undefined> {
    try {
      const { done, value } = await this.#parts!.next();
      return done ? undefined : value;
    } catch (error) {
      return error as Error;
    }
  }

  async #request(ranged: boolean): Promise<GetObjectCommandOutput> {
    const response = await this.#send(
      ranged ? `bytes=${this.#offset}-${this.#options.end ?? ''}` : undefined,
    );
    // Until it is read nobody listens, and an unheard error would end the process; the read gets it, too.
    this.#body = (response.Body as Readable).on('error', () => {});
    this.#parts = this.#body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    // Closed while the request was on its way.
    if (this.#closed) this.#body.destroy();
    // Without it the answer is the whole object, and bytes would be read twice.
    if (ranged && !response.ContentRange?.startsWith(`bytes ${this.#offset}-`)) {
      this.close();
      throw this.#unavailable('the store does not serve parts of objects');
    }
    return response;
  }

  async #send(range: string | undefined): Promise<GetObjectCommandOutput> {
    const { signal } = this.#options;
    const command = new GetObjectCommand({
      Bucket: this.#s3.config.bucket,
      Key: this.#s3.full(this.#key),
      ...(range === undefined ? {} : { Range: range }),
      ...(this.#etag === undefined ? {} : { IfMatch: this.#etag }),
    });
    try {
      return await this.#s3.client.send(command, signal ? { abortSignal: signal } : {});
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw this.#changed(error) ?? this.#s3.fail(error, 'get', this.#key);
    }
  }

  #changed(error: unknown): Error | undefined {
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
    return status === 412 ? this.#unavailable('the object was replaced while it was read') : undefined;
  }

  #unavailable(reason: string): Error {
    return new CaravelError(
      'StoreUnavailable',
      `get ${this.#s3.config.bucket}/${this.#s3.full(this.#key)}: ${reason}`,
    );
  }
}
