import { describe, expect, it } from 'vitest';
import { chooseNamespaces } from '../../../../core/plan/namespaces.ts';

const EXISTING = ['shop', 'default', 'shop-test', 'kube-system'].map((name) => ({ name, active: true }));
const choose = (includes: string[], excludes: string[] = []) =>
  chooseNamespaces(EXISTING, includes, excludes);

describe('the namespaces of a backup', () => {
  it.each<[string[], string[], string[]]>([
    [[], [], ['default', 'kube-system', 'shop', 'shop-test']],
    [['*'], [], ['default', 'kube-system', 'shop', 'shop-test']],
    [['*'], ['kube-*'], ['default', 'shop', 'shop-test']],
    [['shop'], [], ['shop']],
    [['shop*'], ['*-test'], ['shop']],
    [['s?op'], [], ['shop']],
    [['[a-k]*'], [], ['default', 'kube-system']],
    [['shop*'], ['shop*'], []],
  ])('%j without %j are %j', (includes, excludes, names) =>
    expect(choose(includes, excludes).names).toEqual(names),
  );

  it.each<[string[], string[], boolean, boolean]>([
    [[], [], true, true],
    [['*'], [], true, true],
    [['*'], ['default'], false, true],
    [[], ['default'], false, true],
    [['shop'], [], false, false],
    [['*', 'shop'], [], false, false],
  ])('%j without %j: everything %j, listed cluster-wide %j', (includes, excludes, everything, wholeCluster) =>
    expect(choose(includes, excludes)).toMatchObject({ everything, wholeCluster }),
  );

  it('that are named but do not exist are errors, one each', () => {
    const { names, problems } = choose(['shop', 'gone', 'lost', 'gone']);
    expect(names).toEqual(['shop']);
    expect(problems).toEqual(
      ['gone', 'lost'].map((name) => ({
        severity: 'error',
        code: 'InvalidInput',
        step: 'plan',
        message: `fail to get the namespace ${name} specified in backup.Spec.IncludedNamespaces: it does not exist`,
        namespace: name,
        resource: 'namespaces',
        name,
      })),
    );
  });

  it.each([
    [['nothing-*'], []],
    [['shop'], ['sh*']],
    [[''], []],
  ])('are none for %j without %j, which is a warning', (includes, excludes) => {
    const { names, problems } = choose(includes, excludes);
    expect(names).toEqual([]);
    expect(problems).toMatchObject([
      { severity: 'warning', message: 'no namespace matches spec.includedNamespaces' },
    ]);
  });

  it('are all left out by an exclude without a warning, since nobody asked for one of them', () => {
    expect(choose([], ['*'])).toMatchObject({ names: [], problems: [] });
  });
});
