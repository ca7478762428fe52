import { describe, expect, it } from 'vitest';
import type { ClaimFate, RecoveryPlan, VolumeOutcome } from '../../../../core/model.ts';
import { manifestSources, namespaceManifest } from '../../../../core/restore/namespaces.ts';
import { addClaim, claimOperation, claimVolumeInfo, restoreLog } from '../../../../core/restore/outcome.ts';
import { hindrance } from '../../../../core/restore/pods.ts';
import { addResult, countItems, emptyReport } from '../../../../core/restore/report.ts';
import { volumeSettings } from '../../../../core/restore/volume-settings.ts';
import { withholdClaim } from '../../../../core/transform/storage.ts';
import { problem } from '../../../../core/problems.ts';

const meta = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'X',
  metadata: { name, ...more },
});

describe('namespaces', () => {
  it('keep labels, annotations and spec, under their new name', () => {
    const stored = {
      ...meta('old', {
        uid: 'u',
        labels: { 'kubernetes.io/metadata.name': 'old', team: 'a' },
        annotations: { 'openshift.io/sa.scc.uid-range': '1/2' },
      }),
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    };
    expect(namespaceManifest(stored, 'new')).toEqual({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: 'new',
        labels: { team: 'a' },
        annotations: { 'openshift.io/sa.scc.uid-range': '1/2' },
      },
      spec: { finalizers: ['kubernetes'] },
    });
    expect(namespaceManifest(undefined, 'new')).toEqual({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'new', labels: {} },
    });
  });

  it('that become one take after the one of that name', () => {
    const pair = (source: string, target: string) => ({ source, target });
    expect([...manifestSources([pair('a', 'x'), pair('b', 'x'), pair('c', 'd'), pair('d', 'd')])]).toEqual([
      ['x', 'a'],
      ['d', 'd'],
    ]);
  });
});

const outcome = (more: Partial<VolumeOutcome> = {}): VolumeOutcome => ({
  index: 0,
  ok: true,
  object: 'dd',
  bytes: 42,
  bytesMoved: 40,
  files: 2,
  startedAt: '2026-01-01T00:00:00.123Z',
  completedAt: '2026-01-01T00:01:00.123Z',
  stagesMs: {},
  notKept: {},
  ...more,
});

describe('pods', () => {
  const pod = {
    ...meta('p'),
    spec: {
      volumes: [
        { name: 'a', persistentVolumeClaim: { claimName: 'good' } },
        { name: 'b', persistentVolumeClaim: { claimName: 'data' } },
      ],
    },
  };
  const failed = outcome({ ok: false, problem: problem('error', 's', 'MoverFailed', 'broke') });

  it.each<[string, Record<string, ClaimFate>, VolumeOutcome[], RegExp | undefined]>([
    ['with claims of no concern', {}, [], undefined],
    [
      'with a claim of its own name elsewhere',
      { 'bank/data': { fate: 'withhold', reason: 'r' } },
      [],
      undefined,
    ],
    ['with an existing claim', { 'shop/data': { fate: 'existing' } }, [], undefined],
    ['with a filled claim', { 'shop/data': { fate: 'recover', index: 0 } }, [outcome()], undefined],
    [
      'with a failed claim',
      { 'shop/data': { fate: 'recover', index: 0 } },
      [failed],
      /claim data .*MoverFailed: broke/,
    ],
    ['with a claim that nobody reported', { 'shop/data': { fate: 'recover', index: 0 } }, [], /claim data/],
    ['with a withheld claim', { 'shop/data': { fate: 'withhold', reason: 'why' } }, [], /claim data .*why/],
  ])('%s', (_, claims, outcomes, expected) => {
    const found = hindrance(pod, 'shop', claims, new Map(outcomes.map((entry) => [entry.index, entry])));
    if (expected) expect(found).toMatch(expected);
    else expect(found).toBeUndefined();
  });
});

describe('a withheld claim', () => {
  it('can be bound by nothing and says why', () => {
    const claim = { ...meta('c'), spec: { volumeName: 'pv', dataSource: {}, accessModes: ['a'] } };
    withholdClaim(claim, 'mark', 'reason');
    expect(claim).toMatchObject({
      metadata: { annotations: { 'caravel.dev/not-restored': 'reason' } },
      spec: { selector: { matchLabels: { 'velero.io/dynamic-pv-restore': 'mark' } } },
    });
    expect(claim.spec).not.toHaveProperty('volumeName');
  });
});

