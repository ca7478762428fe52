import { CaravelError } from '../../core/errors/catalog.ts';
import type { ErrorCode } from '../../core/errors/catalog.ts';

/**
 * What kopia's words mean. Its exit code is 1 for every error, so the text of stderr decides. The order counts: a file
 * that could not be stored names the file and the store's fault, and the latter is the cause.
 */

interface Rule {
  code: ErrorCode;
  pattern: RegExp;
  /** Where it differs from the catalogue's answer. */
  retryable?: boolean;
}

const RULES: Rule[] = [
  { code: 'RepositoryPassword', pattern: /invalid repository password/ },
  {
    code: 'RepositoryMissing',
    pattern: /kopia\.repository blob: BLOB not found|repository not initialized in the provided storage/,
  },
  { code: 'StoreBucketMissing', pattern: /specified bucket does not exist|NoSuchBucket/i },
  // New keys come with the next mover.
  { code: 'StoreAccessDenied', pattern: /provided token has expired|ExpiredToken/i, retryable: true },
  {
    code: 'StoreAccessDenied',
    pattern: /RequestTimeTooSkewed|difference between the request time and the/i,
    retryable: true,
  },
  {
    code: 'StoreAccessDenied',
    pattern:
      /Access Key Id you provided does not exist|access key ID you provided|No user exists with the provided access key|InvalidAccessKeyId|request signature we calculated does not match|SignatureDoesNotMatch|Access ?Denied|AllAccessDisabled|Forbidden/i,
  },
  // Waiting does not mend a certificate.
  { code: 'StoreUnavailable', pattern: /x509: |tls: failed to verify/, retryable: false },
  // What kopia writes lands in the scratch space (backup) or in the volume (restore).
  { code: 'MoverFailed', pattern: /no space left on device|disk quota exceeded/i, retryable: false },
  { code: 'MoverFailed', pattern: /read-only file system/i, retryable: false },
  {
    code: 'StoreUnavailable',
    pattern:
      /connection refused|connection reset|broken pipe|i\/o timeout|no such host|server misbehaving|network is unreachable|no route to host|TLS handshake timeout|timeout awaiting response|context deadline exceeded|despite \d+ retries|unable to complete|reduce your request rate|SlowDown|ServiceUnavailable|Service Unavailable|InternalError|internal error|Bad Gateway|Gateway Timeout|\bEOF\b/i,
  },
  {
    code: 'SnapshotMissing',
    pattern: /error getting metadata for|snapshot not found|no snapshots matched|object not found/,
  },
  {
    code: 'RepositoryCorrupt',
    pattern:
      /invalid format blob|BLOB not found|invalid checksum|checksum mismatch|message authentication failed|unable to decrypt|invalid content hash|unable to decompress|error loading pack index|corrupt/i,
  },
  {
    code: 'VolumeUnreadable',
    pattern:
      /Error when processing|permission denied|operation not permitted|input\/output error|unable to open file|unable to read directory|unsupported source|no such file or directory|structure needs cleaning|stale NFS file handle/i,
  },
];

const NOISE =
  /^(?:NOTE: |See https|and full maintenance|Snapshotting |Restoring to |starting prometheus|Open the address|SERVER ADDRESS|$)/;

/** Lines that tell nothing to anyone who looks for a cause. */
export const isNoise = (line: string): boolean => NOISE.test(line);

/** The error behind a failed kopia process. `text` has its secrets removed already. */
export function classify(text: string): CaravelError {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => !isNoise(line));
  for (const { code, pattern, retryable } of RULES) {
    const line = lines.findLast((each) => pattern.test(each));
    if (line) return new CaravelError(code, sentence(line), retryable === undefined ? {} : { retryable });
  }
  return new CaravelError(
    'MoverFailed',
    sentence(lines.at(-1) ?? 'kopia ended with an error and no message'),
  );
}

const LONGEST_MESSAGE = 600;

/** Without kopia's own frame around the cause. */
function sentence(line: string): string {
  const bare = line
    .replace(/^! /, '')
    .replace(/^(?:ERROR )?(?:failed to open repository: |open repository: unable to open repository: )/, '');
  return bare.length > LONGEST_MESSAGE ? `${bare.slice(0, LONGEST_MESSAGE)}…` : bare;
}
