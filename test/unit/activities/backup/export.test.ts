import { beforeEach, describe, expect, it } from 'vitest';
import { ShardCollector } from '../../../../activities/backup/export.ts';
import type { ResourceRef, ShardIndex } from '../../../../core/model.ts';
import { problem } from '../../../../core/problems.ts';
import { objectOf } from '../../../../platform/archive/item.ts';
import { readSegment } from '../../../../platform/archive/segments.ts';
import type { KubeObject } from '../../../../platform/kube/types.ts';
import { getDoc } from '../../../../platform/store/documents.ts';
import type { ObjectStore } from '../../../../platform/store/types.ts';

const objects = new Map<string, Buffer>();
const store = {
  put: async (key: string, body: Buffer | string) => void objects.set(key, Buffer.from(body)),
  get: async (key: string) => objects.get(key),
} as unknown as ObjectStore;

const ref = (resource: string, kind: string, namespaced: boolean, group = ''): ResourceRef => ({
  group,
  version: 'v1',
  resource,
  kind,
  namespaced,
});
const PODS = ref('pods', 'Pod', true);
const CLAIMS = ref('persistentvolumeclaims', 'PersistentVolumeClaim', true);
const NODES = ref('nodes', 'Node', false);
const DEPLOYMENTS = ref('deployments', 'Deployment', true, 'apps');

const object = (name: string, namespace?: string, more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Any',
  metadata: { name, ...(namespace && { namespace }) },
  ...more,
});

const SCRATCH = 'backups/b/.caravel/u/';

async function collected(add: (collector: ShardCollector) => Promise<void>) {
  const collector = new ShardCollector(store, SCRATCH, '3', 'b');
  await add(collector);
  const counted = await collector.finish(store, `${SCRATCH}shards/3`);
  return { counted, index: await getDoc<ShardIndex>(store, counted.doc) };
}

beforeEach(() => objects.clear());

describe('what one shard exports', () => {
  it('is listed by type and name, counted, and stored in segments of the shard', async () => {
    const { counted, index } = await collected(async (collector) => {
      await collector.add(PODS, object('web', 'shop'));
      await collector.add(PODS, object('api', 'shop'));
      await collector.add(DEPLOYMENTS, object('web', 'shop'));
      await collector.add(NODES, object('n1'));
    });
    expect(counted).toMatchObject({ items: 4, errors: 0, warnings: 0 });
    expect(index).toMatchObject({
      items: 4,
      names: { 'v1/Pod': ['shop/web', 'shop/api'], 'apps/v1/Deployment': ['shop/web'], 'v1/Node': ['n1'] },
    });
    expect(index.segments.map(({ key }) => key)).toEqual([`${SCRATCH}segments/3/000000.ndjson.gz`]);
    expect(index.facts.pods.map(({ name }) => name)).toEqual(['web', 'api']);
    expect(index.facts.groupResources).toEqual(['pods', 'deployments.apps', 'nodes']);
  });

  it('comes back from the segments as it was', async () => {
    const pod = object('web', 'shop', { spec: { big: 12345678901234, nested: [{ a: null }] } });
    const { index } = await collected(async (collector) => collector.add(PODS, pod));
    const [segment] = index.segments;
    const items = [];
    for await (const item of readSegment(store, segment!)) items.push(item);
    expect(items).toMatchObject([{ groupResource: 'pods', version: 'v1', namespace: 'shop', name: 'web' }]);
    expect(items.map(objectOf)).toEqual([pod]);
  });

  it('has claims without what their volume was made from, but plans by what they are', async () => {
    const claim = object('data', 'shop', {
      spec: { volumeName: 'pv-1', storageClassName: 'fast', dataSource: { name: 'old' } },
      status: { phase: 'Bound' },
    });
    const { index } = await collected(async (collector) => collector.add(CLAIMS, claim));
    const items = [];
    for await (const item of readSegment(store, index.segments[0]!)) items.push(objectOf(item));
    expect(items).toMatchObject([{ spec: { volumeName: 'pv-1', storageClassName: 'fast' } }]);
    expect(items[0]).not.toHaveProperty('spec.dataSource');
    expect(index.facts.claims).toMatchObject([{ name: 'data', volume: 'pv-1', phase: 'Bound' }]);
  });

  it('is nothing but its problems when it could not be read', async () => {
    const { counted, index } = await collected(async (collector) => {
      collector.problems.push(
        problem('error', 'exportResources', 'KubeForbidden', 'no', { resource: 'pods' }),
      );
    });
    expect(counted).toMatchObject({ items: 0, errors: 1, warnings: 0 });
    expect(index).toMatchObject({ segments: [], names: {}, problems: [{ code: 'KubeForbidden' }] });
  });

  it('is written to the same places when the step is done again', async () => {
    const add = async (collector: ShardCollector) => collector.add(PODS, object('web', 'shop'));
    await collected(add);
    const keys = [...objects.keys()];
    await collected(add);
    expect([...objects.keys()]).toEqual(keys);
  });
});
