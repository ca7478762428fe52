import { describe, expect, it } from 'vitest';
import { relatedTo } from '../../../../core/backup/related.ts';
import type { ClaimFact, ShardIndex } from '../../../../core/model.ts';
import { noFacts } from '../../../../core/plan/facts.ts';

const shard = (more: Partial<ShardIndex>): ShardIndex => ({
  segments: [],
  names: {},
  items: 0,
  facts: noFacts(),
  problems: [],
  ...more,
});

const claim = (name: string, volume?: string): ClaimFact => ({
  namespace: 'shop',
  name,
  uid: name,
  ...(volume && { volume }),
  volumeMode: 'Filesystem',
  accessModes: [],
  requestedBytes: 0,
  labels: {},
  annotations: {},
});

const named = (shards: ShardIndex[], groupResource: string) =>
  relatedTo(shards)
    .filter((related) => related.groupResource === groupResource)
    .map(({ name }) => name);

describe('objects that come along', () => {
  it('are none when nothing was exported', () => expect(relatedTo([shard({})])).toEqual([]));

  it('are the volumes of claims', () => {
    const shards = [shard({ facts: { ...noFacts(), claims: [claim('a', 'pv-a'), claim('b')] } })];
    expect(relatedTo(shards)).toEqual([
      { groupResource: 'persistentvolumes', name: 'pv-a', of: 'claim shop/a', expected: true },
    ]);
  });

  it('are the definitions of types outside the core, which need not exist', () => {
    const facts = { ...noFacts(), groupResources: ['pods', 'shops.example.com', 'deployments.apps'] };
    expect(relatedTo([shard({ facts })])).toEqual(
      ['shops.example.com', 'deployments.apps'].map((name) => ({
        groupResource: 'customresourcedefinitions.apiextensions.k8s.io',
        name,
        of: name,
        expected: false,
      })),
    );
  });

  it('are the priority classes of pods', () => {
    const shards = ['high', 'low'].map((name) => shard({ facts: { ...noFacts(), priorityClasses: [name] } }));
    expect(named(shards, 'priorityclasses.scheduling.k8s.io')).toEqual(['high', 'low']);
  });

  it('are the namespaces in which something was exported, also when a selector left them out', () => {
    const shards = [
      shard({ names: { 'v1/Pod': ['shop/web', 'zoo/ape'], 'v1/Node': ['n1'] } }),
      shard({ names: { 'apps/v1/Deployment': ['shop/web'], 'v1/Namespace': ['shop'] } }),
    ];
    expect(named(shards, 'namespaces')).toEqual(['shop', 'zoo']);
  });
});
