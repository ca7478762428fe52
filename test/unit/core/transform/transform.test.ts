import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../../../core/transform/manifest.ts';
import {
  neutralSettings,
  skipReason,
  tokenSkipReason,
  transformObject,
} from '../../../../core/transform/transform.ts';
import type { TransformSettings } from '../../../../core/transform/transform.ts';

const provenance = { backup: 'b', restore: 'r' };
const neutral = neutralSettings(provenance);

const object = (fields: Partial<Manifest> = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name: 'x' },
  ...fields,
});

function transformed(
  groupResource: string,
  input: Partial<Manifest>,
  settings: Partial<TransformSettings> = {},
  namespace: string | undefined = 'target',
): Manifest {
  const result = object(input);
  transformObject(groupResource, result, { ...neutral, ...settings }, namespace);
  return result;
}

describe('every object', () => {
  it('loses what belonged to the old one and says where it comes from', () => {
    const result = transformed('configmaps', {
      metadata: {
        name: 'x',
        namespace: 'source',
        generateName: 'x-',
        selfLink: '/x',
        uid: 'u',
        resourceVersion: '1',
        generation: 3,
        creationTimestamp: '2026-01-01T00:00:00Z',
        deletionTimestamp: '2026-01-01T00:00:00Z',
        deletionGracePeriodSeconds: 30,
        ownerReferences: [{}],
        managedFields: [{}],
        finalizers: ['keep'],
        annotations: { keep: 'yes' },
        labels: { app: 'web' },
      },
      data: { a: 'b' },
      status: { phase: 'Old' },
    });
    expect(result).toEqual({
      apiVersion: 'v1',
      kind: 'Thing',
      metadata: {
        name: 'x',
        namespace: 'target',
        finalizers: ['keep'],
        annotations: { keep: 'yes' },
        labels: { app: 'web', 'velero.io/backup-name': 'b', 'velero.io/restore-name': 'r' },
      },
      data: { a: 'b' },
    });
  });

  it('gets no namespace when it has none', () => {
    const result = object({ metadata: { name: 'x', namespace: 'odd' } });
    transformObject('clusterroles.rbac.authorization.k8s.io', result, neutral, undefined);
    expect(result.metadata).not.toHaveProperty('namespace');
  });

  it('may have the oddest content', () => {
    for (const spec of [null, 'text', 7, [], [null], { volumes: 'x', containers: [1, null, { image: 5 }] }]) {
      for (const groupResource of [
        'pods',
        'services',
        'jobs.batch',
        'persistentvolumes',
        'statefulsets.apps',
      ]) {
        const settings = { images: [{ from: 'a', to: 'b' }] };
        expect(() => transformed(groupResource, { spec, webhooks: 3 }, settings)).not.toThrow();
      }
    }
  });
});

describe('pods', () => {
  it('are scheduled anew and lose what was injected', () => {
    const { spec } = transformed('pods', {
      spec: {
        nodeName: 'n',
        priority: 5,
        priorityClassName: 'high',
        serviceAccountName: 'web',
        ephemeralContainers: [{ name: 'debug' }],
        initContainers: [{ name: 'restore-wait' }, { name: 'restic-wait' }, { name: 'setup' }],
        volumes: [{ name: 'web-token-abc' }, { name: 'data' }],
        containers: [{ name: 'main', volumeMounts: [{ name: 'web-token-abc' }, { name: 'data' }] }],
      },
    });
    expect(spec).toEqual({
      priorityClassName: 'high',
      serviceAccountName: 'web',
      initContainers: [{ name: 'setup' }],
      volumes: [{ name: 'data' }],
      containers: [{ name: 'main', volumeMounts: [{ name: 'data' }] }],
    });
  });
});

