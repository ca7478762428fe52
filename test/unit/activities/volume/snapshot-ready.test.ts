import { expect, test } from 'vitest';
import { patienceOf, ready } from '../../../../activities/volume/snapshot-ready.ts';
import { KubeWaitTimeout } from '../../../../platform/kube/errors.ts';
import type { KubeClient } from '../../../../platform/kube/types.ts';

const HOUR = 3_600_000;
const cut = { snapshot: 's', content: 'c' };

/** A content of that age; a wait for it notes how long it would have been. */
function storage(ageMs: number, status: object | undefined) {
  const waits: number[] = [];
  const creationTimestamp = new Date(Date.now() - ageMs).toISOString();
  const content = status && { metadata: { name: 'c', creationTimestamp }, status };
  const waitFor: KubeClient['waitFor'] = async (gvr, _namespace, name, look, { timeoutMs }) => {
    waits.push(timeoutMs);
    const result = look(content as never);
    if (result !== undefined) return result;
    throw new KubeWaitTimeout(`${gvr.resource}/${name}`, timeoutMs, content, undefined);
  };
  return { waits, kube: { find: async () => content, waitFor } as unknown as KubeClient };
}

const wait = ({ kube }: { kube: KubeClient }) => ready(kube, cut, patienceOf({}), AbortSignal.timeout(5_000));
const sum = (waits: number[]) => waits.reduce((total, ms) => total + ms, 0);

test('a snapshot that is ready is not waited for', async () => {
  const there = storage(0, { readyToUse: true });
  await wait(there);
  expect(there.waits).toEqual([]);
});

test('one that is never ready has its time once, not once for each attempt', async () => {
  const young = storage(HOUR, { readyToUse: false });
  await expect(wait(young)).rejects.toMatchObject({ code: 'SnapshotTimeout', retryable: false });
  expect(sum(young.waits)).toBeGreaterThan(2.99 * HOUR);
  expect(sum(young.waits)).toBeLessThan(3.01 * HOUR);
  const old = storage(5 * HOUR, { readyToUse: false });
  await expect(wait(old)).rejects.toMatchObject({ code: 'SnapshotTimeout', retryable: false });
  expect(sum(old.waits)).toBeLessThan(10);
});

test('the driver has its patience once as well, and then its words are the error', async () => {
  const failing = storage(HOUR, { readyToUse: false, error: { message: 'pool is full' } });
  await expect(wait(failing)).rejects.toMatchObject({
    code: 'SnapshotFailed',
    message: 'snapshot s: pool is full',
    retryable: false,
  });
});

test('one that somebody deleted is not waited for', async () => {
  await expect(wait(storage(0, undefined))).rejects.toMatchObject({ code: 'ObjectGone' });
});
