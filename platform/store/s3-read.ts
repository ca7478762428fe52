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
  for await (const chunk of reader.chunks()) {
    chunks.push(chunk);
    bytes += chunk.length;
    // A store that does not tell the size beforehand is bounded here.
    if (bytes > maxBytes) throw tooLarge(s3, key, maxBytes);
  }
  return Buffer.concat(chunks, bytes);
}

/** The object as a stream that survives broken connections, and consumers too slow for the connection's idle limit. */
export async function readStream(s3: S3Context, key: string, options: ReadOptions): Promise<Readable> {
  const reader = new ResumingReader(s3, key, options);
  await reader.open();
  const stream = Readable.from(reader.chunks(), { objectMode: false });
  // A stream that is given up before its first byte never gets as far as the reader's own end.
  return stream.once('close', () => reader.close());
}

const tooLarge = (s3: S3Context, key: string, maxBytes: number) =>
  s3.fail(
    new CaravelError(
      'StoreTooLarge',
      `get ${s3.config.bucket}/${s3.full(key)}: larger than ${maxBytes} bytes`,
    ),
    'get',
  );

/** Reads one version of an object; after a break it asks for the rest of the same version. */
class ResumingReader {
  readonly #s3: S3Context;
  readonly #key: string;
  readonly #options: ReadOptions;
  /** Position of the next byte in the object. */
  #offset: number;
  #body: Readable | undefined;
  #etag: string | undefined;
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

  close(): void {
    this.#body?.destroy();
  }

  async *chunks(): AsyncGenerator<Buffer> {
    let breaks = 0;
    try {
      for (;;) {
        try {
          for await (const chunk of this.#body as AsyncIterable<Buffer>) {
            this.#offset += chunk.length;
            breaks = 0;
            yield chunk;
          }
          if (this.#stop === undefined || this.#offset >= this.#stop) return;
          throw Object.assign(new Error('the answer ended early'), { code: 'ECONNRESET' });
        } catch (error) {
          breaks += 1;
          if (this.#options.signal?.aborted) throw this.#options.signal.reason;
          if (breaks > REQUESTS.resumes) throw this.#s3.fail(error, 'get', this.#key);
        }
        if (this.#stop !== undefined && this.#offset >= this.#stop) return;
        await this.#request(true);
      }
    } finally {
      this.close();
    }
  }

  async #request(ranged: boolean): Promise<GetObjectCommandOutput> {
    const { signal, end } = this.#options;
    const command = new GetObjectCommand({
      Bucket: this.#s3.config.bucket,
      Key: this.#s3.full(this.#key),
      ...(ranged ? { Range: `bytes=${this.#offset}-${end ?? ''}` } : {}),
      ...(this.#etag === undefined ? {} : { IfMatch: this.#etag }),
    });
    let response: GetObjectCommandOutput;
    try {
      response = await this.#s3.client.send(command, signal ? { abortSignal: signal } : {});
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw this.#changed(error) ?? this.#s3.fail(error, 'get', this.#key);
    }
    // Until it is read nobody listens, and an unheard error would end the process; the read gets it, too.
    this.#body = (response.Body as Readable).on('error', () => {});
    // Without it the answer is the whole object, and bytes would be read twice.
    if (ranged && !response.ContentRange?.startsWith(`bytes ${this.#offset}-`)) {
      this.close();
      throw this.#unavailable('the store does not serve parts of objects');
    }
    return response;
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
