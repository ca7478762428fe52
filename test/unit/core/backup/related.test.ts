import { describe, expect, it } from 'vitest';
import {
  claimsByNamespace,
  groupMembers,
  namespacesOf,
  podsMounting,
  relatedTo,
  rightsOf,
} from '../../../../core/backup/related.ts';
import type { Binding } from '../../../../core/backup/related.ts';
import type { ClaimFact } from '../../../../core/model.ts';
import { collectFact, noFacts, podFact } from '../../../../core/plan/facts.ts';

const claim = (name: string, more: Partial<ClaimFact> = {}): ClaimFact => ({
  namespace: 'shop',
  name,
  uid: name,
  volume: `pv-${name}`,
  phase: 'Bound',
  volumeMode: 'Filesystem',
  accessModes: [],
  requestedBytes: 0,
  labels: {},
  annotations: {},
  ...more,
});

const noVolume = (name: string): ClaimFact => {
  const { volume: _, ...rest } = claim(name, { phase: 'Pending' });
  return rest;
};

const pod = (name: string, volumes: object[], more: object = {}) => ({
  metadata: { name, namespace: 'shop' },
  spec: { nodeName: 'n1', volumes },
  status: { phase: 'Running' },
  ...more,
});
const mount = (claimName: string) => ({ name: `v-${claimName}`, persistentVolumeClaim: { claimName } });

describe('objects that come along by name', () => {
  it('are none when nothing was exported', () => expect(relatedTo(noFacts())).toEqual([]));

  it('are the volumes of claims', () => {
    expect(relatedTo({ ...noFacts(), claims: [claim('a'), noVolume('b')] })).toEqual([
      { groupResource: 'persistentvolumes', name: 'pv-a', of: 'claim shop/a', expected: true },
    ]);
  });

  it('are the claims of pods, but not those that are made with the pod', () => {
    const raw = pod('web', [mount('data'), { name: 'tmp', ephemeral: {} }, { name: 'x', emptyDir: {} }]);
    expect(relatedTo({ ...noFacts(), pods: [podFact(raw)] })).toEqual([
      {
        groupResource: 'persistentvolumeclaims',
        namespace: 'shop',
        name: 'data',
        of: 'pod shop/web',
        expected: true,
      },
    ]);
  });

  it('are the definitions of custom types, which need not exist', () => {
    const facts = { ...noFacts(), groupResources: ['pods', 'shops.example.com', 'deployments.apps'] };
    expect(relatedTo(facts)).toEqual([
      {
        groupResource: 'customresourcedefinitions.apiextensions.k8s.io',
        name: 'shops.example.com',
        of: 'shops.example.com',
        expected: false,
      },
    ]);
  });

  it('are the priority classes of pods', () => {
    const related = relatedTo({ ...noFacts(), priorityClasses: ['high', 'low'] });
    expect(related.map(({ groupResource, name }) => [groupResource, name])).toEqual([
      ['priorityclasses.scheduling.k8s.io', 'high'],
      ['priorityclasses.scheduling.k8s.io', 'low'],
    ]);
  });

  it('are the Secrets of snapshot classes, whatever the filters say', () => {
    const facts = noFacts();
    const annotations = {
      'csi.storage.k8s.io/snapshotter-list-secret-namespace': 'csi',
      'csi.storage.k8s.io/snapshotter-list-secret-name': 'key',
    };
    const type = 'volumesnapshotclasses.snapshot.storage.k8s.io';
    collectFact(facts, type, { metadata: { name: 'fast', annotations } });
    collectFact(facts, type, { metadata: { name: 'slow' } });
    expect(relatedTo(facts).filter(({ groupResource }) => groupResource === 'secrets')).toEqual([
      {
        groupResource: 'secrets',
        namespace: 'csi',
        name: 'key',
        of: 'a snapshot class',
        expected: true,
        must: true,
      },
    ]);
  });

  it('are the namespaces in which something was exported, also when a selector left them out', () => {
    const shards = [
      { names: { 'v1/Pod': ['shop/web', 'zoo/ape'], 'v1/Node': ['n1'] } },
      { names: { 'apps/v1/Deployment': ['shop/web'], 'v1/Namespace': ['shop'] } },
    ];
    expect(namespacesOf(shards).map(({ name }) => name)).toEqual(['shop', 'zoo']);
  });
});

describe('rights of service accounts', () => {
  const binding = (name: string, subjects: Binding['subjects'], role = name): Binding => ({
    metadata: { name },
    subjects: subjects ?? null,
    roleRef: { kind: 'ClusterRole', name: role },
  });
  const web = { kind: 'ServiceAccount', namespace: 'shop', name: 'web' };

  it('are the bindings that name one of them, and their roles', () => {
    const bindings = [
      binding('a', [{ kind: 'User', name: 'ann' }, web], 'reader'),
      binding('b', [{ ...web, namespace: 'zoo' }]),
      binding('c', [{ ...web, kind: 'User' }]),
      binding('d', null),
      { metadata: { name: 'e' }, subjects: [web] },
    ];
    const rights = rightsOf(['shop/web'], bindings);
    expect(rights.map(({ groupResource, name }) => `${groupResource.split('.')[0]}/${name}`)).toEqual([
      'clusterrolebindings/a',
      'clusterroles/reader',
      'clusterrolebindings/e',
    ]);
    expect(rights[0]?.of).toBe('service account shop/web');
  });

  it('are none without accounts', () => expect(rightsOf([], [binding('a', [web])])).toEqual([]));
});

describe('what a label selector left out', () => {
  const names = (related: { name: string }[]) => related.map(({ name }) => name);

  it('are the running pods that mount a claim', () => {
    const pods = [
      pod('web', [mount('data'), mount('other')]),
      pod('api', [mount('other')]),
      pod('done', [mount('data')], { status: { phase: 'Succeeded' } }),
      pod('new', [mount('data')], { spec: { volumes: [mount('data')] } }),
      pod('old', [mount('data')], { metadata: { name: 'old', deletionTimestamp: 'now' } }),
      pod('bare', []),
    ];
    const found = podsMounting([claim('data')], pods);
    expect(names(found)).toEqual(['web']);
    expect(found[0]).toMatchObject({ namespace: 'shop', of: 'claim shop/data', expected: false });
    expect(podsMounting([noVolume('data')], pods)).toEqual([]);
  });

  it('are the claims of the same snapshot group', () => {
    const labelled = (name: string, group?: string) => ({
      metadata: { name, ...(group !== undefined && { labels: { group } }) },
    });
    const others = [
      labelled('a', 'g1'),
      labelled('b', 'g1'),
      labelled('c', 'g2'),
      labelled('d'),
      labelled('e', ''),
    ];
    expect(names(groupMembers([claim('a', { labels: { group: 'g1' } })], 'group', others))).toEqual([
      'a',
      'b',
    ]);
    expect(groupMembers([claim('e', { labels: { group: '' } })], 'group', others)).toEqual([]);
  });

  it('is looked for in the namespaces of claims that have a volume', () => {
    const claims = [claim('a'), claim('b', { namespace: 'zoo' }), claim('c'), noVolume('d')];
    expect([...claimsByNamespace(claims)].map(([name, own]) => [name, own.length])).toEqual([
      ['shop', 2],
      ['zoo', 1],
    ]);
  });
});
