import type { RepositoryCredentials, RepositorySpec } from '../../contracts/mover.ts';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import type { ErrorCode } from '../../core/errors/catalog.ts';
import { HALF_MADE_AGE } from './limits.ts';
import { requestS3 } from './s3-request.ts';

/**
 * Asks the object store directly. Kopia cannot tell a missing bucket, a wrong key and a missing repository apart (any
 * 404 is "not found" to it), and when a list is refused it retries for ever without a word.
 */

export type Finding =
  | { state: 'repository' }
  | { state: 'empty' }
  | { state: 'error'; error: CaravelError }
  /** The answer says nothing, or there are no keys to sign a request with. */
  | { state: 'unknown' };

export async function probeStore(spec: RepositorySpec, credentials: RepositoryCredentials): Promise<Finding> {
  if (!credentials.accessKeyId) return { state: 'unknown' };
  try {
    const { status, body } = await requestS3(spec, credentials, {
      method: 'GET',
      query: { 'list-type': '2', 'max-keys': '1', prefix: `${spec.prefix}kopia.repository` },
    });
    return readAnswer(status, body, spec);
  } catch (error) {
    const message = `the object store at ${spec.endpoint} does not answer: ${messageOf(error)}`;
    return { state: 'error', error: new CaravelError('StoreUnavailable', message) };
  }
}

interface AnswerRule {
  /** What the store's error code looks like, and the HTTP status where that alone tells. */
  pattern: RegExp;
  status?: (status: number) => boolean;
  /** None: the answer says nothing about the repository. */
  code?: ErrorCode;
  retryable?: boolean;
}

const ANSWERS: AnswerRule[] = [
  { pattern: /^NoSuchBucket$/, code: 'StoreBucketMissing' },
  { pattern: /^SlowDown$/, status: (status) => status >= 500 || status === 429, code: 'StoreUnavailable' },
  // A clock that is off, or keys that the next mover has anew.
  {
    pattern: /^(RequestTimeTooSkewed|ExpiredToken|TokenRefreshRequired)$/,
    code: 'StoreAccessDenied',
    retryable: true,
  },
  // Another region: kopia follows by itself.
  { pattern: /^(PermanentRedirect|TemporaryRedirect|AuthorizationHeaderMalformed)$/ },
  // Some stores answer 400 or 404 for a key that they do not know.
  {
    pattern: /InvalidAccessKeyId|UserNotFound/,
    status: (status) => status === 401 || status === 403,
    code: 'StoreAccessDenied',
  },
];

export function readAnswer(
  status: number,
  body: string,
  { bucket }: Pick<RepositorySpec, 'bucket'>,
): Finding {
  if (status === 200) return { state: body.includes('<Key>') ? 'repository' : 'empty' };
  const part = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1] ?? '';
  const name = part('Code');
  const rule = ANSWERS.find((each) => each.pattern.test(name) || each.status?.(status));
  if (!rule?.code) return { state: 'unknown' };
  const words =
    rule.code === 'StoreBucketMissing'
      ? `there is no bucket ${bucket}`
      : `${name || `HTTP ${status}`}: ${part('Message')}`;
  const options = rule.retryable === undefined ? {} : { retryable: rule.retryable };
  return { state: 'error', error: new CaravelError(rule.code, words, options) };
}

/**
 * Kopia writes `kopia.blobcfg` first and `kopia.repository` second. Killed in between it leaves a place that it never
 * touches again; when that one blob is all there is, and no creator can be at work any more, it is removed.
 */
export async function removeHalfMade(
  spec: RepositorySpec,
  credentials: RepositoryCredentials,
  now = Date.now(),
): Promise<'removed' | 'young' | 'other'> {
  const { status, body } = await requestS3(spec, credentials, {
    method: 'GET',
    query: { 'list-type': '2', 'max-keys': '2', prefix: spec.prefix },
  });
  const keys = [...body.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key);
  const only = `${spec.prefix}kopia.blobcfg`;
  if (status !== 200 || keys.length !== 1 || keys[0] !== only) return 'other';
  const written = Date.parse(/<LastModified>([^<]*)</.exec(body)?.[1] ?? '');
  if (!(now - written > HALF_MADE_AGE)) return 'young';
  await requestS3(spec, credentials, { method: 'DELETE', key: only });
  return 'removed';
}
