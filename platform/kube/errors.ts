import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import { numberOf, parseJson } from './json.ts';

/** Why there was no answer; stands in KubeError.reason, where an answer has Kubernetes' own reason. */
export type NoAnswer =
  /** Nothing was sent: the server cannot have acted. */
  | 'Unreachable'
  /** The connection broke; the server may have acted. */
  | 'Disconnected'
  | 'Timeout'
  /** The answer is larger than the client reads. */
  | 'TooLarge'
  /** The answer is not what the API promises. */
  | 'Malformed'
  /** The kubeconfig's credentials cannot be read (an exec plugin that fails, a missing file). */
  | 'Credentials'
  /** The client was closed. */
  | 'Closed';

export interface StatusCause {
  reason: string;
  message: string;
  field: string;
}

/** What the API server answered other than success, or (code 0) that it did not answer. */
export class KubeError extends Error {
  /** HTTP status; 0 when there was no usable answer. */
  readonly code: number;
  /** `NotFound`, `AlreadyExists`, `Forbidden`, … or one of NoAnswer. */
  readonly reason: string;
  readonly causes: StatusCause[];
  readonly retryAfterSeconds: number | undefined;
  /** Of an expired list: the token with which the rest of it can be read as it is now. */
  readonly continueToken: string | undefined;
  /** Method and path, for logs; the message is the server's own. */
  readonly request: string;

  constructor(fields: {
    code: number;
    reason: string;
    message: string;
    request: string;
    causes?: StatusCause[];
    retryAfterSeconds?: number | undefined;
    continueToken?: string | undefined;
    cause?: unknown;
  }) {
    super(fields.message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'KubeError';
    this.code = fields.code;
    this.reason = fields.reason;
    this.causes = fields.causes ?? [];
    this.retryAfterSeconds = fields.retryAfterSeconds;
    this.continueToken = fields.continueToken;
    this.request = fields.request;
  }
}

/** waitFor's time is over. */
export class KubeWaitTimeout extends Error {
  /** The object as last seen; undefined when it did not exist. */
  readonly last: unknown;

  constructor(what: string, timeoutMs: number, last: unknown, cause?: unknown) {
    super(`${what}: not as awaited after ${timeoutMs} ms`, cause === undefined ? undefined : { cause });
    this.name = 'KubeWaitTimeout';
    this.last = last;
  }
}

export function noAnswer(reason: NoAnswer, request: string, detail: string, cause?: unknown): KubeError {
  return new KubeError({ code: 0, reason, message: `${request}: ${detail}`, request, cause });
}

/** Codes of failures before the first byte of the request was sent. */
const UNSENT = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

export function networkError(error: unknown, request: string): KubeError {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  return noAnswer(UNSENT.has(code) ? 'Unreachable' : 'Disconnected', request, messageOf(error), error);
}

interface Status {
  code?: unknown;
  reason?: string;
  message?: string;
  metadata?: { [field: string]: unknown };
  details?: { causes?: Partial<StatusCause>[]; retryAfterSeconds?: unknown };
}

/** The error of an answer: its body is a Status, or whatever a proxy on the way wrote. */
export function statusError(code: number, body: Buffer, request: string, retryAfter?: string): KubeError {
  const status = parseStatus(body);
  const header = retryAfter === undefined ? Number.NaN : Number(retryAfter);
  return fromStatus(
    status ?? { message: `${request}: HTTP ${code} ${body.toString('utf8', 0, 200)}`.trim() },
    code,
    request,
    Number.isFinite(header) ? header : undefined,
  );
}

/** The error of a Status object, as the API also sends it within a watch and at the end of an exec. */
export function fromStatus(status: Status, code: number, request: string, retryAfter?: number): KubeError {
  return new KubeError({
    code,
    reason: status.reason ?? '',
    message: status.message ?? `${request}: HTTP ${code}`,
    request,
    causes: (status.details?.causes ?? []).map(({ reason = '', message = '', field = '' }) => ({
      reason,
      message,
      field,
    })),
    retryAfterSeconds: retryAfter ?? numberOf(status.details?.retryAfterSeconds),
    continueToken: tokenOf(status.metadata),
  });
}

const tokenOf = (metadata: Status['metadata']) =>
  typeof metadata?.['continue'] === 'string' && metadata['continue'] !== ''
    ? metadata['continue']
    : undefined;

function parseStatus(body: Buffer): Status | undefined {
  try {
    const value = parseJson<(Status & { kind?: string }) | null>(body);
    return value?.kind === 'Status' ? value : undefined;
  } catch {
    return undefined;
  }
}

// Plain booleans: as type guards they would tell the compiler that any other error is no KubeError.
const has = (error: unknown, code: number): boolean => error instanceof KubeError && error.code === code;
const exists = (error: unknown): boolean => error instanceof KubeError && error.reason === 'AlreadyExists';

export const isNotFound = (error: unknown): boolean => has(error, 404);
export const isAlreadyExists = (error: unknown): boolean => has(error, 409) && exists(error);
/** Another writer was there first (a resourceVersion or uid that no longer holds). */
export const isConflict = (error: unknown): boolean => has(error, 409) && !exists(error);
/** A resourceVersion or a continue token that is too old: begin the list again. */
export const isExpired = (error: unknown): boolean => has(error, 410);

/**
 * The catalogue's error for what the client threw. Kept as they are: 404 and 410, which callers decide about;
 * KubeWaitTimeout, whose meaning only the caller knows; an abort's reason; anything that is not ours.
 */
export function toCaravelError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (!(error instanceof KubeError) || isNotFound(error) || isExpired(error)) return error;
  if (isUnavailable(error)) return unavailable(error);
  if (error.code === 403) return forbidden(error);
  return new CaravelError(error.code === 409 ? 'KubeConflict' : 'KubeInvalid', error.message, {
    cause: error,
  });
}

function isUnavailable({ code, reason }: KubeError): boolean {
  if (code === 0) return reason !== 'TooLarge';
  return code === 401 || code === 408 || code === 429 || code >= 500;
}

function unavailable(error: KubeError): CaravelError {
  // Tokens are renewed within a minute; a wrong one shows in the message for as long as the step is retried.
  const hint = 'The API server does not accept the credentials; see the kubeconfig or the ServiceAccount.';
  return new CaravelError('KubeUnavailable', error.message, {
    cause: error,
    ...(error.code === 401 && { hint }),
  });
}

/** 403 is the answer of several gates: rights, quota, the end of a namespace, a webhook. */
function forbidden(error: KubeError): CaravelError {
  const { message } = error;
  const options = { cause: error };
  if (message.includes('exceeded quota')) return new CaravelError('QuotaExceeded', message, options);
  if (error.causes.some(({ reason }) => reason === 'NamespaceTerminating')) {
    const hint = 'The namespace is being deleted; the step goes on when it is gone.';
    return new CaravelError('KubeConflict', message, { ...options, hint });
  }
  const denied = /admission webhook|ValidatingAdmissionPolicy|violates PodSecurity/.test(message);
  return new CaravelError(denied ? 'KubeInvalid' : 'KubeForbidden', message, options);
}
