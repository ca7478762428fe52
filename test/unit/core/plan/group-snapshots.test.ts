import { describe, expect, it } from 'vitest';
import type { ClaimFact } from '../../../../core/model.ts';
import { planTogether } from '../../../../core/plan/group-snapshots.ts';
import type { GroupSnapshotFacts } from '../../../../core/plan/group-snapshots.ts';
import { planVolumes } from '../../../../core/plan/volumes.ts';
import type { VolumePlanInput } from '../../../../core/plan/volumes.ts';
import { claim, DRIVER, input, snapshotClass, volume } from './volume-facts.ts';

const LABEL = 'velero.io/volume-group';
const labelled = (name: string, value: string, more: Partial<ClaimFact> = {}) =>
  claim(name, { labels: { [LABEL]: value }, ...more });

interface Setting {
  claims: ClaimFact[];
  facts?: Partial<GroupSnapshotFacts>;
  annotations?: Record<string, string>;
  more?: Partial<VolumePlanInput>;
}

const groupClass = snapshotClass('at-once', {
  annotations: { 'groupsnapshot.storage.kubernetes.io/is-default-class': 'true' },
});

function planned({ claims, facts = {}, annotations = {}, more = {} }: Setting) {
  const volumes = claims.map(({ name }) => volume(name));
  const plans = planVolumes(input({ claims, volumes }, more));
  const all = Object.fromEntries(
    Map.groupBy(claims, ({ namespace, labels }) => `${namespace}/${labels[LABEL]}`)
      .entries()
      .map(([key, members]) => [key, members.map(({ name }) => name)]),
  );
  const offered = { version: 'v1', classes: [groupClass], claims: all, ...facts };
  return planTogether(plans.volumes, { label: LABEL, annotations, claims }, offered);
}

const words = ({ problems }: ReturnType<typeof planned>) =>
  problems.map(({ severity, code, message }) => `${severity} ${code}: ${message}`);

describe('claims with the same value of the group label', () => {
  const pair = [labelled('a', 'db'), labelled('b', 'db'), labelled('c', 'web')];

  it('are cut at one moment, and each says so; one alone is not', () => {
    const { together, reasons, problems } = planned({ claims: pair });
    expect(together).toEqual([
      {
        members: [0, 1],
        namespace: 'shop',
        label: LABEL,
        value: 'db',
        snapshotClass: 'at-once',
        version: 'v1',
      },
    ]);
    expect([...reasons]).toEqual([
      [0, 'group "db" cut at one moment, by group snapshot of class at-once'],
      [1, 'group "db" cut at one moment, by group snapshot of class at-once'],
    ]);
    expect(problems).toEqual([]);
  });

  it('are two groups in two namespaces', () => {
    const claims = ['shop', 'zoo'].flatMap((namespace) =>
      ['a', 'b'].map((name) => labelled(`${namespace}-${name}`, 'db', { namespace })),
    );
    expect(planned({ claims }).together.map(({ namespace, members }) => [namespace, members])).toEqual([
      ['shop', [0, 1]],
      ['zoo', [2, 3]],
    ]);
  });

  it('are cut at one moment when their snapshots are kept, too', () => {
    const { together } = planned({ claims: pair, more: { moveData: false } });
    expect(together.map(({ members }) => members)).toEqual([[0, 1]]);
  });

  it.each<[string, Partial<Setting>, string]>([
    [
      'the cluster has no such API',
      { facts: { version: undefined } as object },
      'the cluster has no API for group snapshots',
    ],
    [
      'the driver has no class for it',
      { facts: { classes: [{ ...groupClass, driver: 'other.example.com' }] } },
      `no VolumeGroupSnapshotClass of driver ${DRIVER} is labelled or default`,
    ],
    [
      'the storage would take more claims than the backup does',
      { facts: { claims: { 'shop/db': ['a', 'b', 'left-out'] } } },
      'claims left-out have the label, but no snapshot is taken of them',
    ],
  ])('are cut in parallel where %s, and it is said', (_name, setting, obstacle) => {
    const plan = planned({ claims: pair, ...setting });
    expect(plan.together).toEqual([]);
    expect(words(plan)).toEqual([
      `warning GroupSnapshotMissing: group "db": its 2 volumes are cut in parallel, since ${obstacle}`,
    ]);
    expect(plan.reasons.get(1)).toBe('group "db" cut in parallel');
  });

  it('are cut in parallel when they are of several drivers', () => {
    const claims = [labelled('a', 'db'), labelled('b', 'db')];
    const plans = planVolumes(input({ claims, volumes: claims.map(({ name }) => volume(name)) }));
    const [first, second] = plans.volumes;
    const mixed = [first, { ...second, driver: 'other.example.com' }] as typeof plans.volumes;
    const facts = { version: 'v1', classes: [groupClass], claims: { 'shop/db': ['a', 'b'] } };
    const plan = planTogether(mixed, { label: LABEL, annotations: {}, claims }, facts);
    expect(plan.together).toEqual([]);
    expect(words(plan)[0]).toContain(`they are of several CSI drivers (${DRIVER}, other.example.com)`);
  });

  it('have the class that the backup names; a name without a class is a warning', () => {
    const other = snapshotClass('other');
    const key = `velero.io/csi-volumegroupsnapshot-class_${DRIVER}`;
    const facts = { classes: [groupClass, other] };
    const named = planned({ claims: pair, facts, annotations: { [key]: 'other' } });
    expect(named.together[0]?.snapshotClass).toBe('other');
    const misnamed = planned({ claims: pair, facts, annotations: { [key]: 'gone' } });
    expect(misnamed.together[0]?.snapshotClass).toBe('at-once');
    expect(words(misnamed)).toEqual([
      `warning GroupSnapshotMissing: group "db": annotation ${key} of the backup: driver ${DRIVER} has no class "gone"`,
    ]);
  });
});
