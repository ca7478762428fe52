import { describe, expect, it } from 'vitest';
import { hookErrors, hookRules } from '../../../../core/hooks/spec.ts';
import type { HooksFor } from '../../../../core/hooks/spec.ts';

const exec = { command: ['freeze'] };
const entry = (more: HooksFor = {}): HooksFor => ({ name: 'quiet', pre: [{ exec }], ...more });
const pod = { namespace: 'shop', labels: { app: 'db' } };
const isFor = (more: HooksFor, other: Partial<typeof pod> = {}) =>
  hookRules({ resources: [entry(more)] })[0]?.isFor({ ...pod, ...other });

describe('an entry of spec.hooks.resources is for a pod', () => {
  it.each<[string, HooksFor]>([
    ['without any limit', {}],
    ['whose namespace is included', { includedNamespaces: ['shop'] }],
    ['whose namespace fits a pattern', { includedNamespaces: ['sh*'] }],
    ['whose namespace is not excluded', { excludedNamespaces: ['bank'] }],
    ['when pods are included', { includedResources: ['pods'] }],
    ['by any name of pods', { includedResources: ['Pod', 'deployments'] }],
    ['by the short name', { includedResources: ['po'] }],
    ['when something else is excluded', { excludedResources: ['deployments.apps'] }],
    ['whose labels fit', { labelSelector: { matchLabels: { app: 'db' } } }],
    ['with an empty selector', { labelSelector: {} }],
    ['whatever is null', { includedNamespaces: null, includedResources: null, labelSelector: null }],
  ])('%s', (_, more) => expect(isFor(more)).toBe(true));

  it.each<[string, HooksFor]>([
    ['of another namespace', { includedNamespaces: ['bank'] }],
    ['of an excluded namespace', { includedNamespaces: ['*'], excludedNamespaces: ['s*'] }],
    ['when other resources are included', { includedResources: ['deployments'] }],
    ['when pods are excluded', { excludedResources: ['pods'] }],
    ['by a name of another group', { includedResources: ['pods.metrics.k8s.io'] }],
    ['with other labels', { labelSelector: { matchLabels: { app: 'web' } } }],
  ])('but not %s', (_, more) => expect(isFor(more)).toBe(false));
});

it('an entry has its hooks in order, with defaults where nothing is said', () => {
  const [rule] = hookRules({
    resources: [
      entry({
        pre: [
          { exec },
          { exec: { command: ['a', 'b'], container: 'db', onError: 'Fail', timeout: '2m' } },
          { exec: { ...exec, onError: 'Continue', timeout: '0s' } },
        ],
        post: [{ exec: { command: ['thaw'] } }],
      }),
    ],
  });
  const common = { source: 'spec', name: 'quiet' };
  expect(rule?.pre).toEqual([
    { ...common, index: 0, container: '', command: ['freeze'], fails: false, timeoutMs: 30_000 },
    { ...common, index: 1, container: 'db', command: ['a', 'b'], fails: true, timeoutMs: 120_000 },
    { ...common, index: 2, container: '', command: ['freeze'], fails: false, timeoutMs: 30_000 },
  ]);
  expect(rule?.post.map(({ command }) => command)).toEqual([['thaw']]);
});

it.each([undefined, null, {}, { resources: null }, { resources: [] }])('%j has no hooks', (spec) => {
  expect(hookRules(spec)).toEqual([]);
  expect(hookErrors(spec)).toEqual([]);
});

describe('what is wrong with hooks is said with the name of the field', () => {
  const FAULTS: [string, HooksFor, string][] = [
    ['no name', { name: '' }, '.name: must be given'],
    ['no exec', { pre: [{}] }, '.pre[0].exec: must be given, hooks of another kind do not exist'],
    [
      'no command',
      { post: [{ exec }, { exec: { command: [] } }] },
      '.post[1].exec.command: must name at least the program',
    ],
    [
      'an unknown consequence',
      { pre: [{ exec: { ...exec, onError: 'Abort' } }] },
      '.pre[0].exec.onError: must be Continue or Fail, not "Abort"',
    ],
    [
      'a time that is none',
      { pre: [{ exec: { ...exec, timeout: '30' } }] },
      '.pre[0].exec.timeout: invalid duration "30": expected numbers with units, such as 1h30m',
    ],
    [
      'a time too long',
      { pre: [{ exec: { ...exec, timeout: '100h' } }] },
      '.pre[0].exec.timeout: must be at most 24h0m0s',
    ],
    [
      'a selector',
      { labelSelector: { matchExpressions: [{ key: 'app', operator: 'Near' }] } },
      '.labelSelector: "Near" is not a valid label selector operator: In, NotIn, Exists or DoesNotExist',
    ],
  ];

  it.each(FAULTS)('%s', (_, more, fault) => {
    expect(hookErrors({ resources: [entry(), entry(more)] })).toEqual([`spec.hooks.resources[1]${fault}`]);
  });

  it('all of it at once', () => {
    const all = hookErrors({ resources: FAULTS.map(([, more]) => entry(more)) });
    expect(all).toEqual(FAULTS.map(([, , fault], at) => `spec.hooks.resources[${at}]${fault}`));
  });
});
