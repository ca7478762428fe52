import { CaravelError } from '../../core/errors/catalog.ts';
import type { ErrorCode } from '../../core/errors/catalog.ts';

/** Where an error happened, for the message. */
export interface Place {
  /** What was asked for, such as `get` or `list`. */
  verb: string;
  bucket: string;
  /** The whole key, prefix included; a prefix for listings. */
  key?: string;
}

interface Verdict {
  code: ErrorCode;
  retryable?: boolean;
  hint?: string;
}

const DENIED: Verdict = { code: 'StoreAccessDenied' };
const UNAVAILABLE: Verdict = { code: 'StoreUnavailable' };
const NOT_FOUND: Verdict = { code: 'StoreNotFound' };
const WRONG_REGION: Verdict = {
  code: 'InvalidInput',
  hint: "Set spec.config.region to the bucket's region.",
};

/** The store's own names for what went wrong; those that are missing here are judged by the HTTP status. */
const BY_NAME: Record<string, Verdict> = {
  NoSuchBucket: { code: 'StoreBucketMissing' },
  InvalidBucketName: { code: 'InvalidInput', hint: 'Correct spec.objectStorage.bucket of the location.' },
  NoSuchKey: NOT_FOUND,
  NotFound: NOT_FOUND,
  // An upload that somebody aborted: done again from the start it succeeds.
  NoSuchUpload: UNAVAILABLE,
  InvalidAccessKeyId: DENIED,
  SignatureDoesNotMatch: DENIED,
  // Versity's gateway, for a key that it does not know.
  XAdminUserNotFound: DENIED,
  ExpiredToken: DENIED,
  InvalidToken: DENIED,
  RequestTimeTooSkewed: {
    ...DENIED,
    retryable: true,
    hint: 'Set the clock of this machine or of the store.',
  },
  EntityTooLarge: { code: 'StoreTooLarge' },
  InvalidRange: { code: 'InvalidInput' },
  PreconditionFailed: { code: 'StoreExists' },
  PermanentRedirect: WRONG_REGION,
  AuthorizationHeaderMalformed: WRONG_REGION,
  IllegalLocationConstraintException: WRONG_REGION,
  // Damaged on the way, or too slow: nothing that another attempt could not mend.
  BadDigest: UNAVAILABLE,
  XAmzContentSHA256Mismatch: UNAVAILABLE,
  IncompleteBody: UNAVAILABLE,
  RequestTimeout: UNAVAILABLE,
  SlowDown: UNAVAILABLE,
  TimeoutError: UNAVAILABLE,
};

const REFUSED: Verdict = { code: 'NotSupported' };

const BY_STATUS: Record<number, Verdict> = {
  301: WRONG_REGION,
  307: WRONG_REGION,
  401: DENIED,
  403: DENIED,
  404: NOT_FOUND,
  408: UNAVAILABLE,
  409: UNAVAILABLE,
  412: { code: 'StoreExists' },
  429: UNAVAILABLE,
  // The store will never know how.
  501: REFUSED,
};

const CERTIFICATE: Verdict = {
  code: 'StoreUnavailable',
  retryable: false,
  hint: "The store's certificate is not trusted: give its CA in spec.objectStorage.caCertRef, or correct the host in s3Url.",
};
const CERTIFICATE_CODES = /^(ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

interface SdkError {
  name?: string;
  message?: string;
  code?: string;
  $metadata?: { httpStatusCode?: number };
}

/**
 * The error in Caravel's words. The original is not kept as its cause: it holds the signed request. `secrets` are cut
 * out of the message, should the store have repeated one.
 */
export function storeError(error: unknown, place: Place, secrets: readonly string[] = []): CaravelError {
  if (error instanceof CaravelError) return error;
  const failure = (
    typeof error === 'object' && error !== null ? error : { message: String(error) }
  ) as SdkError;
  const { code, ...options } = verdict(failure);
  const target = place.key === undefined ? `bucket ${place.bucket}` : `${place.bucket}/${place.key}`;
  const message = `${place.verb} ${target}: ${reasonOf(failure)}`;
  return new CaravelError(code, redact(message, secrets), options);
}

function verdict(error: SdkError): Verdict {
  const named = BY_NAME[error.name ?? ''];
  if (named) return named;
  const status = error.$metadata?.httpStatusCode;
  if (status !== undefined) return byStatus(status);
  if (error.code === undefined) return { code: 'Internal' };
  return CERTIFICATE_CODES.test(error.code) ? CERTIFICATE : UNAVAILABLE;
}

function byStatus(status: number): Verdict {
  const known = BY_STATUS[status];
  if (known) return known;
  // 2xx and 1xx: an answer that makes no sense, as proxies give.
  return status >= 400 && status < 500 ? REFUSED : UNAVAILABLE;
}

function reasonOf(error: SdkError): string {
  const status = error.$metadata?.httpStatusCode;
  const words = [error.name === 'Error' ? error.code : error.name, error.message].filter(Boolean);
  return `${[...new Set(words)].join(': ')}${status === undefined ? '' : ` (HTTP ${status})`}`;
}

const redact = (text: string, secrets: readonly string[]): string =>
  secrets.reduce((result, secret) => (secret === '' ? result : result.replaceAll(secret, '***')), text);
