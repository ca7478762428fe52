import { describe, expect, it } from 'vitest';
import { backupClaimFor, moverPlacement, moverSlots } from '../../../../core/volume/mover-settings.ts';
import type { NodeFact } from '../../../../core/volume/mover-settings.ts';
import { NO_SETTINGS, readNodeAgent } from '../../../../core/volume/node-agent.ts';

const node = (name: string, labels: Record<string, string> = {}, unschedulable = false): NodeFact => ({
  name,
  labels,
  unschedulable,
});
const settings = (document: object) => readNodeAgent(document).settings;

describe('the number of movers', () => {
  const nodes = [
    node('a', { size: 'large', zone: 'x' }),
    node('b', { zone: 'x' }),
    node('c', {}, true),
    node('d', { 'kubernetes.io/os': 'windows' }),
  ];

  it.each<[string, object, number]>([
    ["is the worker's own without settings", {}, 7],
    ['is one a node unless it is told', { loadConcurrency: {} }, 2],
    ['is the global number for each node that can be used', { loadConcurrency: { globalConfig: 3 } }, 6],
    [
      'follows the nodes',
      {
        loadConcurrency: {
          globalConfig: 1,
          perNodeConfig: [{ nodeSelector: { matchLabels: { size: 'large' } }, number: 5 }],
        },
      },
      6,
    ],
    [
      'is the smallest of those that select a node',
      {
        loadConcurrency: {
          perNodeConfig: [
            { nodeSelector: { matchLabels: { size: 'large' } }, number: 5 },
            { nodeSelector: { matchLabels: { zone: 'x' } }, number: 2 },
          ],
        },
      },
      4,
    ],
    [
      'leaves out nodes where no mover may run',
      {
        loadConcurrency: { globalConfig: 4 },
        loadAffinity: [{ nodeSelector: { matchLabels: { size: 'large' } } }],
      },
      4,
    ],
    [
      'counts nodes that only one class is bound to',
      {
        loadConcurrency: { globalConfig: 4 },
        loadAffinity: [{ nodeSelector: { matchLabels: { size: 'large' } }, storageClass: 's' }],
      },
      8,
    ],
    [
      'is never none',
      { loadConcurrency: {}, loadAffinity: [{ nodeSelector: { matchLabels: { size: 'none' } } }] },
      1,
    ],
  ])('%s', (_name, document, expected) => {
    expect(moverSlots(settings(document), nodes, 7)).toBe(expected);
  });
});

describe('the nodes of a mover', () => {
  const linux = { key: 'kubernetes.io/os', operator: 'NotIn', values: ['windows'] };
  const terms = (document: object, storageClass: string) => {
    const placement = moverPlacement(settings(document), storageClass) as {
      affinity: {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: object[] } };
      };
    };
    return placement.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms;
  };
  const loadAffinity = [
    { nodeSelector: { matchLabels: { pool: 'fast' } }, storageClass: 'fast' },
    { nodeSelector: { matchExpressions: [{ key: 'pool', operator: 'Exists' }] } },
    { nodeSelector: { matchLabels: { pool: 'never' } } },
  ];

  it('are those of the entry for the class', () => {
    expect(terms({ loadAffinity }, 'fast')).toEqual([
      { matchExpressions: [linux, { key: 'pool', operator: 'In', values: ['fast'] }] },
    ]);
  });

  it('are for other classes those of the first entry for all', () => {
    expect(terms({ loadAffinity }, 'slow')).toEqual([
      { matchExpressions: [linux, { key: 'pool', operator: 'Exists' }] },
    ]);
  });

  it('are otherwise all that run Linux', () => {
    expect(terms({}, 'fast')).toEqual([{ matchExpressions: [linux] }]);
  });
});

describe('the claim of a backup', () => {
  it('is made as its class asks for', () => {
    const own = { storageClass: 'shallow', readOnly: true, spcNoRelabeling: true, annotations: { a: 'b' } };
    expect(backupClaimFor(settings({ backupPVC: { cephfs: own } }), 'cephfs')).toEqual(own);
  });

  it('is like the volume otherwise, also for a class with a name of JavaScript', () => {
    for (const name of ['other', 'constructor'])
      expect(backupClaimFor(NO_SETTINGS, name)).toMatchObject({ storageClass: '', readOnly: false });
  });
});
