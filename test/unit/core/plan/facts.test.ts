import { describe, expect, it } from 'vitest';
import {
  claimFact,
  collectFact,
  mergeFacts,
  noFacts,
  podFact,
  volumeFact,
} from '../../../../core/plan/facts.ts';

const claim = {
  metadata: {
    namespace: 'shop',
    name: 'data',
    uid: 'c-1',
    labels: { app: 'db' },
    annotations: { 'a.io/b': 'x' },
  },
  spec: {
    volumeName: 'pv-1',
    storageClassName: 'fast',
    volumeMode: 'Filesystem',
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1.5Gi' } },
  },
  status: { phase: 'Bound' },
};

describe('what is kept of a claim', () => {
  it('is what its volume is planned by', () => {
    expect(claimFact(claim)).toEqual({
      namespace: 'shop',
      name: 'data',
      uid: 'c-1',
      volume: 'pv-1',
      phase: 'Bound',
      storageClass: 'fast',
      volumeMode: 'Filesystem',
      accessModes: ['ReadWriteOnce'],
      requestedBytes: 1_610_612_736,
      labels: { app: 'db' },
      annotations: { 'a.io/b': 'x' },
    });
  });

  it('of one without a volume says no more than it knows', () => {
    expect(claimFact({ metadata: { namespace: 'shop', name: 'new', uid: 'c-2' } })).toEqual({
      namespace: 'shop',
      name: 'new',
      uid: 'c-2',
      volumeMode: 'Filesystem',
      accessModes: [],
      requestedBytes: 0,
      labels: {},
      annotations: {},
    });
  });

  it('of a block claim is its mode', () => {
    expect(claimFact({ ...claim, spec: { ...claim.spec, volumeMode: 'Block' } }).volumeMode).toBe('Block');
  });

  it('is not the empty class of a claim without one', () => {
    expect(
      claimFact({ ...claim, spec: { ...claim.spec, storageClassName: '' } }).storageClass,
    ).toBeUndefined();
  });
});

describe('what is kept of a volume', () => {
  it('is its driver, its claim, and what becomes of it', () => {
    const object = {
      metadata: { name: 'pv-1', labels: { zone: 'a' } },
      spec: {
        csi: { driver: 'csi.example', volumeHandle: 'h' },
        claimRef: { namespace: 'shop', name: 'data' },
        persistentVolumeReclaimPolicy: 'Delete',
        capacity: { storage: '2Gi' },
      },
    };
    expect(volumeFact(object)).toEqual({
      name: 'pv-1',
      driver: 'csi.example',
      source: { type: 'csi', csi: { driver: 'csi.example', volumeAttributes: {} } },
      claim: 'shop/data',
      reclaimPolicy: 'Delete',
      labels: { zone: 'a' },
      capacity: '2Gi',
    });
  });

  it('of another kind has no driver, and is retained unless it says otherwise', () => {
    const object = { metadata: { name: 'pv-2' }, spec: { hostPath: { path: '/x' } } };
    expect(volumeFact(object)).toEqual({
      name: 'pv-2',
      source: { type: 'hostPath' },
      reclaimPolicy: 'Retain',
      labels: {},
      capacity: '',
    });
  });
});

const pod = (name: string, spec: object) => ({
  metadata: { namespace: 'shop', name, uid: `p-${name}` },
  spec,
});

