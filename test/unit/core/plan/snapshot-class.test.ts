import { describe, expect, it } from 'vitest';
import { chooseGroupClass, chooseSnapshotClass } from '../../../../core/plan/snapshot-class.ts';
import type { SnapshotClass } from '../../../../core/plan/snapshot-class.ts';
import { DRIVER, snapshotClass } from './volume-facts.ts';

const CLASS = 'velero.io/csi-volumesnapshot-class';
const DEFAULT_CLASS = 'snapshot.storage.kubernetes.io/is-default-class';

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
    expect(chooseSnapshotClass(DRIVER, { annotations }, backup, classes).chosen?.name).toBe(expected);
  });

  it('is found whatever the case of the driver', () => {
    const backup = { [`${CLASS}_${DRIVER}`]: 'named' };
    expect(chooseSnapshotClass('CSI.example.com', { annotations: {} }, backup, all).chosen?.name).toBe(
      'Named',
    );
  });

  it.each<[string, Record<string, string>, Record<string, string>, string[]]>([
    [
      'of the claim',
      { [CLASS]: 'gone' },
      {},
      [`annotation ${CLASS} of the claim: driver ${DRIVER} has no class "gone"`],
    ],
    [
      'of the backup',
      {},
      { [`${CLASS}_${DRIVER}`]: 'other' },
      [`annotation ${CLASS}_${DRIVER} of the backup: driver ${DRIVER} has no class "other"`],
    ],
    [
      'of the claim, where that of the backup is right',
      { [CLASS]: 'gone' },
      { [`${CLASS}_${DRIVER}`]: 'named' },
      [expect.stringContaining('"gone"') as string],
    ],
    ['none, when they are right', { [CLASS]: 'named' }, {}, []],
  ])('names annotations that name no class: %s', (_name, annotations, backup, faults) => {
    expect(chooseSnapshotClass(DRIVER, { annotations }, backup, all).faults).toEqual(faults);
  });
});

describe('the group snapshot class', () => {
  const OF_CLAIM = 'velero.io/csi-volume-group-snapshot-class';
  const KEY = 'velero.io/csi-volumegroupsnapshot-class';
  const named = snapshotClass('Named');
  const labelled = snapshotClass('labelled', { labels: { [KEY]: 'true' } });
  const choose = (
    claims: Record<string, string>[],
    backup: Record<string, string>,
    classes: SnapshotClass[],
  ) =>
    chooseGroupClass(
      DRIVER,
      claims.map((annotations) => ({ annotations })),
      backup,
      classes,
    ).chosen?.name;

  it.each<[string, Record<string, string>[], Record<string, string>, SnapshotClass[], string | undefined]>([
    [
      'named by any of the claims',
      [{}, { [OF_CLAIM]: 'named' }],
      { [`${KEY}_${DRIVER}`]: 'labelled' },
      [named, labelled],
      'Named',
    ],
    ['named by the backup', [{}], { [`${KEY}_${DRIVER}`]: 'named' }, [named, labelled], 'Named'],
    ['labelled true', [{}], {}, [named, labelled], 'labelled'],
    ['labelled otherwise', [{}], {}, [snapshotClass('x', { labels: { [KEY]: 'false' } })], undefined],
    ['one of several labelled', [{}], {}, [labelled, { ...labelled, name: 'b' }], undefined],
    ['the only one, without a label', [{}], {}, [named], undefined],
    ['of another driver', [{}], {}, [{ ...labelled, driver: 'x' }], undefined],
  ])('%s', (_name, claims, backup, classes, expected) => {
    expect(choose(claims, backup, classes)).toBe(expected);
  });
});
