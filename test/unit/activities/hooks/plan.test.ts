import { beforeEach, describe, expect, it } from 'vitest';
import { planGroupHooks } from '../../../../activities/hooks/plan.ts';
import type { GroupHooks } from '../../../../core/hooks/hook.ts';
import type { PodFact, VolumeGroup } from '../../../../core/model.ts';
import { getDoc } from '../../../../platform/store/documents.ts';
import type { ObjectStore } from '../../../../platform/store/types.ts';

const objects = new Map<string, Buffer>();
const store = {
  put: async (key: string, body: Buffer | string) => void objects.set(key, Buffer.from(body)),
  get: async (key: string) => objects.get(key),
} as unknown as ObjectStore;

const run = { type: 'backup' as const, cluster: 'c', namespace: 'n', name: 'b', uid: 'u' };
const ref = { run, context: { key: '', sha256: '', bytes: 0 } };
const PRE = { 'pre.hook.backup.velero.io/command': 'secret-word', 'pre.hook.backup.velero.io/timeout': '1m' };
const POST = { 'post.hook.backup.velero.io/command': 'thaw' };

const pod = (name: string, annotations: Record<string, string>): PodFact => ({
  namespace: 'shop',
  name,
  uid: name,
  phase: 'Running',
  claims: {},
  volumes: [],
  annotations,
  labels: {},
});
const group = (id: number, name: string, files: number[] = []): VolumeGroup => ({
  id,
  volumes: [id],
  kept: [],
  files,
  pods: [{ namespace: 'shop', name }],
});

beforeEach(() => objects.clear());

describe('what the workflow is told of hooks', () => {
  it('is nothing, and nothing is written, when there are none', async () => {
    const groups = [group(0, 'a')];
    const planned = await planGroupHooks(store, ref, {}, { pods: [pod('a', {})], groups });
    expect(planned).toEqual({ groups, problems: [] });
    expect(objects.size).toBe(0);
  });

  it('is when to release at the latest; the commands are in a document', async () => {
    const pods = [pod('a', { ...PRE, ...POST }), pod('b', {})];
    const groups = [group(0, 'a'), group(1, 'b')];
    const spec = { csiSnapshotTimeout: '5m' };
    const planned = await planGroupHooks(store, ref, spec, { pods, groups });
    expect(planned.groups.map(({ hooks }) => hooks)).toEqual([
      // A minute for the pre-hook, five for the cut, one to spare; half a minute for the post-hook, two for its retries.
      { deadlineMs: 7 * 60_000, releases: true, patienceMs: 3.5 * 60_000 },
      undefined,
    ]);
    expect(JSON.stringify(planned)).not.toContain('secret-word');
    const stored = await getDoc<GroupHooks[]>(store, planned.hooks!);
    expect(stored[0]?.pods[0]?.pre[0]?.command).toEqual(['secret-word']);
  });

  it('leaves time to read files, and asks for no release where there is nothing to run', async () => {
    const planned = await planGroupHooks(
      store,
      ref,
      { itemOperationTimeout: '1h' },
      { pods: [pod('a', PRE)], groups: [group(0, 'a', [3])] },
    );
    expect(planned.groups[0]?.hooks).toMatchObject({
      deadlineMs: (1 + 10 + 60 + 1) * 60_000,
      releases: false,
    });
  });
});
