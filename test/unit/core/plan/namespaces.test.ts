import { describe, expect, it } from 'vitest';
import { chooseNamespaces } from '../../../../core/plan/namespaces.ts';

const EXISTING = ['shop', 'default', 'shop-test', 'kube-system'].map((name) => ({ name }));
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

  it('are still all of them when one is left out by its own label', () => {
    const labelled = { name: 'scratch', labels: { 'velero.io/exclude-from-backup': 'true' } };
    const existing = [...EXISTING, labelled];
    expect(chooseNamespaces(existing, ['*'], ['scratch'])).toMatchObject({
      names: ['default', 'kube-system', 'shop', 'shop-test'],
      everything: true,
    });
    expect(chooseNamespaces(existing, ['*'], ['scratch', 'shop']).everything).toBe(false);
    expect(chooseNamespaces(existing, ['*'], ['scra*']).everything).toBe(false);
    expect(chooseNamespaces(existing, ['shop'], ['scratch']).everything).toBe(false);
  });

  it('that Argo CD manages are one warning, when they are in the backup', () => {
    const managed = ['a', 'b', 'c'].map((name) => ({
      name,
      labels: { 'argocd.argoproj.io/managed-by': name === 'c' ? '' : 'argocd' },
    }));
    const { problems } = chooseNamespaces([...EXISTING, ...managed], ['*'], []);
    expect(problems).toMatchObject([{ severity: 'warning', code: 'InvalidInput' }]);
    expect(problems[0]?.message).toContain('namespaces a, b (');
    expect(chooseNamespaces([...EXISTING, ...managed], ['*'], ['a', 'b']).problems).toEqual([]);
  });
});
