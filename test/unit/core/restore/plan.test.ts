import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ArchiveSegment } from '../../../../core/model.ts';
import { WAVE_NAMES, waveOf } from '../../../../core/order/waves.ts';
import { collectFact, noFacts } from '../../../../core/restore/facts.ts';
import { planVolumes, planWaves } from '../../../../core/restore/plan.ts';
import type { VolumesInput } from '../../../../core/restore/plan.ts';
import { relatedClaims, relatedClusterObjects, selectedPods } from '../../../../core/restore/related.ts';
import { ItemSelector } from '../../../../core/restore/select.ts';
import { neutralSettings } from '../../../../core/transform/transform.ts';
import type { Manifest } from '../../../../core/transform/manifest.ts';

const segment = (key: string, items: number): ArchiveSegment => ({ key, sha256: '', bytes: 1, items });

describe('planWaves', () => {
  it('puts small resources together and keeps the order', () => {
    const waves = planWaves(
      [
        { groupResource: 'secrets', segments: [segment('s0', 500), segment('s1', 10)] },
        { groupResource: 'configmaps', segments: [segment('c0', 20)] },
        { groupResource: 'customresourcedefinitions.apiextensions.k8s.io', segments: [segment('d', 1)] },
      ],
      500,
    );
    expect(waves.map(({ name }) => name)).toEqual(['crds', 'configuration']);
    const parts = waves[1]?.chunks.map((chunk) => chunk.parts.map((part) => part.segment.key));
    expect(parts).toEqual([['s0'], ['s1', 'c0']]);
    expect(waves[1]?.chunks.map(({ items }) => items)).toEqual([500, 30]);
  });

  it('loses and doubles nothing', () => {
    const resource = fc.constantFrom('secrets', 'pods', 'services', 'things.example', 'persistentvolumes');
    const input = fc.uniqueArray(fc.record({ groupResource: resource, sizes: fc.array(fc.nat(700)) }), {
      selector: ({ groupResource }) => groupResource,
    });
    fc.assert(
      fc.property(input, (resources) => {
        const selected = resources.map(({ groupResource, sizes }) => ({
          groupResource,
          segments: sizes.map((size, at) => segment(`${groupResource}/${at}`, size)),
        }));
        const waves = planWaves(selected, 500);
        const planned = waves.flatMap(({ chunks }) =>
          chunks.flatMap(({ parts }) => parts.map((part) => part.segment.key)),
        );
        const all = selected.flatMap(({ segments }) => segments.map(({ key }) => key));
        expect([...planned].sort()).toEqual([...all].sort());
        const order = waves.map(({ name }) => WAVE_NAMES.indexOf(name));
        expect(order).toEqual([...order].sort((a, b) => a - b));
        for (const { name, chunks } of waves) {
          for (const { parts, items } of chunks) {
            expect(parts.length === 1 || items <= 500).toBe(true);
            expect(parts.every(({ groupResource }) => waveOf(groupResource) === name)).toBe(true);
          }
        }
      }),
    );
  });
});

const object = (kind: string, name: string, fields: object, metadata: object = {}): Manifest => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'shop', ...metadata },
  ...fields,
});

const pvc = (name: string, metadata: object = {}) =>
  object(
    'PersistentVolumeClaim',
    name,
    {
      spec: {
        volumeName: `pv-${name}`,
        storageClassName: 'fast',
        volumeMode: 'Block',
        selector: { a: 1 },
        dataSource: {},
      },
    },
    { uid: `uid-${name}`, ...metadata },
  );

const pod = (name: string, claim: string, fields: object = {}, metadata: object = {}) =>
  object(
    'Pod',
    name,
    {
      spec: {
        volumes: [{ name: 'v', persistentVolumeClaim: { claimName: claim } }, { emptyDir: {} }],
        ...fields,
      },
    },
    metadata,
  );

const upload = (claim: string) =>
  object(
    'DataUpload',
    `du-${claim}`,
    {
      spec: { sourceNamespace: 'shop', sourcePVC: claim },
      status: { phase: 'Completed', snapshotID: `s-${claim}` },
    },
    { namespace: 'velero', labels: { 'velero.io/backup-name': 'b' } },
  );

function factsOf(objects: [string, Manifest][]) {
  const facts = noFacts();
  for (const [groupResource, entry] of objects) collectFact(facts, groupResource, entry);
  return facts;
}

function volumesInput(objects: [string, Manifest][], more: Partial<VolumesInput> = {}): VolumesInput {
  const facts = factsOf(objects);
  return {
    claims: facts.claims,
    pods: facts.pods,
    volumes: facts.volumes,
    uploads: facts.uploads,
    infos: [],
    restoreData: true,
    backupLabel: 'b',
    volumesRestorable: true,
    exists: () => false,
    classFor: (name) => ({ name, known: true }),
    settings: neutralSettings({ backup: 'b', restore: 'r' }),
    bindingModes: { fast: 'WaitForFirstConsumer' },
    ...more,
  };
}

