import { expect, test } from 'vitest';
import { cutOf } from '../../../../activities/volume/cut.ts';
import type { SnapshotContent } from '../../../../activities/volume/snapshot-objects.ts';
import { parseJson } from '../../../../platform/kube/json.ts';

const content = (status: string) =>
  parseJson<SnapshotContent>(
    `{"metadata":{"name":"content"},"spec":{"driver":"d.example"},"status":{"snapshotHandle":"h",${status}}}`,
  );
const bound = { metadata: { name: 'snapshot' }, status: { restoreSize: '2Ki' } };

test('a snapshot that the driver dates to the nanosecond has its time', () => {
  const cut = cutOf(bound, content('"creationTime":1753632000123456789,"restoreSize":1024'), 'fast');
  expect(cut).toEqual({
    snapshot: 'snapshot',
    content: 'content',
    handle: 'h',
    driver: 'd.example',
    snapshotClass: 'fast',
    restoreSize: 1024,
    takenAt: '2025-07-27T16:00:00.123Z',
  });
});

test('a driver that says no size is asked by way of the snapshot', () => {
  expect(cutOf(bound, content('"creationTime":1753632000000000000'), 'fast')).toMatchObject({
    restoreSize: 2048,
    takenAt: '2025-07-27T16:00:00.000Z',
  });
});
