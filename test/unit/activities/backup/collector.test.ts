import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { ShardCollector } from '../../../../activities/backup/collector.ts';
import type { DocRef } from '../../../../contracts/run.ts';
import { LIMITS } from '../../../../contracts/settings.ts';
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
const PLACE = { store, scratch: SCRATCH, shard: '3', backup: 'b' };

async function itemsOf({ segments }: ShardIndex) {
  const items = [];
  for (const segment of segments) for await (const item of readSegment(store, segment)) items.push(item);
  return items;
}

async function collected(add: (collector: ShardCollector) => Promise<void>) {
  const collector = new ShardCollector(PLACE);
  await add(collector);
  const counted = await collector.finish();
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

  it('is without objects that no tarball can hold, which are problems of their own', async () => {
    const huge = object('huge', 'shop', { data: 'x'.repeat(LIMITS.manifestBytes + 10_000) });
    const { counted, index } = await collected(async (collector) => {
      await collector.add(PODS, object('bad\nname', 'shop'));
      await collector.add(PODS, huge);
      await collector.add(PODS, object('web', 'shop'));
    });
    expect(counted).toMatchObject({ items: 1, errors: 2 });
    expect(index.names).toEqual({ 'v1/Pod': ['shop/web'] });
    expect(index.problems).toMatchObject([
      { code: 'ObjectRefused', namespace: 'shop', resource: 'pods', name: 'bad\nname' },
      { code: 'ObjectRefused', namespace: 'shop', resource: 'pods', name: 'huge' },
    ]);
    expect(index.facts.pods.map(({ name }) => name)).toEqual(['web']);
  });

  it('says of objects that were met why they are not in it', async () => {
    const { index } = await collected(async (collector) => {
      collector.leave(PODS, object('web', 'shop'), 'it is being deleted');
      collector.leave(NODES, object('n1'), 'no reason');
    });
    expect(index.notes).toEqual([
      { resource: 'pods', namespace: 'shop', name: 'web', message: 'it is being deleted' },
      { resource: 'nodes', namespace: '', name: 'n1', message: 'no reason' },
    ]);
  });

  it('has objects of a further version beside those of the preferred one, with facts of the latter only', async () => {
    const { index } = await collected(async (collector) => {
      await collector.add(PODS, object('web', 'shop'));
      await collector.add({ ...PODS, version: 'v2', preferred: false }, object('web', 'shop'));
    });
    expect(index.names).toEqual({ 'v1/Pod': ['shop/web'], 'v2/Pod': ['shop/web'] });
    expect(index.facts.pods).toHaveLength(1);
    expect((await itemsOf(index)).map(({ version, preferred }) => [version, preferred])).toEqual([
      ['v1', undefined],
      ['v2', false],
    ]);
  });
});

describe('a process that takes over from another', () => {
  const pods = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, at) => object(`p${from + at}`, 'shop', { spec: {} }));

  async function collect(collector: ShardCollector, from: number, to: number) {
    for (const pod of pods(from, to)) await collector.add(PODS, pod);
  }

  it('goes on behind the last checkpoint, with all that was collected before', async () => {
    const first = new ShardCollector(PLACE);
    await collect(first, 0, 3);
    first.leave(PODS, object('left', 'shop'), 'so');
    await first.checkpoint({ page: 1 });
    await collect(first, 3, 5);
    const last = await first.checkpoint({ page: 2 });
    // Lost with the process.
    await collect(first, 5, 7);

    const { collector, position } = await ShardCollector.resume(PLACE, last);
    expect(position).toEqual({ page: 2 });
    expect(collector.has(PODS, object('p4', 'shop'))).toBe(true);
    expect(collector.has(PODS, object('p5', 'shop'))).toBe(false);
    await collect(collector, 5, 8);
    expect(collector.has(PODS, object('p5', 'shop'))).toBe(true);
    const { doc, items } = await collector.finish();
    const index = await getDoc<ShardIndex>(store, doc);
    const names = pods(0, 8).map(({ metadata: { name } }) => name);
    expect(items).toBe(8);
    expect(index.names).toEqual({ 'v1/Pod': names.map((name) => `shop/${name}`) });
    expect(index.facts.pods.map(({ name }) => name)).toEqual(names);
    expect(index.notes).toHaveLength(1);
    expect((await itemsOf(index)).map(({ name }) => name)).toEqual(names);
  });

  it('ends with the same index as one that was never interrupted, wherever the checkpoints were', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(4), { maxLength: 5 }), async (steps) => {
        let collector = new ShardCollector(PLACE);
        let at = 0;
        let last: DocRef | undefined;
        for (const step of steps) {
          await collect(collector, at, at + step);
          at += step;
          last = await collector.checkpoint(at);
          const resumed = await ShardCollector.resume<number>(PLACE, last);
          expect(resumed.position).toBe(at);
          collector = resumed.collector;
        }
        const index = await getDoc<ShardIndex>(store, (await collector.finish()).doc);
        expect((await itemsOf(index)).length).toBe(at);
        const whole = await collected((other) => collect(other, 0, at));
        expect({ ...index, segments: [] }).toEqual({ ...whole.index, segments: [] });
      }),
      { numRuns: 30 },
    );
  });
});
