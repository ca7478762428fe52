import { expect, test } from 'vitest';
import { notReady } from '../../../../activities/volume/hand-over-snapshot.ts';
import { KubeWaitTimeout } from '../../../../platform/kube/errors.ts';

const HOUR = 3_600_000;
const patience = { patienceMs: HOUR / 6, limitMs: 4 * HOUR };

/** A wait for a copy of that age. */
function waited(ageMs: number, status: object = {}): KubeWaitTimeout {
  const creationTimestamp = new Date(Date.now() - ageMs).toISOString();
  return new KubeWaitTimeout('copy', 1, { metadata: { name: 'copy', creationTimestamp }, status }, undefined);
}

test('a copy that takes its time is waited for again', () => {
  const wait = waited(HOUR);
  expect(notReady('copy', wait, patience)).toBe(wait);
});

test('one that nobody could read, in an outage, is waited for again', () => {
  const wait = new KubeWaitTimeout('copy', 1, undefined, new Error('connection refused'));
  expect(notReady('copy', wait, patience)).toBe(wait);
});

test('one whose time is over ends the volume', () => {
  expect(notReady('copy', waited(5 * HOUR), patience)).toMatchObject({
    code: 'SnapshotTimeout',
    retryable: false,
  });
});

test('one with an error ends the volume with the words of the driver', () => {
  expect(notReady('copy', waited(HOUR, { error: { message: 'pool is full' } }), patience)).toMatchObject({
    code: 'SnapshotFailed',
    message: 'copy copy of the snapshot: pool is full',
    retryable: false,
  });
});
