import { describe, expect, it } from 'vitest';
import { NO_SETTINGS, readNodeAgent } from '../../../../core/volume/node-agent.ts';

describe("the node-agent's settings", () => {
  it('are read with everything that concerns movers', () => {
    const { settings, faults, unknown } = readNodeAgent({
      loadConcurrency: {
        globalConfig: 2,
        perNodeConfig: [{ nodeSelector: { matchLabels: { size: 'large' } }, number: 5 }],
        prepareQueueLength: 3,
      },
      loadAffinity: [
        {
          nodeSelector: { matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] },
          storageClass: 'fast',
        },
      ],
      backupPVC: {
        cephfs: {
          storageClass: 'cephfs-shallow',
          readOnly: true,
          spcNoRelabeling: true,
          annotations: { a: 'b' },
        },
        plain: {},
      },
      restorePVC: { ignoreDelayBinding: true },
      podResources: {
        cpuRequest: '100m',
        cpuLimit: '0',
        memoryRequest: '256Mi',
        memoryLimit: '1Gi',
        ephemeralStorageLimit: '5Gi',
      },
      priorityClassName: 'low',
      privilegedFsBackup: true,
      cachePVC: { storageClass: 'x', residentThresholdInMB: 5 },
      podLabels: { team: 'x' },
      podAnnotations: { note: 'y' },
    });
    expect({ faults, unknown }).toEqual({ faults: [], unknown: [] });
    expect(settings).toEqual({
      loadConcurrency: {
        globalConfig: 2,
        perNodeConfig: [
          { nodeSelector: { matchLabels: { size: 'large' }, matchExpressions: [] }, number: 5 },
        ],
      },
      loadAffinity: [
        {
          nodeSelector: {
            matchLabels: {},
            matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }],
          },
          storageClass: 'fast',
        },
      ],
      backupPVC: {
        cephfs: {
          storageClass: 'cephfs-shallow',
          readOnly: true,
          spcNoRelabeling: true,
          annotations: { a: 'b' },
        },
        plain: { storageClass: '', readOnly: false, spcNoRelabeling: false, annotations: {} },
      },
      podResources: {
        requests: { cpu: '100m', memory: '256Mi' },
        limits: { memory: '1Gi', 'ephemeral-storage': '5Gi' },
      },
      priorityClassName: 'low',
      privilegedFsBackup: true,
      podLabels: { team: 'x' },
      podAnnotations: { note: 'y' },
    });
  });

  it('that say nothing change nothing', () => {
    expect(readNodeAgent({})).toEqual({ settings: NO_SETTINGS, faults: [], unknown: [] });
  });

  it('of a newer version are named, and the others count', () => {
    const { settings, faults, unknown } = readNodeAgent({ priorityClassName: 'low', newThing: 1 });
    expect(settings.priorityClassName).toBe('low');
    expect(faults).toEqual([]);
    expect(unknown).toEqual([expect.stringContaining('newThing: unknown field')]);
  });

  it.each<[string, unknown, string]>([
    ['a text', 'x', 'must be a map'],
    ['affinity that is no list', { loadAffinity: {} }, 'loadAffinity: must be a list'],
    [
      'a selector with a wrong operator',
      { loadAffinity: [{ nodeSelector: { matchExpressions: [{ key: 'a', operator: 'Near' }] } }] },
      'loadAffinity[0].nodeSelector: "Near" is not',
    ],
    [
      'a selector with a wrong key',
      { loadAffinity: [{ nodeSelector: { matchLabels: { 'a b': 'c' } } }] },
      'loadAffinity[0].nodeSelector: "a b" is not a label key',
    ],
    [
      'no movers',
      { loadConcurrency: { globalConfig: 0 } },
      'loadConcurrency.globalConfig: must be a whole number of at least 1',
    ],
    [
      'half a mover',
      { loadConcurrency: { perNodeConfig: [{ nodeSelector: {}, number: 1.5 }] } },
      'loadConcurrency.perNodeConfig[0].number: must be a whole number',
    ],
    [
      'an entry without number',
      { loadConcurrency: { perNodeConfig: [{ nodeSelector: {} }] } },
      'perNodeConfig[0].number: is missing',
    ],
    [
      'a flag in words',
      { backupPVC: { a: { readOnly: 'yes' } } },
      'backupPVC.a.readOnly: must be true or false',
    ],
    [
      'an amount that is none',
      { podResources: { cpuRequest: 'much' } },
      'podResources.cpuRequest: invalid quantity "much"',
    ],
    ['an amount as number', { podResources: { cpuRequest: 1 } }, 'podResources.cpuRequest: must be a text'],
    [
      'a negative amount',
      { podResources: { memoryLimit: '-1' } },
      'podResources.memoryLimit: must not be negative',
    ],
  ])('with %s are refused, and the field named', (_name, document, fault) => {
    expect(readNodeAgent(document).faults.join('\n')).toContain(fault);
  });
});