describe('a new volume', () => {
  const volume = {
    ...meta('pv', { labels: { same: '1' } }),
    spec: { persistentVolumeReclaimPolicy: 'Delete' },
  };

  it.each([
    [{ reclaimPolicy: 'Delete', labels: null }, undefined],
    [{ reclaimPolicy: '', labels: { same: '1' } }, undefined],
    [{ reclaimPolicy: 'Retain', labels: {} }, { spec: { persistentVolumeReclaimPolicy: 'Retain' } }],
    [
      { reclaimPolicy: 'Delete', labels: { same: '2', 'topology.kubernetes.io/zone': 'z' } },
      { metadata: { labels: { same: '2' } } },
    ],
  ])('with %j lacks %j', (info, patch) => {
    expect(volumeSettings(volume, info)).toEqual(patch);
  });
});

describe('the report', () => {
  it('counts what came of each object', () => {
    const report = emptyReport();
    const item = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      resource: 'deployments.apps',
      namespace: 'n',
      name: 'd',
    };
    addResult(report, { item, action: 'created' });
    addResult(report, { item: { ...item, name: 'e' }, action: 'skipped', note: 'why' });
    addResult(report, { item: { ...item, name: 'f' } });
    expect(report.names).toEqual({ 'apps/v1/Deployment': ['n/d(created)', 'n/e(skipped)'] });
    expect(report.notes).toEqual([
      { resource: 'deployments.apps', namespace: 'n', name: 'e', message: 'why' },
    ]);
    expect(countItems(report)).toBe(2);
  });

  const plan = { index: 0, namespace: 'n', claim: 'c', snapshotId: 's', snapshotBytes: 50 } as RecoveryPlan;
  const run = { name: 'r', uid: 'u' };

  it('has recovered claims as objects, operations and volumes', () => {
    const claim = {
      plan,
      outcome: outcome({ notKept: { sockets: 1, xattrs: 0 } }),
      operationId: 'o',
      volume: 'pv',
    };
    const report = emptyReport();
    addClaim(report, claim);
    expect(report.names).toEqual({ 'v1/PersistentVolumeClaim': ['n/c(created)'] });
    expect(report.problems).toMatchObject([{ severity: 'warning', message: 'not restored: 1 sockets' }]);
    expect(claimOperation(run, claim)).toMatchObject({
      spec: { restoreUID: 'u', operationID: 'o', resourceIdentifier: { Resource: 'persistentvolumeclaims' } },
      status: { phase: 'Completed', nCompleted: 42, nTotal: 50, started: '2026-01-01T00:00:00Z' },
    });
    expect(claimVolumeInfo(claim)).toMatchObject({
      pvName: 'pv',
      restoreMethod: 'CSISnapshot',
      snapshotDataMoved: true,
    });
  });

  it('has recoveries without an end as failed', () => {
    const report = emptyReport();
    addClaim(report, { plan, operationId: 'o', volume: '' });
    expect(report.names).toEqual({ 'v1/PersistentVolumeClaim': ['n/c(failed)'] });
    expect(report.problems).toMatchObject([{ severity: 'error', namespace: 'n', name: 'c' }]);
    expect(claimOperation(run, { plan, operationId: 'o', volume: '' }).status).toMatchObject({
      phase: 'Failed',
    });
  });

  it('says in the log what was passed over, and why', () => {
    const text = restoreLog({
      restore: 'ns/r',
      time: '2026-01-01T00:00:00Z',
      stagesMs: { plan: 5 },
      names: { 'v1/Pod': ['n/p(created)'] },
      recovered: [{ plan, operationId: 'o', volume: '' }],
      reprovisioned: { pv: 'because' },
      notes: [{ resource: 'pods', namespace: '', name: 'x', message: 'ended' }],
      problems: [
        problem('error', 's', 'KubeInvalid', 'bad\nline', { namespace: 'n', resource: 'pods', name: 'y' }),
      ],
    });
    const lines = text.trimEnd().split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[3]).toContain('because');
    expect(lines[4]).toContain('ended');
    expect(lines[5]).toMatch(/level=error msg="bad\\nline".*code=KubeInvalid/);
  });
});
