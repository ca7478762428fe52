import { describe, expect, it } from 'vitest';
import type { BackupPreview } from '../../../../contracts/preview.ts';
import type { BackupPlan, ShardIndex } from '../../../../core/model.ts';
import { noFacts } from '../../../../core/plan/facts.ts';
import { boundedPreview, previewOf, rejectedPreview } from '../../../../core/plan/preview.ts';
import { planVolumes } from '../../../../core/plan/volumes.ts';
import { problem } from '../../../../core/problems.ts';
import { claim, input, volume } from './volume-facts.ts';

const plan: BackupPlan = {
  namespaces: ['shop'],
  wholeCluster: false,
  everything: false,
  filters: {},
  shards: [],
  resources: [],
  problems: [problem('warning', 'plan', 'InvalidInput', 'namespace gone does not exist')],
};

const shard = (names: Record<string, string[]>, items: number): ShardIndex => ({
  segments: [],
  names,
  items,
  facts: noFacts(),
  problems: [],
  notes: [],
});

const planned = (claims = [claim('data'), claim('bare', { volume: undefined as never, phase: 'Pending' })]) =>
  previewOf({
    spec: { includedNamespaces: ['shop'] },
    location: 'default',
    plan,
    shards: [
      shard({ 'v1/Pod': ['shop/web', 'shop/db'] }, 2),
      shard({ 'v1/Pod': ['shop/db'], 'v1/PersistentVolumeClaim': ['shop/data'] }, 2),
    ],
    volumes: planVolumes(input({ claims, volumes: [volume('data')] })),
    hooks: [{ group: 0, pods: [{ namespace: 'shop', name: 'db', pre: [{} as never], post: [] }] }],
    lastBytes: new Map([['uid-data', 700]]),
  });

describe('the preview of a backup', () => {
  it('counts objects by kind, each once', () => {
    expect(planned().resources).toEqual({ 'v1/PersistentVolumeClaim': 1, 'v1/Pod': 2 });
    expect(planned().namespaces).toEqual(['shop']);
  });

  it('tells of each volume the method, the reason and the bytes of its last transfer', () => {
    const { volumes, methods } = planned();
    expect(volumes).toContainEqual({
      namespace: 'shop',
      volume: 'data',
      method: 'data-mover',
      reason: 'CSI snapshot of class only, data moved to the repository',
      bytes: 700,
      bytesFrom: 'lastBackup',
    });
    expect(methods).toMatchObject({
      'data-mover': { volumes: 1, bytes: 700 },
      failed: { volumes: 1, bytes: 0 },
    });
  });

  it('takes what a claim asked for when it was never backed up', () => {
    const [fresh] = planned([claim('fresh')]).volumes;
    expect(fresh).toMatchObject({ bytes: 1024, bytesFrom: 'capacity' });
  });

  it('says how the backup would end, with all problems found', () => {
    const { expectedPhase, counts, problems, hooks } = planned();
    expect(expectedPhase).toBe('PartiallyFailed');
    expect(counts).toEqual({ errors: 1, warnings: 1 });
    expect(problems.map(({ code }) => code)).toEqual(['InvalidInput', 'ClaimNotBound']);
    expect(hooks).toEqual([{ namespace: 'shop', pod: 'db', pre: 1, post: 0 }]);
  });

  it('of a refused spec has the faults and nothing else', () => {
    expect(rejectedPreview({ ttl: 'x' }, 'default', ['spec.ttl: bad'])).toMatchObject({
      expectedPhase: 'FailedValidation',
      validationErrors: ['spec.ttl: bad'],
      items: 0,
      volumes: [],
    });
  });
});

describe('the size of a preview', () => {
  const many: BackupPreview = {
    ...planned(),
    volumes: Array.from({ length: 2_000 }, (_, at) => ({
      namespace: 'shop',
      volume: `data-${at}`,
      method: 'data-mover',
      reason: 'CSI snapshot of class only, data moved to the repository ü',
      bytes: 1,
      bytesFrom: 'capacity',
    })),
  };
  const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

  it('is bounded; what is not listed is counted', () => {
    const bounded = boundedPreview(many, 60_000);
    expect(bytes(bounded)).toBeLessThanOrEqual(60_000);
    expect(bounded.volumes.length + (bounded.omitted['volumes'] ?? 0)).toBe(2_000);
    expect(bounded.methods).toEqual(many.methods);
    expect(bounded.problems).toEqual(many.problems);
  });

  it('leaves a small one as it is, and ends for one that cannot be made small', () => {
    expect(boundedPreview(planned(), 60_000)).toEqual(planned());
    const long = { ...planned(), spec: { ttl: 'x'.repeat(70_000) } };
    expect(boundedPreview(long, 60_000)).toMatchObject({ volumes: [], problems: [] });
  });
});