describe('images', () => {
  const images = [
    { from: 'old.example/', to: 'new.example/' },
    { from: 'web', to: 'never' },
  ];
  const containers = () => ({
    containers: [{ image: 'old.example/web:1' }],
    initContainers: [{ image: 'other' }],
  });
  const template = () => ({ template: { spec: containers() } });

  it.each([
    ['pods', () => containers(), (spec: Manifest) => spec],
    ['deployments.apps', template, (spec: Manifest) => spec['template'].spec],
    ['statefulsets.apps', template, (spec: Manifest) => spec['template'].spec],
    ['jobs.batch', template, (spec: Manifest) => spec['template'].spec],
    [
      'cronjobs.batch',
      () => ({ jobTemplate: { spec: template() } }),
      (spec: Manifest) => spec['jobTemplate'].spec.template.spec,
    ],
  ])('of %s are changed by the first pair that fits', (groupResource, spec, at) => {
    const result = transformed(groupResource, { spec: spec() }, { images });
    expect(at(result['spec'])).toEqual({
      containers: [{ image: 'new.example/web:1' }],
      initContainers: [{ image: 'other' }],
    });
  });
});

describe('storage classes', () => {
  const classes = { changes: { slow: 'fast', gone: 'missing' }, known: ['fast'] };

  it('are changed in claims, volumes and claim templates', () => {
    const spec = () => ({ storageClassName: 'slow' });
    for (const groupResource of ['persistentvolumeclaims', 'persistentvolumes']) {
      expect(transformed(groupResource, { spec: spec() }, { classes })['spec'].storageClassName).toBe('fast');
    }
    const set = transformed(
      'statefulsets.apps',
      { spec: { volumeClaimTemplates: [{ spec: spec() }] } },
      { classes },
    );
    expect(set['spec'].volumeClaimTemplates).toEqual([{ spec: { storageClassName: 'fast' } }]);
  });

  it('must exist', () => {
    const claim = { spec: { storageClassName: 'gone' } };
    expect(() => transformed('persistentvolumeclaims', claim, { classes })).toThrow(
      /"missing".*does not exist/,
    );
  });

  it('of other objects stay', () => {
    expect(transformed('things', { spec: { storageClassName: 'slow' } }, { classes })['spec']).toEqual({
      storageClassName: 'slow',
    });
  });
});

describe('claims and volumes', () => {
  it('lose their binding', () => {
    const claim = transformed('persistentvolumeclaims', {
      metadata: {
        name: 'x',
        annotations: {
          'pv.kubernetes.io/bind-completed': 'yes',
          'pv.kubernetes.io/bound-by-controller': 'yes',
          'volume.kubernetes.io/storage-provisioner': 'p',
          'volume.beta.kubernetes.io/storage-provisioner': 'p',
          'volume.kubernetes.io/selected-node': 'n',
          'velero.io/volume-snapshot-name': 's',
          'velero.io/data-upload-name': 'd',
          own: 'yes',
        },
      },
    });
    expect(claim.metadata.annotations).toEqual({ own: 'yes' });
  });

  it('keep each other, in the new namespace', () => {
    const volume = transformed(
      'persistentvolumes',
      { spec: { claimRef: { namespace: 'a', name: 'c', uid: 'u', resourceVersion: '1' } } },
      { namespaces: { a: 'b' } },
    );
    expect(volume['spec'].claimRef).toEqual({ namespace: 'b', name: 'c' });
  });
});

describe('jobs', () => {
  it('forget the uid by which they knew their pods', () => {
    const labels = { 'controller-uid': 'u', 'batch.kubernetes.io/controller-uid': 'u', own: 'yes' };
    const job = transformed('jobs.batch', {
      spec: { selector: { matchLabels: { ...labels } }, template: { metadata: { labels: { ...labels } } } },
    });
    expect(job['spec']).toEqual({
      selector: { matchLabels: { own: 'yes' } },
      template: { metadata: { labels: { own: 'yes' } } },
    });
  });
});