describe('planVolumes', () => {
  const affinity = { nodeAffinity: { n: 1 }, podAffinity: { p: 1 } };
  const placed = { nodeSelector: { disk: 'ssd' }, affinity, tolerations: [{ key: 't' }] };
  const objects = (): [string, Manifest][] => [
    ['persistentvolumeclaims', pvc('data')],
    ['datauploads.velero.io', upload('data')],
    ['pods', pod('ended', 'data', {}, {})],
    ['pods', pod('user', 'data', placed)],
  ];

  it('makes the target claim free of its old volume, and places the mover like the pod', () => {
    const input = volumesInput(objects());
    input.pods[0]!.ended = true;
    const [recovery] = planVolumes(input).recoveries;
    expect(recovery?.manifest['spec']).toEqual({ storageClassName: 'fast', volumeMode: 'Block' });
    expect(recovery).toMatchObject({ volumeMode: 'Block', snapshotId: 's-data', dataUpload: 'du-data' });
    expect(recovery?.placement).toEqual({
      nodeSelector: { disk: 'ssd' },
      affinity: { nodeAffinity: { n: 1 } },
      tolerations: [{ key: 't' }],
    });
  });

  it('places nothing where the class provisions at once', () => {
    const [recovery] = planVolumes(
      volumesInput(objects(), { bindingModes: { fast: 'Immediate' } }),
    ).recoveries;
    expect(recovery).not.toHaveProperty('placement');
  });

  it('fills one of two claims that would become the same', () => {
    const twin = pvc('data', { namespace: 'shop2' });
    const twinUpload = upload('data');
    twinUpload['spec'].sourceNamespace = 'shop2';
    const settings = { ...neutralSettings({ backup: 'b', restore: 'r' }), namespaces: { shop2: 'shop' } };
    const input = volumesInput(
      [...objects(), ['persistentvolumeclaims', twin], ['datauploads.velero.io', twinUpload]],
      { settings },
    );
    const plan = planVolumes(input);
    expect(plan.recoveries).toHaveLength(1);
    expect(plan.claims).toMatchObject({ 'shop/data': { fate: 'recover' }, 'shop2/data': { fate: 'skip' } });
    expect(plan.problems).toMatchObject([{ severity: 'error', code: 'InvalidInput', namespace: 'shop' }]);
  });
});

describe('related objects', () => {
  const labelled = { labels: { app: 'web' } };
  const facts = factsOf([
    ['persistentvolumeclaims', pvc('data')],
    ['persistentvolumeclaims', pvc('other')],
    ['persistentvolumeclaims', pvc('far', { namespace: 'bank' })],
    ['pods', pod('web', 'data', { priorityClassName: 'high' }, labelled)],
    ['pods', pod('db', 'other', { priorityClassName: 'low' })],
    ['pods', { ...pod('old', 'other', {}, labelled), status: { phase: 'Succeeded' } }],
    ['serviceaccounts', object('ServiceAccount', 'web', {}, labelled)],
    ['serviceaccounts', object('ServiceAccount', 'db', {})],
    [
      'clusterrolebindings.rbac.authorization.k8s.io',
      object('ClusterRoleBinding', 'mine', {
        roleRef: { kind: 'ClusterRole', name: 'role' },
        subjects: [
          { kind: 'User', name: 'web' },
          { kind: 'ServiceAccount', namespace: 'shop', name: 'web' },
        ],
      }),
    ],
    [
      'clusterrolebindings.rbac.authorization.k8s.io',
      object('ClusterRoleBinding', 'other', {
        roleRef: { kind: 'ClusterRole', name: 'other' },
        subjects: [{ kind: 'ServiceAccount', namespace: 'shop', name: 'db' }],
      }),
    ],
  ]);
  const spec = { labelSelector: { matchLabels: { app: 'web' } } };

  it('are those of selected objects only', () => {
    const asked = { namespaces: ['shop'], cluster: 'related' as const, related: {} };
    const claims = relatedClaims(selectedPods(facts, new ItemSelector(asked, spec)));
    expect(claims).toEqual({ persistentvolumeclaims: ['shop/data'] });
    const related = relatedClusterObjects({
      facts,
      selector: new ItemSelector({ ...asked, related: claims }, spec),
      resources: ['pods', 'widgets.example.com', 'deployments.apps'],
      isServed: (name) => name === 'deployments.apps',
    });
    expect(related).toEqual({
      persistentvolumes: ['pv-data'],
      'priorityclasses.scheduling.k8s.io': ['high'],
      'clusterrolebindings.rbac.authorization.k8s.io': ['mine'],
      'clusterroles.rbac.authorization.k8s.io': ['role'],
      'customresourcedefinitions.apiextensions.k8s.io': ['widgets.example.com'],
    });
  });
});

describe('facts', () => {
  it('of odd objects do no harm', () => {
    for (const groupResource of [
      'pods',
      'persistentvolumeclaims',
      'datauploads.velero.io',
      'persistentvolumes',
    ]) {
      for (const spec of [undefined, null, 'x', [], { volumes: [null, 3, { persistentVolumeClaim: 'x' }] }]) {
        expect(() => collectFact(noFacts(), groupResource, object('X', 'x', { spec }))).not.toThrow();
      }
    }
  });

  it('know what a pod asks for and a claim belongs to', () => {
    const facts = factsOf([
      ['pods', pod('p', 'c', {}, { annotations: { 'post.hook.restore.velero.io/command': 'x' } })],
      ['persistentvolumeclaims', pvc('c', { ownerReferences: [{ kind: 'Pod', name: 'p' }] })],
    ]);
    expect(facts.pods[0]).toMatchObject({ hooks: true, claims: ['c'] });
    expect(facts.claims[0]).toMatchObject({ owner: 'p', volume: 'pv-c' });
  });
});
