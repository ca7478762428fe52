import type { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import type { ListObjectsV2CommandOutput, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import pLimit from 'p-limit';
import { CaravelError } from '../../core/errors/catalog.ts';
import type { ErrorCode } from '../../core/errors/catalog.ts';
import { checkFolder, checkKey, checkPrefix } from './keys.ts';
import { PRESIGN_SECONDS, REQUESTS, TRANSFER } from './limits.ts';
import { createS3Client, createS3Context } from './s3-client.ts';
import type { S3Context } from './s3-client.ts';
import { readStream, readWhole } from './s3-read.ts';
import { abortUploads, putAbsent, putObject, uploadStream } from './s3-write.ts';
import type { Conditional, PutOptions } from './s3-write.ts';
import type { ObjectInfo, ObjectStore, StoreConfig } from './types.ts';

export const createS3Store = (config: StoreConfig): ObjectStore => new S3Store(createS3Context(config));

class S3Store implements ObjectStore {
  readonly #s3: S3Context;
  #conditional: Conditional = 'unknown';
  #signer: Promise<S3Client> | undefined;

  constructor(s3: S3Context) {
    this.#s3 = s3;
  }

  async put(key: string, body: Buffer | string, options: PutOptions = {}): Promise<void> {
    checkKey(key);
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    if (!options.ifAbsent) return putObject(this.#s3, key, bytes, options);
    const exists = async () => (await this.head(key)) !== undefined;
    const answer = { ...options, exists, conditional: this.#conditional };
    this.#conditional = await putAbsent(this.#s3, key, bytes, answer);
  }

  putStream(key: string, body: Readable, options: { signal?: AbortSignal } = {}) {
    checkKey(key);
    return uploadStream(this.#s3, key, body, options.signal);
  }

  get(key: string, options: { maxBytes?: number } = {}): Promise<Buffer> {
    return readWhole(this.#s3, checkKey(key), options.maxBytes ?? TRANSFER.getBytes);
  }

  getStream(
    key: string,
    options: { signal?: AbortSignal; start?: number; end?: number } = {},
  ): Promise<Readable> {
    return readStream(this.#s3, checkKey(key), options);
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const target = { Bucket: this.#s3.config.bucket, Key: this.#s3.full(checkKey(key)) };
    try {
      const found = await this.#s3.client.send(new HeadObjectCommand(target));
      return infoOf(key, found);
    } catch (error) {
      const failure = this.#s3.fail(error, 'head', key);
      if (!isCode(failure, 'StoreNotFound')) throw failure;
    }
    return this.#headInWords(key, target);
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    for await (const page of this.#pages(checkPrefix(prefix))) {
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        yield { key: this.#relative(Key ?? '', page), size: Size ?? 0, lastModified: isoTime(LastModified) };
      }
    }
  }

  async folders(prefix: string): Promise<string[]> {
    const names: string[] = [];
    for await (const page of this.#pages(checkPrefix(prefix), '/')) {
      for (const { Prefix } of page.CommonPrefixes ?? []) {
        names.push(this.#relative(Prefix ?? '', page).slice(prefix.length, -1));
      }
    }
    return names;
  }

  async remove(keys: string[]): Promise<void> {
    keys.forEach(checkKey);
    await this.#remove(keys);
  }

  async removeAll(prefix: string): Promise<number> {
    checkFolder(prefix);
    let removed = 0;
    let batch: string[] = [];
    // Keys as the store lists them, unchecked: what others left below the folder must go as well.
    for await (const { key } of this.list(prefix)) {
      batch.push(key);
      if (batch.length < REQUESTS.deleteBatch) continue;
      await this.#remove(batch);
      removed += batch.length;
      batch = [];
    }
    await this.#remove(batch);
    return removed + batch.length;
  }

  abortUploads(prefix: string): Promise<number> {
    return abortUploads(this.#s3, checkFolder(prefix));
  }

  async presignGet(key: string, ttlSeconds: number): Promise<string> {
    const command = new GetObjectCommand({
      Bucket: this.#s3.config.bucket,
      Key: this.#s3.full(checkKey(key)),
    });
    try {
      this.#signer ??= this.#createSigner();
      return await getSignedUrl(await this.#signer, command, {
        expiresIn: Math.min(ttlSeconds, PRESIGN_SECONDS),
      });
    } catch (error) {
      this.#signer = undefined;
      throw this.#s3.fail(error, 'presign', key);
    }
  }

  close(): void {
    this.#s3.client.destroy();
    this.#signer?.then((client) => client.destroy()).catch(() => {});
  }

  /** A link cannot follow a redirect to another region, so the region is asked for when it was not given. */
  async #createSigner(): Promise<S3Client> {
    const { config, client } = this.#s3;
    let { region } = config;
    if (region === '') {
      const bucket = await client.send(new HeadBucketCommand({ Bucket: config.bucket }));
      region = bucket.BucketRegion ?? '';
    }
    return createS3Client({ ...config, region }, config.publicUrl ?? config.endpoint);
  }

  async *#pages(prefix: string, delimiter?: string): AsyncGenerator<ListObjectsV2CommandOutput> {
    let token: string | undefined;
    do {
      const command = new ListObjectsV2Command({
        Bucket: this.#s3.config.bucket,
        Prefix: this.#s3.full(prefix),
        // XML cannot hold every character that a key may have.
        EncodingType: 'url',
        ...(delimiter === undefined ? {} : { Delimiter: delimiter }),
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      let page: ListObjectsV2CommandOutput;
      try {
        page = await this.#s3.client.send(command);
      } catch (error) {
        throw this.#s3.fail(error, 'list', prefix);
      }
      // An empty list from something that is no store would pass for an empty bucket.
      if (page.Name === undefined && page.KeyCount === undefined && page.IsTruncated === undefined) {
        throw this.#s3.fail(new CaravelError('StoreUnavailable', notAStore(this.#s3.config)), 'list');
      }
      yield page;
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  #relative(text: string, page: ListObjectsV2CommandOutput): string {
    const key = page.EncodingType === 'url' ? decodeURIComponent(text.replaceAll('+', ' ')) : text;
    return key.slice(this.#s3.config.prefix.length);
  }

  async #remove(keys: string[]): Promise<void> {
    for (let start = 0; start < keys.length; start += REQUESTS.deleteBatch) {
      const batch = keys.slice(start, start + REQUESTS.deleteBatch);
      try {
        await this.#removeBatch(batch);
      } catch (error) {
        const failure = this.#s3.fail(error, 'delete', batch[0]);
        if (!isCode(failure, 'NotSupported')) throw failure;
        await this.#removeSingly(batch);
      }
    }
  }

  async #removeBatch(keys: string[]): Promise<void> {
    const answer = await this.#s3.client.send(
      new DeleteObjectsCommand({
        Bucket: this.#s3.config.bucket,
        Delete: { Quiet: true, Objects: keys.map((key) => ({ Key: this.#s3.full(key) })) },
      }),
    );
    const failed = answer.Errors?.find(({ Code }) => Code !== 'NoSuchKey');
    if (!failed) return;
    const error = { name: failed.Code ?? 'InternalError', message: failed.Message ?? '', $metadata: {} };
    throw this.#s3.fail(
      { ...error, code: error.name },
      'delete',
      (failed.Key ?? '').slice(this.#s3.config.prefix.length),
    );
  }

  /** For stores that have no DeleteObjects. */
  async #removeSingly(keys: string[]): Promise<void> {
    const limit = pLimit(REQUESTS.deleteParallel);
    const removals = keys.map((key) =>
      limit(async () => {
        try {
          await this.#s3.client.send(
            new DeleteObjectCommand({ Bucket: this.#s3.config.bucket, Key: this.#s3.full(key) }),
          );
        } catch (error) {
          const failure = this.#s3.fail(error, 'delete', key);
          if (!isCode(failure, 'StoreNotFound')) throw failure;
        }
      }),
    );
    await Promise.all(removals);
  }

  /** The answer to HEAD has no text: a missing bucket or user looks like a missing object. GET tells them apart. */
  async #headInWords(key: string, target: { Bucket: string; Key: string }): Promise<ObjectInfo | undefined> {
    try {
      const found = await this.#s3.client.send(new GetObjectCommand(target));
      (found.Body as Readable).destroy();
      return infoOf(key, found);
    } catch (error) {
      const failure = this.#s3.fail(error, 'head', key);
      if (isCode(failure, 'StoreNotFound')) return undefined;
      throw failure;
    }
  }
}

const isCode = (error: unknown, code: ErrorCode) => error instanceof CaravelError && error.code === code;

const infoOf = (
  key: string,
  found: { ContentLength?: number | undefined; LastModified?: Date | undefined },
): ObjectInfo => ({
  key,
  size: found.ContentLength ?? 0,
  lastModified: isoTime(found.LastModified),
});

const notAStore = (config: StoreConfig) =>
  `list bucket ${config.bucket}: the answer of ${config.endpoint ?? 'AWS'} is not that of an S3 store`;

const isoTime = (time: Date | undefined) => (time ?? new Date(0)).toISOString();
