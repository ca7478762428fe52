import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceFact, VolumeFact } from '../../../../core/model.ts';
import { matchingPolicy } from '../../../../core/volume-policy/match.ts';
import type { VolumeSubject } from '../../../../core/volume-policy/match.ts';
import { ACTIONS } from '../../../../core/volume-policy/policies.ts';
import type { VolumeConditions } from '../../../../core/volume-policy/policies.ts';

const Gi = 2 ** 30;

const volume = (source: SourceFact, more: Partial<VolumeFact> = {}): VolumeFact => ({
  name: 'pv',
  source,
  storageClass: 'gold',
  capacity: '10Gi',
  reclaimPolicy: 'Delete',
  labels: {},
  ...more,
});
const csi = (attributes: Record<string, string> = {}): SourceFact => ({
  type: 'csi',
  csi: { driver: 'd.example', volumeAttributes: attributes },
});
const nfs: SourceFact = { type: 'nfs', nfs: { server: '10.0.0.9', path: '/exp' } };
const claim = (labels: Record<string, string> = {}, phase = 'Bound') => ({ labels, phase });
const podVolume = (source: SourceFact): VolumeSubject => ({
  podVolume: { name: 'v', source, use: 'mount' },
});
const bound: VolumeSubject = { volume: volume(csi({ tier: 'fast' })), claim: claim({ env: 'prod' }) };
const unbound: VolumeSubject = {
  claim: claim({}, 'Pending'),
  podVolume: { name: 'v', claim: 'c', source: { type: '' }, use: 'mount' },
};

const matches = (conditions: VolumeConditions, subject: VolumeSubject) =>
  matchingPolicy([{ conditions, action: 'skip' }], subject) !== undefined;

describe('a condition', () => {
  it.each<[string, VolumeConditions, VolumeSubject, boolean]>([
    ['none at all: anything', {}, unbound, true],
    ['capacity within', { capacity: { low: 5 * Gi, high: 20 * Gi } }, bound, true],
    ['capacity at both ends', { capacity: { low: 10 * Gi, high: 10 * Gi } }, bound, true],
    ['capacity too small', { capacity: { low: 11 * Gi, high: 0 } }, bound, false],
    ['capacity too large', { capacity: { low: 0, high: 9 * Gi } }, bound, false],
    ['capacity open at both ends', { capacity: { low: 0, high: 0 } }, unbound, true],
    ['capacity of what has no volume is 0', { capacity: { low: 1, high: 0 } }, unbound, false],
    [
      'capacity of a pod volume is 0',
      { capacity: { low: 0, high: 5 } },
      podVolume({ type: 'emptyDir' }),
      true,
    ],
    ['storage class among several', { storageClass: ['silver', 'gold'] }, bound, true],
    ['another storage class', { storageClass: ['silver'] }, bound, false],
    ['storage class of what has none', { storageClass: [''] }, unbound, false],
    ['an empty list of classes', { storageClass: [] }, unbound, true],
    ['any csi', { csi: { driver: '', volumeAttributes: {} } }, bound, true],
    ['any csi, for nfs', { csi: { driver: '', volumeAttributes: {} } }, { volume: volume(nfs) }, false],
    ['csi driver', { csi: { driver: 'd.example', volumeAttributes: {} } }, bound, true],
    ['another csi driver', { csi: { driver: 'e.example', volumeAttributes: {} } }, bound, false],
    ['csi attributes', { csi: { driver: 'd.example', volumeAttributes: { tier: 'fast' } } }, bound, true],
    [
      'other csi attributes',
      { csi: { driver: 'd.example', volumeAttributes: { tier: 'slow' } } },
      bound,
      false,
    ],
    ['inline csi of a pod', { csi: { driver: 'd.example', volumeAttributes: {} } }, podVolume(csi()), true],
    ['any nfs', { nfs: { server: '', path: '' } }, { volume: volume(nfs) }, true],
    ['nfs server alone', { nfs: { server: '10.0.0.9', path: '' } }, podVolume(nfs), true],
    ['nfs path alone', { nfs: { server: '', path: '/exp' } }, podVolume(nfs), true],
    ['another nfs path', { nfs: { server: '10.0.0.9', path: '/x' } }, podVolume(nfs), false],
    ['any nfs, for csi', { nfs: { server: '', path: '' } }, bound, false],
    ['type of a volume', { volumeTypes: ['nfs', 'csi'] }, bound, true],
    ['type of a pod volume', { volumeTypes: ['emptyDir'] }, podVolume({ type: 'emptyDir' }), true],
    ['type in other letters', { volumeTypes: ['emptydir'] }, podVolume({ type: 'emptyDir' }), false],
    ['type of an unbound claim is none', { volumeTypes: [''] }, unbound, false],
    ['labels of the claim', { pvcLabels: { env: 'prod' } }, bound, true],
    ['labels and one more', { pvcLabels: { env: 'prod', tier: 'db' } }, bound, false],
    ['labels of what has no claim', { pvcLabels: { env: 'prod' } }, podVolume({ type: 'emptyDir' }), false],
    ['phase of the claim', { pvcPhase: ['Pending', 'Lost'] }, unbound, true],
    ['another phase', { pvcPhase: ['Pending', 'Lost'] }, bound, false],
    ['phase of what has no claim', { pvcPhase: ['Bound'] }, podVolume({ type: 'emptyDir' }), false],
    ['two that hold', { storageClass: ['gold'], pvcPhase: ['Bound'] }, bound, true],
    ['two of which one holds', { storageClass: ['gold'], pvcPhase: ['Lost'] }, bound, false],
  ])('on %s', (_name, conditions, subject, expected) => {
    expect(matches(conditions, subject)).toBe(expected);
  });
});

describe('of several entries', () => {
  const conditions = fc.record(
    {
      storageClass: fc.constantFrom<string[]>(['gold'], ['silver'], []),
      volumeTypes: fc.constantFrom<string[]>(['csi'], ['nfs']),
      pvcPhase: fc.constantFrom<string[]>(['Bound'], ['Pending']),
      pvcLabels: fc.constantFrom<Record<string, string>>({}, { env: 'prod' }, { env: 'test' }),
    },
    { requiredKeys: [] },
  );
  const policies = fc.array(fc.record({ conditions, action: fc.constantFrom(...ACTIONS) }), { maxLength: 6 });

  it('the first that matches by itself decides, and those behind it never matter', () => {
    fc.assert(
      fc.property(policies, policies, (before, behind) => {
        const found = matchingPolicy(before, bound);
        const first = before.findIndex((policy) => matches(policy.conditions, bound));
        expect(found?.at).toBe(first < 0 ? undefined : first);
        if (found) expect(matchingPolicy([...before, ...behind], bound)).toEqual(found);
      }),
    );
  });

  it('a further condition never makes an entry match more', () => {
    fc.assert(
      fc.property(conditions, conditions, (one, more) => {
        const both = { ...more, ...one };
        if (matches(both, bound)) expect(matches(one, bound)).toBe(true);
      }),
    );
  });
});