describe('accounts', () => {
  it('lose one token of the old cluster', () => {
    const account = transformed('serviceaccounts', {
      metadata: { name: 'web' },
      secrets: [{ name: 'web-token-1' }, { name: 'own' }, { name: 'web-token-2' }],
    });
    expect(account['secrets']).toEqual([{ name: 'web-token-1' }, { name: 'own' }]);
  });

  it('have token Secrets that are filled anew', () => {
    const token = (): Partial<Manifest> => ({
      type: 'kubernetes.io/service-account-token',
      metadata: {
        name: 'mine',
        annotations: {
          'kubernetes.io/service-account.uid': 'u',
          'kubernetes.io/service-account.name': 'web',
        },
      },
      data: { token: 't', 'ca.crt': 'c', extra: 'e' },
    });
    const secret = transformed('secrets', token());
    expect(secret['data']).toEqual({ extra: 'e' });
    expect(secret.metadata.annotations).toEqual({ 'kubernetes.io/service-account.name': 'web' });
    expect(tokenSkipReason(object(token()), ['web'])).toBeUndefined();
    expect(tokenSkipReason(object({ ...token(), metadata: { name: 'web-token-x' } }), ['web'])).toBeDefined();
    expect(
      tokenSkipReason(object({ type: 'Opaque', metadata: { name: 'web-token-x' } }), ['web']),
    ).toBeUndefined();
  });

  it.each(['rolebindings', 'clusterrolebindings'])('in %s follow their namespaces', (plural) => {
    const binding = transformed(
      `${plural}.rbac.authorization.k8s.io`,
      { subjects: [{ namespace: 'a' }, { namespace: 'z' }, { kind: 'User' }, { namespace: 'constructor' }] },
      { namespaces: { a: 'b' } },
    );
    expect(binding['subjects']).toEqual([
      { namespace: 'b' },
      { namespace: 'z' },
      { kind: 'User' },
      { namespace: 'constructor' },
    ]);
  });
});

describe('definitions', () => {
  const definition = (apiVersion: string): Partial<Manifest> => ({
    apiVersion,
    spec: {
      preserveUnknownFields: true,
      versions: [{ schema: { openAPIV3Schema: { type: 'object' } } }, {}],
    },
  });

  it('say in the schema that unknown fields are kept', () => {
    const { spec } = transformed(
      'customresourcedefinitions.apiextensions.k8s.io',
      definition('apiextensions.k8s.io/v1'),
    );
    expect(spec).toEqual({
      preserveUnknownFields: false,
      versions: [
        { schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } },
        {},
      ],
    });
  });

  it('of older versions stay', () => {
    const { spec } = transformed(
      'customresourcedefinitions.apiextensions.k8s.io',
      definition('apiextensions.k8s.io/v1beta1'),
    );
    expect(spec.preserveUnknownFields).toBe(true);
  });
});

describe('webhooks', () => {
  it('have no side effects', () => {
    const { webhooks } = transformed('validatingwebhookconfigurations.admissionregistration.k8s.io', {
      apiVersion: 'admissionregistration.k8s.io/v1',
      webhooks: [{ sideEffects: 'Some' }, { sideEffects: 'NoneOnDryRun' }, {}],
    });
    expect(webhooks).toEqual([
      { sideEffects: 'None' },
      { sideEffects: 'NoneOnDryRun' },
      { sideEffects: 'None' },
    ]);
  });
});

describe('what is passed over', () => {
  const annotated = { name: 'x', annotations: { 'kubernetes.io/config.mirror': '' } };
  const automatic = { name: 'x', labels: { 'kube-aggregator.kubernetes.io/automanaged': 'true' } };
  it.each<[string, Partial<Manifest>, boolean]>([
    ['pods', { metadata: annotated }, true],
    ['pods', { status: { phase: 'Succeeded' } }, true],
    ['pods', { status: { phase: 'Failed' } }, true],
    ['pods', { status: { phase: 'Running' } }, false],
    ['pods', {}, false],
    ['jobs.batch', { status: { completionTime: 't' } }, true],
    ['jobs.batch', { status: { failed: 1 } }, false],
    ['apiservices.apiregistration.k8s.io', { metadata: automatic }, true],
    ['apiservices.apiregistration.k8s.io', {}, false],
    ['configmaps', { metadata: { name: 'kube-root-ca.crt' } }, true],
    ['configmaps', {}, false],
    ['constructor', {}, false],
  ])('%s %j: %s', (groupResource, fields, skipped) => {
    expect(skipReason(groupResource, object(fields)) !== undefined).toBe(skipped);
  });
});
