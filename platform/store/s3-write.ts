import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import type { ListMultipartUploadsCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { CaravelError } from '../../core/errors/catalog.ts';
import { TRANSFER } from './limits.ts';
import { readWhole } from './s3-read.ts';
import type { S3Context } from './s3-client.ts';

export interface PutOptions {
  ifAbsent?: boolean;
  contentType?: string;
}

/** Whether the store keeps the condition `If-None-Match: *`; some ignore it and overwrite, some refuse the request. */
export type Conditional = 'unknown' | 'kept' | 'ignored';

export async function putObject(
  s3: S3Context,
  key: string,
  body: Buffer,
  options: PutOptions & { condition?: boolean } = {},
): Promise<void> {
  const command = new PutObjectCommand({
    Bucket: s3.config.bucket,
    Key: s3.full(key),
    Body: body,
    ...(options.contentType ? { ContentType: options.contentType } : {}),
    ...(options.condition ? { IfNoneMatch: '*' } : {}),
    ...s3.writing,
  });
  let etag: string | undefined;
  try {
    etag = (await s3.client.send(command)).ETag;
  } catch (error) {
    throw s3.fail(error, 'put', key);
  }
  // Whatever says yes to a PUT without it is no store, and nothing was kept.
  if (etag === undefined) {
    throw new CaravelError(
      'StoreUnavailable',
      `put ${s3.config.bucket}/${s3.full(key)}: not the answer of an S3 store`,
    );
  }
}

/**
 * Creates an object that must not be there yet, and returns what was learnt about the store. One that ignores the
 * condition is found out by the first object: put a second time with the same bytes, it must be refused.
 */
export async function putAbsent(
  s3: S3Context,
  key: string,
  body: Buffer,
  options: PutOptions & { conditional: Conditional; exists: () => Promise<boolean> },
): Promise<Conditional> {
  // Where the condition may be ignored, looking first is all the protection there is.
  if (options.conditional !== 'kept' && (await options.exists())) {
    await sameOrExists(s3, key, body);
    return options.conditional;
  }
  if (options.conditional === 'ignored') {
    await putObject(s3, key, body, options);
    return 'ignored';
  }
  const first = await tryConditional(s3, key, body, options);
  if (first === 'refused') await sameOrExists(s3, key, body);
  if (first === 'unsupported') await putObject(s3, key, body, options);
  if (first === 'unsupported') return 'ignored';
  if (first === 'refused' || options.conditional === 'kept') return 'kept';
  return (await tryConditional(s3, key, body, options)) === 'refused' ? 'kept' : 'ignored';
}

async function tryConditional(
  s3: S3Context,
  key: string,
  body: Buffer,
  options: PutOptions,
): Promise<'written' | 'refused' | 'unsupported'> {
  try {
    await putObject(s3, key, body, { ...options, condition: true });
    return 'written';
  } catch (error) {
    if (error instanceof CaravelError && error.code === 'StoreExists') return 'refused';
    if (error instanceof CaravelError && error.code === 'NotSupported') return 'unsupported';
    throw error;
  }
}

/** An earlier attempt whose answer was lost wrote the same bytes; anything else belongs to somebody else. */
async function sameOrExists(s3: S3Context, key: string, body: Buffer): Promise<void> {
  const place = `${s3.config.bucket}/${s3.full(key)}`;
  const exists = new CaravelError('StoreExists', `put ${place}: there is an object of that key already`);
  const stored = await readWhole(s3, key, body.length).catch((error: unknown) => {
    throw error instanceof CaravelError && error.code === 'StoreTooLarge' ? exists : error;
  });
  if (!stored.equals(body)) throw exists;
}

/** Uploads a stream of unknown length; on any failure the parts sent so far are taken back. */
export async function uploadStream(
  s3: S3Context,
  key: string,
  body: Readable,
  signal: AbortSignal | undefined,
): Promise<{ bytes: number; sha256: string }> {
  const meter = new Meter();
  let cause: Error | undefined;
  // Breaking the source rather than the upload lets lib-storage end in order: parts in flight first, then the abort.
  const stop = (error: Error) => {
    cause ??= error;
    meter.destroy(error);
  };
  const onAbort = () => stop(signal!.reason as Error);
  body
    .once('error', stop)
    .once('close', () => body.readableEnded || stop(new Error('the source ended early')));
  meter.once('error', () => body.destroy());
  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  const upload = new Upload({
    client: abortable(s3.client, signal),
    params: { Bucket: s3.config.bucket, Key: s3.full(key), Body: body.pipe(meter), ...s3.writing },
    partSize: TRANSFER.partBytes,
    queueSize: TRANSFER.parallelParts,
    // Taking parts back is done here, because once is not always enough.
    leavePartsOnError: true,
  });
  try {
    await upload.done();
    return { bytes: meter.bytes, sha256: meter.hash.digest('hex') };
  } catch (error) {
    if (upload.uploadId !== undefined) await takeBack(s3, key, upload.uploadId);
    throw cause ?? s3.fail(error, 'put', key);
  } finally {
    signal?.removeEventListener('abort', onAbort);
    body.destroy();
  }
}

/**
 * Aborts an upload until it is gone: a part that was on its way when the connection broke may arrive after the abort,
 * and the upload is there again. What a dead store keeps is left to `abortUploads`.
 */
async function takeBack(s3: S3Context, key: string, uploadId: string): Promise<void> {
  const target = { Bucket: s3.config.bucket, Key: s3.full(key), UploadId: uploadId };
  try {
    for (const wait of TRANSFER.abortWaits) {
      await s3.client.send(new AbortMultipartUploadCommand(target)).catch(ignoreGone);
      await delay(wait);
      await s3.client.send(new ListPartsCommand({ ...target, MaxParts: 1 }));
    }
  } catch {
    // NoSuchUpload is the good end; any other error must not hide why the upload failed.
  }
}

/** Counts and hashes what passes. */
class Meter extends Transform {
  readonly hash = createHash('sha256');
  bytes = 0;

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, chunk: Buffer) => void): void {
    this.bytes += chunk.length;
    this.hash.update(chunk);
    done(null, chunk);
  }
}

