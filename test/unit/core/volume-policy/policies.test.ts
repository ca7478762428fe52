import { describe, expect, it } from 'vitest';
import { NO_POLICIES, readPolicies } from '../../../../core/volume-policy/policies.ts';

const entry = (conditions: unknown, action: unknown = { type: 'skip' }) => ({
  version: 'v1',
  volumePolicies: [{ conditions, action }],
});
const faultsOf = (document: unknown) => readPolicies(document).faults;

describe('a resource policy', () => {
  it('is read with all its conditions, actions and lists', () => {
    const { policies, faults } = readPolicies({
      version: 'v1',
      includeExcludePolicy: { excludedNamespaceScopedResources: ['configmap'] },
      volumePolicies: [
        {
          conditions: {
            capacity: '10Gi,100Gi',
            storageClass: ['gold'],
            nfs: { server: '10.0.0.9' },
            csi: { driver: 'ebs.csi.aws.com', volumeAttributes: { tier: 'fast' } },
            volumeTypes: ['emptyDir'],
            pvcLabels: { env: 'prod' },
            pvcPhase: ['Pending'],
          },
          action: { type: 'custom', parameters: { any: { thing: [1] } } },
        },
        { conditions: {}, action: { type: 'snapshot' } },
        { action: { type: 'fs-backup' } },
      ],
    });
    expect(faults).toEqual([]);
    expect(policies).toEqual({
      includeExcludePolicy: {
        ...NO_POLICIES.includeExcludePolicy,
        excludedNamespaceScopedResources: ['configmap'],
      },
      volumePolicies: [
        {
          conditions: {
            capacity: { low: 10 * 2 ** 30, high: 100 * 2 ** 30 },
            storageClass: ['gold'],
            nfs: { server: '10.0.0.9', path: '' },
            csi: { driver: 'ebs.csi.aws.com', volumeAttributes: { tier: 'fast' } },
            volumeTypes: ['emptyDir'],
            pvcLabels: { env: 'prod' },
            pvcPhase: ['Pending'],
          },
          action: 'custom',
        },
        { conditions: {}, action: 'snapshot' },
        { conditions: {}, action: 'fs-backup' },
      ],
    });
  });

  it('with nothing but its version asks for nothing', () => {
    expect(readPolicies({ version: 'v1' })).toEqual({ policies: NO_POLICIES, faults: [] });
  });

  it.each([
    [',', { low: 0, high: 0 }],
    [' , 5Gi ', { low: 0, high: 5 * 2 ** 30 }],
    ['1k,', { low: 1000, high: 0 }],
    ['7,7', { low: 7, high: 7 }],
  ])('has the capacity %s', (capacity, range) => {
    const { policies, faults } = readPolicies(entry({ capacity }));
    expect(faults).toEqual([]);
    expect(policies.volumePolicies[0]?.conditions.capacity).toEqual(range);
  });

  it.each<[string, unknown, string]>([
    ['no version', {}, 'version: incompatible version number "" with supported version v1'],
    ['another version', { version: 'v2' }, 'version: incompatible version number "v2"'],
    ['no document at all', 'just text', 'must be a map, not a string'],
    ['a list', [], 'must be a map, not a list'],
    ['an unknown field', { version: 'v1', volumePolicy: [] }, 'volumePolicy: unknown field'],
    [
      'a map of entries',
      { version: 'v1', volumePolicies: {} },
      'volumePolicies: must be a list, not a object',
    ],
    [
      'no action',
      { version: 'v1', volumePolicies: [{ conditions: {} }] },
      'volumePolicies[0].action.type: invalid action type ""',
    ],
    [
      'an unknown action',
      entry({}, { type: 'Skip' }),
      'volumePolicies[0].action.type: invalid action type "Skip"',
    ],
    ['an action as text', entry({}, 'skip'), 'volumePolicies[0].action: must be a map'],
    [
      'parameters as text',
      entry({}, { type: 'custom', parameters: 'x' }),
      'volumePolicies[0].action.parameters: must be a map',
    ],
    ['an unknown condition', entry({ size: '1Gi' }), 'volumePolicies[0].conditions.size: unknown field'],
    [
      'a capacity without comma',
      entry({ capacity: '10Gi' }),
      'volumePolicies[0].conditions.capacity: wrong format of Capacity "10Gi"',
    ],
    [
      'a capacity with two commas',
      entry({ capacity: '1,2,3' }),
      'conditions.capacity: wrong format of Capacity',
    ],
    [
      'a capacity in words',
      entry({ capacity: 'ten,' }),
      'conditions.capacity: wrong format of Capacity: invalid quantity "ten"',
    ],
    [
      'a capacity that is a number',
      entry({ capacity: 10 }),
      'conditions.capacity: must be a text, not a number',
    ],
    [
      'a capacity that runs backwards',
      entry({ capacity: '2Gi,1Gi' }),
      'conditions.capacity: illegal values for capacity',
    ],
    ['a negative capacity', entry({ capacity: '-1,' }), 'conditions.capacity: illegal values for capacity'],
    ['a class that is no list', entry({ storageClass: 'gold' }), 'conditions.storageClass: must be a list'],
    [
      'a class that is a number',
      entry({ storageClass: ['a', 7] }),
      'conditions.storageClass[1]: must be a text',
    ],
    ['an unknown field of nfs', entry({ nfs: { host: 'x' } }), 'conditions.nfs.host: unknown field'],
    ['an unknown field of csi', entry({ csi: { name: 'x' } }), 'conditions.csi.name: unknown field'],
    [
      'attributes without a driver',
      entry({ csi: { volumeAttributes: { a: 'b' } } }),
      'conditions.csi.driver: csi driver should not be empty',
    ],
    ['labels that are no map', entry({ pvcLabels: ['a'] }), 'conditions.pvcLabels: must be a map'],
    ['a label that is no text', entry({ pvcLabels: { a: 1 } }), 'conditions.pvcLabels.a: must be a text'],
    ['phases as text', entry({ pvcPhase: 'Pending' }), 'conditions.pvcPhase: must be a list'],
    [
      'a star in its lists',
      { version: 'v1', includeExcludePolicy: { includedClusterScopedResources: ['*'] } },
      "includeExcludePolicy.includedClusterScopedResources: cannot use '*'",
    ],
    [
      'the same name in both lists',
      {
        version: 'v1',
        includeExcludePolicy: {
          includedNamespaceScopedResources: ['pods'],
          excludedNamespaceScopedResources: ['pods'],
        },
      },
      'includeExcludePolicy.excludedNamespaceScopedResources: excludes list cannot contain an item in the includes list: pods',
    ],
  ])('with %s is refused, and the field named', (_name, document, fault) => {
    expect(faultsOf(document).join('\n')).toContain(fault);
  });

  it('with several faults names all of them', () => {
    const document = { ...entry({ capacity: 'x', size: 1 }, { type: 'no' }), version: 'v9' };
    expect(faultsOf(document)).toHaveLength(4);
  });
});
