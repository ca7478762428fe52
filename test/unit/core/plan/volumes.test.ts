import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClaimFact, Facts, PodFact, VolumeFact } from '../../../../core/model.ts';
import { noFacts } from '../../../../core/plan/facts.ts';
import { chooseSnapshotClass, planVolumes } from '../../../../core/plan/volumes.ts';
import type { SnapshotClass, VolumePlanInput } from '../../../../core/plan/volumes.ts';

const DRIVER = 'csi.example.com';
const CLASS = 'velero.io/csi-volumesnapshot-class';
const DEFAULT_CLASS = 'snapshot.storage.kubernetes.io/is-default-class';

const snapshotClass = (name: string, more: Partial<SnapshotClass> = {}): SnapshotClass => ({
  name,
  driver: DRIVER,
  labels: {},
  annotations: {},
  ...more,
});

const claim = (name: string, more: Partial<ClaimFact> = {}): ClaimFact => ({
  namespace: 'shop',
  name,
  uid: `uid-${name}`,
  volume: `pv-${name}`,
  phase: 'Bound',
  storageClass: 'fast',
  volumeMode: 'Filesystem',
  accessModes: ['ReadWriteOnce'],
  requestedBytes: 1024,
  labels: {},
  annotations: {},
  ...more,
});

const volume = (name: string, more: Partial<VolumeFact> = {}): VolumeFact => ({
  name: `pv-${name}`,
  driver: DRIVER,
  source: { type: 'csi', csi: { driver: DRIVER, volumeAttributes: {} } },
  reclaimPolicy: 'Delete',
  labels: {},
  capacity: '1Ki',
  ...more,
});

const pod = (name: string, claims: string[], namespace = 'shop'): PodFact => ({
  namespace,
  name,
  uid: name,
  phase: 'Running',
  claims: Object.fromEntries(claims.map((each, at) => [`v${at}`, each])),
  volumes: claims.map((each, at) => ({
    name: `v${at}`,
    claim: each,
    source: { type: '' },
    use: 'mount',
  })),
  annotations: {},
  labels: {},
});

const input = (facts: Partial<Facts>, more: Partial<VolumePlanInput> = {}): VolumePlanInput => ({
  facts: { ...noFacts(), ...facts },
  snapshotVolumes: true,
  moveData: true,
  annotations: {},
  classes: [snapshotClass('only')],
  provisioners: { fast: DRIVER },
  ...more,
});