/** A client whose transfers end with the signal. Opening and aborting an upload do not: its id would be lost. */
function abortable(client: S3Client, signal: AbortSignal | undefined): S3Client {
  if (!signal) return client;
  const send = (command: { constructor: { name: string } }) => {
    const transfer = ['UploadPartCommand', 'PutObjectCommand'].includes(command.constructor.name);
    return client.send(command as never, transfer ? { abortSignal: signal } : {});
  };
  return new Proxy(client, { get: (target, name) => (name === 'send' ? send : Reflect.get(target, name)) });
}

/** Aborts the unfinished uploads below a prefix. */
export async function abortUploads(s3: S3Context, prefix: string): Promise<number> {
  let aborted = 0;
  let marker: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
  const base = { Bucket: s3.config.bucket, Prefix: s3.full(prefix) };
  try {
    while (marker) {
      const command = new ListMultipartUploadsCommand({ ...base, ...marker });
      const page: ListMultipartUploadsCommandOutput = await s3.client.send(command);
      for (const { Key, UploadId } of page.Uploads ?? []) {
        await s3.client
          .send(new AbortMultipartUploadCommand({ Bucket: base.Bucket, Key, UploadId }))
          .catch(ignoreGone);
        aborted += 1;
      }
      marker = page.IsTruncated
        ? { KeyMarker: page.NextKeyMarker ?? '', UploadIdMarker: page.NextUploadIdMarker ?? '' }
        : undefined;
    }
  } catch (error) {
    throw s3.fail(error, 'abort uploads of', prefix);
  }
  return aborted;
}

function ignoreGone(error: unknown): void {
  if ((error as Error).name !== 'NoSuchUpload') throw error;
}
