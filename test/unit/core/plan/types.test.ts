import { describe, expect, it } from 'vitest';
import type { ResourceFilterSpec } from '../../../../core/model.ts';
import { ResourceFilter } from '../../../../core/plan/resource-filter.ts';
import { isBackedUp, unreadGroups } from '../../../../core/plan/types.ts';

const type = (resource: string, verbs: string[], namespaced = true) => ({
  ...{ group: 'down.example', version: 'v1', resource, kind: resource, namespaced, verbs },
});
const ALL = ['list', 'get', 'create', 'delete', 'watch'];

it.each([
  [ALL, true],
  [['list', 'get'], false],
  [['create'], false],
])('a type with the verbs %j is backed up: %j', (verbs, expected) =>
  expect(isBackedUp(type('things', verbs))).toBe(expected),
);

const severity = (spec: ResourceFilterSpec, resources: ReturnType<typeof type>[], group = 'down.example') => {
  const [problem] = unreadGroups(
    [{ group, message: 'no answer', resources }],
    new ResourceFilter(spec, [], true),
  );
  expect(problem).toMatchObject({
    code: 'KubeUnavailable',
    message: `API group ${group} cannot be read: no answer`,
  });
  return problem?.severity;
};

describe('an API group that does not answer', () => {
  it.each<[string, ResourceFilterSpec, ReturnType<typeof type>[], string]>([
    ['had a type of the backup', {}, [type('things', ALL)], 'error'],
    ['had no type that could be stored', {}, [type('values', ['get', 'list'])], 'warning'],
    [
      'had only types that are left out',
      { excludedResources: ['*.down.example'] },
      [type('things', ALL)],
      'warning',
    ],
    ['is unknown', {}, [], 'error'],
    ['is unknown, but named', { includedResources: ['things.down.example'] }, [], 'error'],
    ['is unknown, but may be meant', { includedResources: ['things'] }, [], 'error'],
    ['is unknown, but fits a pattern', { includedResources: ['*.example'] }, [], 'error'],
    ['is unknown, and others were named', { includedResources: ['things.other.example'] }, [], 'warning'],
    ['is unknown, and left out', { excludedResources: ['*.down.example'] }, [], 'warning'],
    [
      'is unknown, and others were named in both scopes',
      { includedNamespaceScopedResources: ['a.b'], includedClusterScopedResources: ['c.d'] },
      [],
      'warning',
    ],
  ])('and %s', (_name, spec, resources, expected) => expect(severity(spec, resources)).toBe(expected));

  it('and has nothing but measured values is a warning', () => {
    expect(severity({}, [], 'metrics.k8s.io')).toBe('warning');
  });
});
