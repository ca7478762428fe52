import { rootCertificates } from 'node:tls';
import { S3Client } from '@aws-sdk/client-s3';
import { storeError } from './errors.ts';
import { CONNECTIONS, REQUESTS } from './limits.ts';
import type { StoreConfig } from './types.ts';

/** What every part of the S3 store works with. */
export interface S3Context {
  client: S3Client;
  config: StoreConfig;
  /** The key in the bucket. */
  full(key: string): string;
  /** The error to throw for a failed request. */
  fail(error: unknown, verb: string, key?: string): Error;
  /** Parameters of everything that writes an object. */
  writing: WriteParameters;
}

export type WriteParameters = Partial<{
  ServerSideEncryption: 'AES256' | 'aws:kms';
  SSEKMSKeyId: string;
  Tagging: string;
  ChecksumAlgorithm: NonNullable<StoreConfig['checksumAlgorithm']>;
}>;

/** Asked first when the bucket's region is not known; AWS redirects from there. */
const FIRST_REGION = 'us-east-1';

export function createS3Client(config: StoreConfig, endpoint = config.endpoint): S3Client {
  return new S3Client({
    region: config.region || FIRST_REGION,
    followRegionRedirects: true,
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: config.forcePathStyle,
    // A copy, because the client writes a note of its own into it; others make Secrets of the same object.
    credentials: { ...config.credentials },
    // The default sends checksums in a form that many stores which speak S3 do not know.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Some proxies never answer it, and it costs a connection for each large part.
    expectContinueHeader: false,
    maxAttempts: REQUESTS.attempts,
    requestHandler: {
      connectionTimeout: CONNECTIONS.connect,
      socketTimeout: CONNECTIONS.idle,
      httpAgent: { keepAlive: true, maxSockets: CONNECTIONS.requests },
      httpsAgent: { keepAlive: true, maxSockets: CONNECTIONS.requests, ...trust(config) },
    },
  });
}

/** Node replaces its own roots by a given CA; a store behind a public certificate must not lose them. */
function trust(config: StoreConfig): { ca?: string[]; rejectUnauthorized?: false } {
  return {
    ...(config.ca === undefined ? {} : { ca: [...rootCertificates, config.ca] }),
    ...(config.skipTlsVerify ? { rejectUnauthorized: false } : {}),
  };
}

export function createS3Context(config: StoreConfig): S3Context {
  const { credentials, bucket, prefix } = config;
  const secrets = [credentials.sessionToken, credentials.secretAccessKey, credentials.accessKeyId];
  const known = secrets.filter((secret) => secret !== undefined);
  return {
    client: createS3Client(config),
    config,
    full: (key) => `${prefix}${key}`,
    fail: (error, verb, key) =>
      storeError(error, { verb, bucket, ...(key === undefined ? {} : { key: `${prefix}${key}` }) }, known),
    writing: writeParameters(config),
  };
}

function writeParameters(config: StoreConfig): WriteParameters {
  const { serverSideEncryption, kmsKeyId, tagging, checksumAlgorithm } = config;
  return {
    ...(serverSideEncryption ? { ServerSideEncryption: serverSideEncryption as 'AES256' | 'aws:kms' } : {}),
    ...(kmsKeyId ? { SSEKMSKeyId: kmsKeyId } : {}),
    ...(tagging ? { Tagging: tagging } : {}),
    ...(checksumAlgorithm ? { ChecksumAlgorithm: checksumAlgorithm } : {}),
  };
}
