import type { RepositoryCredentials, RepositorySpec } from '../../contracts/mover.ts';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
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

const SKEWED = /^(RequestTimeTooSkewed|ExpiredToken|TokenRefreshRequired)$/;
/** Some stores answer 400 or 404 for these. */
const NO_SUCH_KEY = /InvalidAccessKeyId|UserNotFound/;
const WRONG_PLACE = /^(PermanentRedirect|TemporaryRedirect|AuthorizationHeaderMalformed)$/;

export function readAnswer(
  status: number,
  body: string,
  { bucket }: Pick<RepositorySpec, 'bucket'>,
): Finding {
  const part = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1] ?? '';
  if (status === 200) return { state: body.includes('<Key>') ? 'repository' : 'empty' };
  const code = part('Code');
  const words = `${code || `HTTP ${status}`}: ${part('Message')}`;
  const failed = (error: CaravelError): Finding => ({ state: 'error', error });
  if (code === 'NoSuchBucket')
    return failed(new CaravelError('StoreBucketMissing', `there is no bucket ${bucket}`));
  if (status >= 500 || status === 429 || code === 'SlowDown')
    return failed(new CaravelError('StoreUnavailable', words));
  if (status < 400 || WRONG_PLACE.test(code)) return { state: 'unknown' };
  const denied = status === 401 || status === 403 || NO_SUCH_KEY.test(code);
  if (!denied) return { state: 'unknown' };
  return failed(new CaravelError('StoreAccessDenied', words, SKEWED.test(code) ? { retryable: true } : {}));
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
