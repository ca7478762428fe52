import { describe, expect, it } from 'vitest';
import type { ClaimFact, VolumeFact } from '../../../../core/model.ts';
import { planVolumes } from '../../../../core/plan/volumes.ts';
import { claim, DRIVER, foreign, input, snapshotClass, volume } from './volume-facts.ts';

describe('how a volume is protected', () => {
  const planned = (each: ClaimFact, volumes: VolumeFact[] = [volume(each.name)], more = {}) =>
    planVolumes(input({ claims: [each], volumes }, more)).volumes[0];

  it('by a snapshot whose data is moved', () => {
    const each = claim('data', { labels: { app: 'db' }, volumeMode: 'Block' });
    expect(planned(each, [volume('data', { labels: { zone: 'a' } })])).toEqual({
      index: 0,
      namespace: 'shop',
      claim: 'data',
      claimUid: 'uid-data',
      volume: 'pv-data',
      volumeType: 'csi',
      method: 'data-mover',
      reason: 'CSI snapshot of class only, data moved to the repository',
      driver: DRIVER,
      storageClass: 'fast',
      volumeMode: 'Block',
      accessModes: ['ReadWriteOnce'],
      requestedBytes: 1024,
      snapshotClass: 'only',
      claimLabels: { app: 'db' },
      pvInfo: { reclaimPolicy: 'Delete', labels: { zone: 'a' } },
    });
  });

  it('by a snapshot that stays in the storage', () => {
    expect(planned(claim('data'), undefined, { moveData: false })).toMatchObject({
      method: 'csi-snapshot',
      reason: 'CSI snapshot of class only, kept in the storage',
      snapshotClass: 'only',
    });
  });

  it('by a snapshot of the next best class when an annotation names none, with a warning', () => {
    const each = claim('data', { annotations: { 'velero.io/csi-volumesnapshot-class': 'gone' } });
    const { volumes, problems } = planVolumes(input({ claims: [each], volumes: [volume('data')] }));
    expect(volumes[0]).toMatchObject({ method: 'data-mover', snapshotClass: 'only' });
    expect(problems).toEqual([
      expect.objectContaining({
        severity: 'warning',
        name: 'data',
        message: expect.stringContaining('"gone"'),
      }),
    ]);
  });

  it('by what its volume is, also when the volume itself is not in the backup', () => {
    const plan = planVolumes(input({ claims: [claim('a')] }, { otherVolumes: [foreign('a', 'nfs')] }));
    expect(plan.volumes).toMatchObject([{ volume: 'pv-a', volumeType: 'nfs', method: 'skip' }]);
  });

  it('by the driver of its class when the volume itself was not exported', () => {
    expect(planned(claim('data'), [])).toMatchObject({ method: 'data-mover', driver: DRIVER });
  });

  it.each<[string, ClaimFact, VolumeFact, object, { method: string; reason?: string; problem?: object }]>([
    [
      'volumes are not wanted',
      claim('a', { phase: 'Pending' }),
      volume('a'),
      { snapshotVolumes: false },
      { method: 'skip', reason: 'spec.snapshotVolumes is false' },
    ],
    [
      'it is no CSI volume',
      claim('a', { storageClass: '' }),
      foreign('a', 'nfs'),
      {},
      { method: 'skip', reason: 'volume pv-a is not a CSI volume' },
    ],
    [
      'the claim is not bound',
      claim('a', { phase: 'Pending' }),
      volume('a'),
      {},
      {
        method: 'failed',
        problem: { code: 'ClaimNotBound', message: 'claim shop/a is Pending and has no volume to back up' },
      },
    ],
    [
      'the claim has lost its volume',
      claim('a', { phase: 'Lost' }),
      volume('a'),
      {},
      { method: 'failed', problem: { code: 'ClaimNotBound', message: expect.stringContaining('Lost') } },
    ],
    [
      'the claim has no class',
      claim('a', { storageClass: '' }),
      volume('a'),
      {},
      {
        method: 'failed',
        problem: { code: 'NotSupported', severity: 'error', name: 'a', namespace: 'shop' },
      },
    ],
    [
      'no class can be chosen',
      claim('a'),
      volume('a'),
      { classes: [snapshotClass('x'), snapshotClass('y')] },
      {
        method: 'failed',
        problem: { code: 'SnapshotClassMissing', message: expect.stringContaining(DRIVER) },
      },
    ],
  ])('not at all when %s, with the reason', (_name, each, pv, more, expected) => {
    const plan = planVolumes(input({ claims: [each], volumes: [pv] }, more));
    const { problem, ...decision } = expected;
    expect(plan.volumes[0]).toMatchObject(decision);
    if (problem) expect(plan.problems[0]).toMatchObject(problem);
    expect(plan.volumes[0]?.reason).not.toBe('');
    expect(plan.groups).toEqual([]);
    expect(plan.problems).toHaveLength(problem ? 1 : 0);
  });

  it('a driver that nothing tells is named as such', () => {
    const { problems } = planVolumes(input({ claims: [claim('a')] }, { provisioners: {} }));
    expect(problems[0]?.message).toContain('StorageClass fast');
  });

  it('numbers the volumes by namespace and claim, whatever the order of export', () => {
    const claims = [claim('b'), claim('a', { namespace: 'zoo' }), claim('a')];
    const plans = [claims, claims.toReversed()].map((order) => planVolumes(input({ claims: order })));
    expect(plans[0]).toEqual(plans[1]);
    expect(plans[0]?.volumes.map((each) => [each.index, `${each.namespace}/${each.claim}`])).toEqual([
      [0, 'shop/a'],
      [1, 'shop/b'],
      [2, 'zoo/a'],
    ]);
  });
});