describe('the snapshot class of a volume', () => {
  const named = snapshotClass('Named');
  const other = snapshotClass('other', { driver: 'other.example.com' });
  const labelled = snapshotClass('labelled', { labels: { [CLASS]: 'false' } });
  const standard = snapshotClass('standard', { annotations: { [DEFAULT_CLASS]: 'true' } });
  const all = [named, other, standard, labelled];

  it.each<[string, Record<string, string>, Record<string, string>, SnapshotClass[], string | undefined]>([
    ['named by the claim', { [CLASS]: 'named' }, { [`${CLASS}_${DRIVER}`]: 'standard' }, all, 'Named'],
    ['named by the backup', {}, { [`${CLASS}_${DRIVER}`]: 'NAMED' }, all, 'Named'],
    ['named by the backup for another driver', {}, { [`${CLASS}_x`]: 'named' }, all, 'labelled'],
    ['of another driver', { [CLASS]: 'other' }, {}, all, 'labelled'],
    ['that does not exist', { [CLASS]: 'gone' }, {}, all, 'labelled'],
    ['labelled, whatever the value', {}, {}, all, 'labelled'],
    ['default', {}, {}, [named, other, standard], 'standard'],
    ['the only one', {}, {}, [named, other], 'Named'],
    ['one of several without a mark', {}, {}, [named, snapshotClass('b')], undefined],
    ['none', {}, {}, [other], undefined],
  ])('%s', (_name, annotations, backup, classes, expected) => {
    expect(chooseSnapshotClass(DRIVER, { annotations }, backup, classes)?.name).toBe(expected);
  });

  it('is found whatever the case of the driver', () => {
    const backup = { [`${CLASS}_${DRIVER}`]: 'named' };
    expect(chooseSnapshotClass('CSI.example.com', { annotations: {} }, backup, all)?.name).toBe('Named');
  });
});

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

  it('by the driver of its class when the volume itself was not exported', () => {
    expect(planned(claim('data'), [])).toMatchObject({ method: 'data-mover', driver: DRIVER });
  });

  it.each<[string, ClaimFact, VolumeFact, object, object]>([
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
      { name: 'pv-a', source: { type: 'nfs' }, reclaimPolicy: 'Retain', labels: {}, capacity: '' },
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
      'snapshots are to stay in the cluster',
      claim('a'),
      volume('a'),
      { moveData: false },
      {
        method: 'failed',
        problem: { code: 'NotSupported', message: expect.stringContaining('snapshotMoveData') },
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
    expect(plan.volumes[0]).toMatchObject(expected);
    expect(plan.volumes[0]?.reason).not.toBe('');
    expect(plan.groups).toEqual([]);
    expect(plan.problems).toHaveLength('problem' in expected ? 1 : 0);
  });

  it('a driver that nothing tells is named as such', () => {
    const plan = planned(claim('a'), [], { provisioners: {} });
    expect(plan?.problem?.message).toContain('StorageClass fast');
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

describe('volumes that are cut together', () => {
  const grouped = (claims: ClaimFact[], pods: PodFact[]) => planVolumes(input({ claims, pods })).groups;

  it('are those of one pod', () => {
    expect(grouped([claim('a'), claim('b'), claim('c')], [pod('p', ['a', 'c'])])).toEqual([
      { id: 0, volumes: [0, 2], kept: [], files: [], pods: [{ namespace: 'shop', name: 'p' }] },
      { id: 1, volumes: [1], kept: [], files: [], pods: [] },
    ]);
  });

  it('are those of pods that share claims, over any number of steps', () => {
    const claims = ['a', 'b', 'c', 'd', 'e'].map((name) => claim(name));
    const pods = [pod('p1', ['a', 'b']), pod('p3', ['c', 'd']), pod('p2', ['b', 'c']), pod('q', ['e'])];
    expect(grouped(claims, pods).map((group) => [group.volumes, group.pods.map(({ name }) => name)])).toEqual(
      [
        [
          [0, 1, 2, 3],
          ['p1', 'p3', 'p2'],
        ],
        [[4], ['q']],
      ],
    );
  });

  it('are never those of two namespaces', () => {
    const claims = [claim('a'), claim('a', { namespace: 'zoo' })];
    expect(grouped(claims, [pod('p', ['a']), pod('p', ['a'], 'zoo')])).toHaveLength(2);
  });

  it('do not include what is not moved', () => {
    const claims = [claim('a'), claim('b', { phase: 'Pending' }), claim('c')];
    expect(
      grouped(claims, [pod('p', ['a', 'b']), pod('q', ['b', 'c'])]).map(({ volumes }) => volumes),
    ).toEqual([[0], [2]]);
  });

  const claimNames = ['a', 'b', 'c', 'd', 'e', 'f'];
  const facts = fc.record({
    claims: fc.uniqueArray(fc.constantFrom(...claimNames), { maxLength: 6 }),
    pods: fc.array(fc.uniqueArray(fc.constantFrom(...claimNames), { maxLength: 3 }), { maxLength: 6 }),
  });

  it('partition the moved volumes: each in one group, connected ones in the same', () => {
    fc.assert(
      fc.property(facts, ({ claims, pods }) => {
        const podFacts = pods.map((names, at) => pod(`p${at}`, names));
        const { volumes, groups } = planVolumes(
          input({ claims: claims.map((name) => claim(name)), pods: podFacts }),
        );
        expect(groups.flatMap((group) => group.volumes).sort((a, b) => a - b)).toEqual(
          volumes.map(({ index }) => index),
        );
        expect(new Set(groups.map(({ id }) => id)).size).toBe(groups.length);
        const groupOf = new Map(groups.flatMap((group) => group.volumes.map((at) => [at, group.id])));
        const reached = connected(claims, pods);
        for (const one of volumes) {
          for (const two of volumes) {
            const together = groupOf.get(one.index) === groupOf.get(two.index);
            expect(together).toBe(reached(one.claim).has(two.claim));
          }
        }
      }),
    );
  });

  it('name exactly the pods that use them', () => {
    fc.assert(
      fc.property(facts, ({ claims, pods }) => {
        const podFacts = pods.map((names, at) => pod(`p${at}`, names));
        const { volumes, groups } = planVolumes(
          input({ claims: claims.map((name) => claim(name)), pods: podFacts }),
        );
        for (const group of groups) {
          const names = group.volumes.map((at) => volumes[at]?.claim);
          const users = podFacts.filter((each) =>
            Object.values(each.claims).some((name) => names.includes(name)),
          );
          expect(group.pods).toEqual(users.map(({ namespace, name }) => ({ namespace, name })));
        }
      }),
    );
  });
});

/** The claims that can be reached from one over pods, found by going on until nothing is new. */
function connected(claims: string[], pods: string[][]): (from: string) => Set<string> {
  const known = (names: string[]) => names.filter((name) => claims.includes(name));
  return (from) => {
    const reached = new Set([from]);
    for (let size = 0; size < reached.size;) {
      size = reached.size;
      for (const names of pods)
        if (known(names).some((name) => reached.has(name))) known(names).forEach((name) => reached.add(name));
    }
    return reached;
  };
}