describe('what is kept of a pod', () => {
  it('is the claims that it mounts, by volume', () => {
    const object = {
      ...pod('web', {
        nodeName: 'n1',
        containers: [{ volumeMounts: [{ name: 'data' }], volumeDevices: [{ name: 'more' }] }],
        volumes: [
          { name: 'data', persistentVolumeClaim: { claimName: 'web-data' } },
          { name: 'config', configMap: { name: 'web' } },
          { name: 'more', persistentVolumeClaim: { claimName: 'shared', readOnly: true } },
        ],
      }),
      status: { phase: 'Running' },
    };
    expect(podFact(object)).toEqual({
      namespace: 'shop',
      name: 'web',
      uid: 'p-web',
      phase: 'Running',
      node: 'n1',
      claims: { data: 'web-data', more: 'shared' },
      volumes: [
        { name: 'data', claim: 'web-data', source: { type: '' }, use: 'mount' },
        { name: 'config', source: { type: 'configMap' }, use: 'none' },
        { name: 'more', claim: 'shared', source: { type: '' }, use: 'device' },
      ],
      annotations: {},
      labels: {},
    });
  });

  it('includes the claims that Kubernetes makes for its ephemeral volumes', () => {
    const volumes = [{ name: 'cache', ephemeral: { volumeClaimTemplate: { spec: {} } } }];
    expect(podFact(pod('web', { volumes })).claims).toEqual({ cache: 'web-cache' });
  });

  it('includes where its own volumes have their data', () => {
    const volumes = [
      { name: 'cache', emptyDir: {} },
      { name: 'shared', nfs: { server: '10.0.0.9', path: '/exp' } },
      { name: 'inline', csi: { driver: 'inline.example', volumeAttributes: { tier: 'fast' } } },
    ];
    expect(podFact(pod('web', { volumes })).volumes.map(({ source }) => source)).toEqual([
      { type: 'emptyDir' },
      { type: 'nfs', nfs: { server: '10.0.0.9', path: '/exp' } },
      { type: 'csi', csi: { driver: 'inline.example', volumeAttributes: { tier: 'fast' } } },
    ]);
  });

  it('runs on Windows by its own word or by the label of its nodes', () => {
    expect(podFact(pod('iis', { os: { name: 'windows' } })).windows).toBe(true);
    expect(podFact(pod('iis', { nodeSelector: { 'kubernetes.io/os': 'windows' } })).windows).toBe(true);
    expect(podFact(pod('web', { os: { name: 'linux' } }))).not.toHaveProperty('windows');
  });

  it('without volumes is nothing more than its name', () => {
    expect(podFact({ metadata: { namespace: 'shop', name: 'x', uid: 'u' } })).toMatchObject({
      phase: '',
      claims: {},
    });
  });
});

describe('facts', () => {
  it('are collected by type, and each type and priority class is named once', () => {
    const facts = noFacts();
    collectFact(facts, 'persistentvolumeclaims', claim);
    collectFact(facts, 'pods', pod('a', { priorityClassName: 'high' }));
    collectFact(facts, 'pods', pod('b', { priorityClassName: 'high' }));
    collectFact(facts, 'pods', pod('c', {}));
    collectFact(facts, 'persistentvolumes', { metadata: { name: 'pv-1' } });
    collectFact(facts, 'shops.example.com', { metadata: { name: 's' } });
    collectFact(facts, 'pods', pod('d', { priorityClassName: 'low' }));
    expect(facts.claims.map(({ name }) => name)).toEqual(['data']);
    expect(facts.volumes.map(({ name }) => name)).toEqual(['pv-1']);
    expect(facts.pods.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
    expect(facts.priorityClasses).toEqual(['high', 'low']);
    expect(facts.groupResources).toEqual([
      'persistentvolumeclaims',
      'pods',
      'persistentvolumes',
      'shops.example.com',
    ]);
  });

  it('of several shards are joined without repeating types', () => {
    const [one, two] = [noFacts(), noFacts()];
    collectFact(one, 'pods', pod('a', { priorityClassName: 'high' }));
    collectFact(two, 'pods', pod('b', { priorityClassName: 'high' }));
    collectFact(two, 'persistentvolumeclaims', claim);
    const joined = mergeFacts([one, two, noFacts()]);
    expect(joined.pods.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(joined.claims).toHaveLength(1);
    expect(joined.groupResources).toEqual(['pods', 'persistentvolumeclaims']);
    expect(joined.priorityClasses).toEqual(['high']);
    expect(mergeFacts([])).toEqual(noFacts());
  });
});
