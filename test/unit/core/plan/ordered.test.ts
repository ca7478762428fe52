import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServedResource } from '../../../../core/model.ts';
import { groupResource } from '../../../../core/model.ts';
import { orderedItems, orderedKeys, orderedNames, orderErrors } from '../../../../core/plan/ordered.ts';

const type = (
  resource: string,
  namespaced: boolean,
  group = '',
  shortNames: string[] = [],
): ServedResource => ({
  ...{
    group,
    version: 'v1',
    resource,
    kind: resource,
    namespaced,
    shortNames,
    singular: resource.slice(0, -1),
  },
});
const SERVED = [
  type('pods', true, '', ['po']),
  type('services', true),
  type('services', true, 'serving.knative.dev'),
  type('persistentvolumes', false, '', ['pv']),
  type('secrets', true),
];
const LISTED = SERVED.filter(({ resource }) => resource !== 'secrets');

const order = (spec: Record<string, string>) => {
  const { items, problems } = orderedItems(spec, LISTED, SERVED);
  return {
    items: items.map(({ resources, namespace, name }) => [
      resources.map(groupResource).join('+'),
      namespace,
      name,
    ]),
    problems: problems.map(({ severity, message }) => `${severity}: ${message}`),
  };
};

describe('the objects that come first', () => {
  it('are those named, in their order, each once', () => {
    expect(order({ pods: 'shop/b, shop/a,shop/b', persistentvolumes: 'pv-1' })).toEqual({
      items: [
        ['pods', 'shop', 'b'],
        ['pods', 'shop', 'a'],
        ['persistentvolumes', undefined, 'pv-1'],
      ],
      problems: [],
    });
  });

  it('may be of any type with that plural', () => {
    expect(order({ services: 'shop/web' }).items).toEqual([
      ['services+services.serving.knative.dev', 'shop', 'web'],
    ]);
  });

  it('may be of a type by another of its names', () => {
    expect(order({ po: 'shop/a', 'services.serving': 'shop/web' }).items).toEqual([
      ['pods', 'shop', 'a'],
      ['services.serving.knative.dev', 'shop', 'web'],
    ]);
  });

  it.each([
    [{ secrets: 'shop/key' }, 'warning: spec.orderedResources: "secrets" is no resource type of this backup'],
    [{ ghosts: 'a' }, 'warning: spec.orderedResources: "ghosts" is no resource type of this backup'],
    [{ pods: 'a' }, "warning: Cannot find resource 'a'."],
    [{ pv: 'shop/pv-1' }, "warning: Cannot find resource 'shop/pv-1'."],
  ])('cannot be %j', (spec, problem) => expect(order(spec)).toEqual({ items: [], problems: [problem] }));

  it('are left to their own shard by the others', () => {
    const { items } = orderedItems({ pods: 'shop/b', services: 'shop/web' }, LISTED, SERVED);
    const keys = orderedKeys(items);
    expect(keys.get('pods')).toEqual(new Set(['shop/b']));
    expect(keys.get('services.serving.knative.dev')).toEqual(new Set(['shop/web']));
    expect(keys.get('secrets')).toBeUndefined();
  });

  it('are in the order of the spec, whatever it holds', () => {
    const names = fc.array(fc.stringMatching(/^[a-z]{1,3}(\/[a-z]{1,3})?$/), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(names, (given) => {
        const value = given.join(',');
        expect(orderErrors({ pods: value })).toEqual([]);
        const { items, problems } = orderedItems({ pods: value }, LISTED, SERVED);
        const taken = items.map(({ namespace, name }) => `${namespace}/${name}`);
        expect(taken).toEqual(orderedNames(value).filter((name) => name.includes('/')));
        expect(problems).toHaveLength(orderedNames(value).length - taken.length);
      }),
    );
  });
});

describe('an order is refused for', () => {
  it.each(['', 'a,', '/a', 'a/', 'a/b/c', '//', ', ,'])('%j', (value) =>
    expect(orderErrors({ pods: value })[0]).toMatch(
      /^spec.orderedResources.pods: ".*" is neither name nor namespace\/name$/,
    ),
  );

  it('nothing when there is none', () => {
    for (const spec of [undefined, null, {}]) expect(orderErrors(spec)).toEqual([]);
  });
});
