import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupResource } from '../../../../core/model.ts';
import type { ExportList, ResourceRef } from '../../../../core/model.ts';
import { makeShards, withoutCohabitants } from '../../../../core/plan/shards.ts';

function ref(name: string, namespaced = true): ResourceRef {
  const [resource = '', ...group] = name.split('.');
  return { group: group.join('.'), version: 'v1', resource, kind: resource, namespaced };
}

const resources = fc.uniqueArray(
  fc.record({ name: fc.stringMatching(/^[a-z]{1,4}(\.[a-z]{1,3})?$/), namespaced: fc.boolean() }),
  { selector: ({ name }) => name, maxLength: 60 },
);
const namespaces = fc.option(fc.uniqueArray(fc.stringMatching(/^[a-z]{1,4}$/), { maxLength: 30 }), {
  nil: undefined,
});

const callsOf = (lists: ExportList[]) =>
  lists.flatMap(({ resource, namespaces }) =>
    (namespaces ?? ['*']).map((name) => `${name}/${groupResource(resource)}`),
  );

describe('shards', () => {
  it('hold every type and namespace exactly once', () => {
    fc.assert(
      fc.property(resources, namespaces, (types, names) => {
        const refs = types.map(({ name, namespaced }) => ref(name, namespaced));
        const shards = makeShards({ resources: refs, ...(names && { namespaces: names }) });
        const wanted = refs.flatMap((resource) =>
          (resource.namespaced && names ? names : ['*']).map((name) => `${name}/${groupResource(resource)}`),
        );
        expect(callsOf(shards.flatMap((shard) => shard.lists)).sort()).toEqual(wanted.sort());
      }),
    );
  });

  it('are never empty, of nearly one size, numbered, and at most 64', () => {
    fc.assert(
      fc.property(resources, namespaces, (types, names) => {
        const refs = types.map(({ name, namespaced }) => ref(name, namespaced));
        const shards = makeShards({ resources: refs, ...(names && { namespaces: names }) });
        const sizes = shards.map((shard) => shard.lists.length);
        expect(shards.map((shard) => shard.id)).toEqual([...shards.keys()]);
        expect(shards.length).toBeLessThanOrEqual(64);
        expect(Math.max(0, ...sizes) - Math.min(...sizes, Infinity)).toBeLessThanOrEqual(1);
        expect(sizes).not.toContain(0);
      }),
    );
  });

  it.each([
    [0, 0],
    [1, 1],
    [3, 3],
    [4, 4],
    [100, 4],
    [161, 5],
    [10_000, 64],
  ])('%i types make %i of them', (types, count) => {
    const refs = Array.from({ length: types }, (_, at) => ref(`t${at}`));
    expect(makeShards({ resources: refs, namespaces: ['a'] })).toHaveLength(count);
  });

  it('share the namespaces of one type when they are many', () => {
    const names = Array.from({ length: 450 }, (_, at) => `n${at}`);
    const shards = makeShards({ resources: [ref('pods'), ref('nodes', false)], namespaces: names });
    const sizes = shards.flatMap((shard) => shard.lists.map(({ namespaces: part }) => part?.length));
    expect(sizes).toEqual([200, 200, 50, undefined]);
  });

  it('list cluster-scoped types once, whatever the namespaces', () => {
    const shards = makeShards({ resources: [ref('nodes', false)], namespaces: ['a', 'b'] });
    expect(shards).toEqual([{ id: 0, lists: [{ resource: ref('nodes', false) }] }]);
  });

  it('begin with one of their own for the ordered objects', () => {
    const ordered = [{ resources: [ref('pods')], namespace: 'shop', name: 'db' }];
    const shards = makeShards({ resources: [ref('pods'), ref('nodes', false)], ordered });
    expect(shards).toEqual([
      { id: 0, lists: [], ordered },
      { id: 1, lists: [{ resource: ref('pods') }] },
      { id: 2, lists: [{ resource: ref('nodes', false) }] },
    ]);
  });
});

describe('types served by two groups', () => {
  it('are listed in the group met first', () => {
    const met = ['events', 'deployments.extensions', 'deployments.apps', 'events.events.k8s.io', 'pods'];
    expect(withoutCohabitants(met.map((name) => ref(name))).map(groupResource)).toEqual([
      'events',
      'deployments.extensions',
      'pods',
    ]);
    const turned = met.toReversed().map((name) => ref(name));
    expect(withoutCohabitants(turned).map(groupResource)).toEqual([
      'pods',
      'events.events.k8s.io',
      'deployments.apps',
    ]);
  });

  it.each([
    ['daemonsets.apps', 'daemonsets.extensions'],
    ['replicasets.apps', 'replicasets.extensions'],
    ['networkpolicies.networking.k8s.io', 'networkpolicies.extensions'],
  ])('%s and %s are one', (first, second) => {
    expect(withoutCohabitants([ref(first), ref(second)])).toEqual([ref(first)]);
    expect(withoutCohabitants([ref(second), ref(first)])).toEqual([ref(second)]);
  });

  it('are listed in all versions of the group met first', () => {
    const [one, two] = [ref('events.events.k8s.io'), { ...ref('events.events.k8s.io'), version: 'v2' }];
    expect(withoutCohabitants([one, ref('events'), two])).toEqual([one, two]);
  });

  it('are only the known ones', () => {
    const same = [
      'ingresses.networking.k8s.io',
      'ingresses.extensions',
      'services',
      'services.serving.knative.dev',
    ];
    expect(withoutCohabitants(same.map((name) => ref(name))).map(groupResource)).toEqual(same);
  });
});
