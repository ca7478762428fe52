import { describe, expect, it } from 'vitest';
import { decideExisting, madeByRun } from '../../../../core/restore/existing.ts';
import type { Manifest } from '../../../../core/transform/manifest.ts';
import { neutralSettings, transformObject } from '../../../../core/transform/transform.ts';

const provenance = { backup: 'b', restore: 'r' };
const marks = { 'velero.io/backup-name': 'b', 'velero.io/restore-name': 'r' };

const manifest = (fields: object, metadata: object = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'x', namespace: 'n', ...metadata },
  ...fields,
});

function decide(groupResource: string, stored: Manifest, present: Manifest, policy = '') {
  transformObject(groupResource, stored, neutralSettings(provenance), 'n');
  return decideExisting({ groupResource, wanted: stored, present, policy, provenance });
}

describe('an equal object', () => {
  const live = () =>
    manifest({ data: { a: '1' }, status: { x: 1 } }, { uid: 'u', resourceVersion: '7', managedFields: [] });

  it('is left, and labelled when the policy is update', () => {
    expect(decide('configmaps', manifest({ data: { a: '1' } }), live())).toEqual({ action: 'leave' });
    expect(decide('configmaps', manifest({ data: { a: '1' } }), live(), 'none')).toEqual({ action: 'leave' });
    expect(decide('configmaps', manifest({ data: { a: '1' } }), live(), 'update')).toEqual({
      action: 'leave',
      patch: { metadata: { labels: marks } },
    });
  });

  it('needs no label that it has', () => {
    const labelled = manifest({ data: { a: '1' } }, { labels: marks });
    expect(decide('configmaps', manifest({ data: { a: '1' } }), labelled, 'update')).toEqual({
      action: 'leave',
    });
  });

  it('may have what the cluster assigned', () => {
    const service = manifest({ kind: 'Service', spec: { ports: [{ port: 80 }] } });
    const assigned = {
      clusterIP: '10.0.0.1',
      clusterIPs: ['10.0.0.1'],
      ports: [{ port: 80, nodePort: 30_000 }],
    };
    expect(decide('services', service, manifest({ kind: 'Service', spec: assigned })).action).toBe('leave');
    const pod = manifest({ kind: 'Pod', spec: { nodeName: 'old' } });
    expect(
      decide('pods', pod, manifest({ kind: 'Pod', spec: { nodeName: 'new', priority: 0 } })).action,
    ).toBe('leave');
    const claim = manifest({
      kind: 'PersistentVolumeClaim',
      spec: { volumeName: 'old', accessModes: ['a'] },
    });
    const bound = manifest({
      kind: 'PersistentVolumeClaim',
      spec: { volumeName: 'new', accessModes: ['a'] },
    });
    expect(decide('persistentvolumeclaims', claim, bound).action).toBe('leave');
  });
});

describe('a different object', () => {
  const stored = () => manifest({ data: { a: '1' } }, { labels: { app: 'web' } });
  const live = () => manifest({ data: { a: '2', b: '3' } }, { labels: { own: 'yes' } });

  it.each(['', 'none'])('is reported with policy "%s"', (policy) => {
    expect(decide('configmaps', stored(), live(), policy)).toEqual({
      action: 'warn',
      warning:
        'could not restore, ConfigMap "x" already exists. Warning: the in-cluster version is different than the backed-up version',
    });
  });

  it('becomes the stored one with policy update', () => {
    expect(decide('configmaps', stored(), live(), 'update')).toEqual({
      action: 'update',
      patch: { data: { a: '1', b: null }, metadata: { labels: { own: null, app: 'web', ...marks } } },
      fallback: { metadata: { labels: marks } },
    });
  });
});

describe('an account', () => {
  const stored = () =>
    manifest(
      { kind: 'ServiceAccount', secrets: [{ name: 'a' }, { name: 'b' }], imagePullSecrets: [{ name: 'p' }] },
      { labels: { app: 'web', own: 'stored' }, annotations: { note: 'stored' } },
    );

  it.each(['', 'none', 'update'])('gets what it lacks, and nothing else, with policy "%s"', (policy) => {
    const live = manifest(
      { kind: 'ServiceAccount', secrets: [{ name: 'a' }, { name: 'z' }] },
      { labels: { own: 'live' } },
    );
    expect(decide('serviceaccounts', stored(), live, policy)).toMatchObject({
      action: 'update',
      patch: {
        secrets: [{ name: 'a' }, { name: 'z' }, { name: 'b' }],
        imagePullSecrets: [{ name: 'p' }],
        metadata: { labels: { app: 'web' }, annotations: { note: 'stored' } },
      },
    });
  });

  it('that lacks nothing is left without labels of the restore', () => {
    const live = manifest({ kind: 'ServiceAccount' });
    expect(decide('serviceaccounts', manifest({ kind: 'ServiceAccount' }), live, 'update')).toEqual({
      action: 'leave',
    });
  });
});

describe('an object made by an earlier attempt', () => {
  const made = (restore: string, creationTimestamp?: string) =>
    manifest(
      {},
      { labels: { 'velero.io/restore-name': restore }, ...(creationTimestamp && { creationTimestamp }) },
    );
  const started = '2026-01-01T00:00:10Z';

  it.each<[Manifest, boolean]>([
    [made('r', '2026-01-01T00:00:10Z'), true],
    [made('r', '2026-01-01T00:00:11Z'), true],
    [made('r', '2026-01-01T00:00:09Z'), false],
    [made('other', '2026-01-01T00:00:11Z'), false],
    [made('r'), false],
  ])('%j: %s', (object, ours) => {
    expect(madeByRun(object, provenance, started)).toBe(ours);
  });
});
