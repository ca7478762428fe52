import { describe, expect, it } from 'vitest';
import { CaravelError } from '../../../../core/errors/catalog.ts';
import { storeError } from '../../../../platform/store/errors.ts';
import { checkFolder, checkKey, checkPrefix } from '../../../../platform/store/keys.ts';

const place = { verb: 'get', bucket: 'b', key: 'p/x' };
const sdk = (name: string, status?: number, message = 'words') =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
const node = (code: string) => Object.assign(new Error('words'), { code });

describe('errors of the store', () => {
  it.each([
    [sdk('Whatever', 403), 'StoreAccessDenied', false],
    [sdk('Whatever', 401), 'StoreAccessDenied', false],
    [sdk('Whatever', 404), 'StoreNotFound', false],
    [sdk('Whatever', 409), 'StoreUnavailable', true],
    [sdk('Whatever', 400), 'NotSupported', false],
    [sdk('Whatever', 502), 'StoreUnavailable', true],
    [sdk('Whatever', 200), 'StoreUnavailable', true],
    [sdk('NoSuchUpload', 404), 'StoreUnavailable', true],
    [sdk('NoSuchBucket', 404), 'StoreBucketMissing', false],
    [sdk('EntityTooLarge', 400), 'StoreTooLarge', false],
    [sdk('TimeoutError'), 'StoreUnavailable', true],
    [node('ECONNRESET'), 'StoreUnavailable', true],
    [node('DEPTH_ZERO_SELF_SIGNED_CERT'), 'StoreUnavailable', false],
    [node('ERR_TLS_CERT_ALTNAME_INVALID'), 'StoreUnavailable', false],
    [new TypeError('a fault of ours'), 'Internal', true],
    ['a string', 'Internal', true],
    [undefined, 'Internal', true],
  ])('%s is %s', (error, code, retryable) => {
    expect(storeError(error, place)).toMatchObject({ code, retryable });
  });

  it('name bucket and key, and never repeat a credential', () => {
    const error = storeError(sdk('AccessDenied', 403, 'AKIA1 may not'), place, ['AKIA1', '']);
    expect(error.message).toBe('get b/p/x: AccessDenied: *** may not (HTTP 403)');
    expect(error.cause).toBeUndefined();
    expect(storeError(node('ECONNREFUSED'), { verb: 'list', bucket: 'b' }).message).toBe(
      'list bucket b: ECONNREFUSED: words',
    );
  });

  it('that are Caravel errors already stay as they are', () => {
    const error = new CaravelError('StoreCorrupt', 'x');
    expect(storeError(error, place)).toBe(error);
  });
});

describe('keys', () => {
  it.each(['a', 'a/b', 'ä/日', 'a b', '...', 'a/..b', '.caravel/x', 'x'.repeat(1024)])('%j is one', (key) => {
    expect(checkKey(key)).toBe(key);
  });

  it('of folders end with a slash; prefixes may end anywhere', () => {
    expect(checkFolder('a/b/')).toBe('a/b/');
    for (const prefix of ['', 'a', 'a/', 'a/b']) expect(checkPrefix(prefix)).toBe(prefix);
    for (const prefix of ['/', '../', 'a//', 'a/../b/'])
      expect(() => checkFolder(prefix)).toThrow('object key');
  });
});
