import { expect, test } from 'vitest';
import { classify, isNoise } from '../../../../platform/kopia/errors.ts';

const OPEN = 'open repository: unable to open repository: ';

test.each([
  ['RepositoryPassword', false, `${OPEN}unable to create format manager: invalid repository password`],
  [
    'RepositoryMissing',
    false,
    `${OPEN}unable to create format manager: unable to read format blob: error getting kopia.repository blob: BLOB not found`,
  ],
  [
    'StoreBucketMissing',
    false,
    'unable to get repository storage: error listing blobs: The specified bucket does not exist.',
  ],
  [
    'StoreAccessDenied',
    false,
    `${OPEN}cannot open storage: error retrieving storage config from bucket "b": The request signature we calculated does not match the signature you provided.`,
  ],
  [
    'StoreAccessDenied',
    false,
    'unable to get repository storage: error listing blobs: No user exists with the provided access key ID.',
  ],
  ['StoreAccessDenied', false, 'error retrieving storage config from bucket "b": Access Denied.'],
  ['StoreAccessDenied', true, 'flush error: PutBlob: The provided token has expired.'],
  ['StoreAccessDenied', true, 'The difference between the request time and the current time is too large.'],
  [
    'StoreUnavailable',
    true,
    'Get "http://10.0.0.1:7070/b/.storageconfig": dial tcp 10.0.0.1:7070: connect: connection refused',
  ],
  ['StoreUnavailable', true, 'dial tcp: lookup nosuch.invalid on 10.0.0.53:53: no such host'],
  [
    'StoreUnavailable',
    true,
    'upload error: unable to complete PutBlob despite 10 retries: Please reduce your request rate.',
  ],
  [
    'StoreUnavailable',
    false,
    'Get "https://s3/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
  ],
  // The file is named, but the store is the cause.
  [
    'StoreUnavailable',
    true,
    ' ! Error when processing "a/b": unable to write content: read: connection reset by peer',
  ],
  [
    'VolumeUnreadable',
    false,
    ' ! Error when processing "a/b": unable to open file: open /volume/a/b: permission denied',
  ],
  ['VolumeUnreadable', false, 'read /volume/x: input/output error'],
  ['SnapshotMissing', false, 'error getting metadata for "00": manifest 00: not found'],
  ['SnapshotMissing', false, 'unable to open object: 00: content 00 not found: object not found'],
  ['RepositoryCorrupt', false, 'error reading content: cipher: message authentication failed'],
  ['RepositoryCorrupt', false, 'unable to get pack p123: BLOB not found'],
  ['MoverFailed', false, 'cannot write data to file "/volume/x": write /volume/x: no space left on device'],
  ['MoverFailed', true, 'something that nobody has seen before'],
])('%s (retryable: %s): %s', (code, retryable, text) => {
  expect(classify(text)).toMatchObject({ code, retryable });
});

test('the message is the line that tells, without frame and noise', () => {
  const text = [
    'Snapshotting default@default:x ...',
    `${OPEN}invalid repository password`,
    'see the log',
  ].join('\n');
  expect(classify(text).message).toBe('invalid repository password');
  expect(classify('').message).toMatch(/no message/);
  expect(classify(`odd ${'x'.repeat(2_000)}`).message.length).toBeLessThan(700);
});

test('noise', () => {
  expect(isNoise('NOTE: Kopia will perform quick maintenance')).toBe(true);
  expect(isNoise('error: disk')).toBe(false);
});
