import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateBucketCommand, DeleteBucketCommand } from '@aws-sdk/client-s3';
import { createS3Client } from '../../platform/store/s3-client.ts';
import { createS3Store } from '../../platform/store/s3-store.ts';
import type { ObjectStore, StoreConfig } from '../../platform/store/types.ts';
import { dyingWithUs } from './dying.ts';

/** A real S3 server for tests: the lab's when its environment is given, else one of our own for the test file. */
export interface S3Server {
  endpoint: string;
  /** A new, empty bucket; goes with the server. */
  createBucket(): Promise<string>;
  config(bucket: string, changes?: Partial<StoreConfig>): StoreConfig;
  stop(): Promise<void>;
}

interface Access {
  endpoint: string;
  region: string;
  credentials: StoreConfig['credentials'];
}

export interface ServerOptions {
  /** Serves HTTPS with this certificate; never the lab's server then. */
  tls?: { cert: string; key: string; ca: string };
}

export async function startS3Server(options: ServerOptions = {}): Promise<S3Server> {
  const given = process.env.S3_ENDPOINT;
  if (given && !options.tls) return handle(labAccess(given), {}, async () => {});
  const dir = mkdtempSync(join(tmpdir(), 'caravel-s3-'));
  ['data', 'meta'].forEach((name) => mkdirSync(join(dir, name)));
  const port = await freePort();
  // The keys of the lab, when there is one: a test may use both servers with one set of keys.
  const credentials = {
    accessKeyId: process.env.S3_ACCESS_KEY_ID ?? 'lab',
    secretAccessKey: process.env.S3_SECRET_ACCESS_KEY ?? 'labsecret',
  };
  const server = spawn(...dyingWithUs('KILL', findServer(), serverArguments(dir, port, options)), {
    env: {
      ...process.env,
      ROOT_ACCESS_KEY: credentials.accessKeyId,
      ROOT_SECRET_KEY: credentials.secretAccessKey,
    },
    stdio: 'ignore',
  });
  const endpoint = `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const ca = options.tls?.ca;
  const access = { endpoint, region: 'us-east-1', credentials };
  const started = handle(access, ca === undefined ? {} : { ca }, async () => {
    await ended(server);
    rmSync(dir, { recursive: true, force: true });
  });
  await answers(started, server);
  return started;
}

function labAccess(endpoint: string): Access {
  const { S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY, S3_REGION } = process.env;
  if (!S3_ACCESS_KEY_ID || !S3_SECRET_ACCESS_KEY) {
    throw new Error('S3_ENDPOINT is set, but S3_ACCESS_KEY_ID or S3_SECRET_ACCESS_KEY is not.');
  }
  const credentials = { accessKeyId: S3_ACCESS_KEY_ID, secretAccessKey: S3_SECRET_ACCESS_KEY };
  return { endpoint, region: S3_REGION ?? 'us-east-1', credentials };
}

function findServer(): string {
  const folders = [process.env.CARAVEL_LAB_BIN ?? '', ...(process.env.PATH ?? '').split(delimiter)];
  const found = folders.filter(Boolean).find((folder) => existsSync(join(folder, 'versitygw')));
  if (found) return join(found, 'versitygw');
  throw new Error(
    'These tests need a real S3 server. Bring up the lab and run eval "$(npm run -s lab -- env)", ' +
      'or give the folder of the versitygw program in CARAVEL_LAB_BIN.',
  );
}

function serverArguments(dir: string, port: number, { tls }: ServerOptions): string[] {
  const certificate = tls ? ['--cert', tls.cert, '--key', tls.key] : [];
  const folders = ['--sidecar', join(dir, 'meta'), join(dir, 'data')];
  return ['--quiet', '--port', `127.0.0.1:${port}`, ...certificate, 'posix', ...folders];
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function answers(server: S3Server, process: ChildProcess): Promise<void> {
  const store = createS3Store(server.config('none'));
  while (process.exitCode === null) {
    const code = await store.folders('').then(
      () => '',
      (error: { code?: string }) => error.code,
    );
    if (code !== 'StoreUnavailable') return store.close();
    await delay(50);
  }
  throw new Error(`versitygw ended with exit code ${process.exitCode}`);
}

async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exit = new Promise((resolve) => server.once('exit', resolve));
  server.kill();
  await exit;
}

function handle(access: Access, base: Partial<StoreConfig>, stop: () => Promise<void>): S3Server {
  const buckets: string[] = [];
  const config = (bucket: string, changes: Partial<StoreConfig> = {}): StoreConfig => ({
    bucket,
    prefix: '',
    forcePathStyle: true,
    skipTlsVerify: false,
    ...access,
    ...base,
    ...changes,
  });
  const createBucket = async () => {
    const bucket = `test-${randomUUID()}`;
    const client = createS3Client(config(bucket));
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    client.destroy();
    buckets.push(bucket);
    return bucket;
  };
  return {
    endpoint: access.endpoint,
    config,
    createBucket,
    stop: async () => {
      for (const bucket of buckets) await removeBucket(config(bucket));
      await stop();
    },
  };
}

/** A server that outlives the test must not keep its buckets. */
async function removeBucket(config: StoreConfig): Promise<void> {
  const store: ObjectStore = createS3Store(config);
  const client = createS3Client(config);
  try {
    for (const folder of await store.folders('')) {
      await store.removeAll(`${folder}/`);
      await store.abortUploads(`${folder}/`);
    }
    for await (const { key } of store.list('')) await store.remove([key]);
    await client.send(new DeleteBucketCommand({ Bucket: config.bucket }));
  } finally {
    store.close();
    client.destroy();
  }
}
