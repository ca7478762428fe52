/** Makes anything fit for a log: no secrets, no cycles, errors with their cause. */

const HIDDEN = '[hidden]';
const DEEPEST = 8;

const SECRET_KEY =
  /^(.*(password|passwd|passphrase|secretaccesskey|secret_access_key|sessiontoken|private[-_]?key|api[-_]?key)|accesskeyid|access_key_id|token|secret|authorization|cookie|downloadurl)$/i;
/** What makes a presigned link a secret. */
const SIGNATURE = /(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s"']+/gi;
const BEARER = /(Bearer\s+)[\w.~+/-]+=*/gi;
const USER_INFO = /(\/\/[^/\s:@]+:)[^/\s@]+@/g;

const text = (value: string): string =>
  value.replace(SIGNATURE, `$1${HIDDEN}`).replace(BEARER, `$1${HIDDEN}`).replace(USER_INFO, `$1${HIDDEN}@`);

function errorFields(error: Error): Record<string, unknown> {
  const { name, message, stack, cause, ...rest } = error;
  return { type: name, message, ...rest, ...(stack && { stack }), ...(cause !== undefined && { cause }) };
}

function isKubeSecret(value: object): boolean {
  return 'kind' in value && value.kind === 'Secret';
}

function redactObject(value: object, seen: object[]): unknown {
  if (seen.includes(value)) return '[circular]';
  if (seen.length >= DEEPEST) return '[too deep]';
  if (Buffer.isBuffer(value)) return `[${value.length} bytes]`;
  const path = [...seen, value];
  if (Array.isArray(value)) return value.map((item) => redactValue(item, path));
  if (value instanceof Date) return value;
  const source = value instanceof Error ? errorFields(value) : value;
  const hidesData = isKubeSecret(value);
  return Object.fromEntries(
    Object.entries(source).map(([key, field]) => {
      const hidden = SECRET_KEY.test(key) || (hidesData && (key === 'data' || key === 'stringData'));
      return [key, hidden && field ? HIDDEN : redactValue(field, path)];
    }),
  );
}

function redactValue(value: unknown, seen: object[]): unknown {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  return redactObject(value, seen);
}

/** A copy without secrets; the value itself stays as it is. */
export const redact = <T>(value: T): T => redactValue(value, []) as T;
