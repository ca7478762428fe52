import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClaimFact, PodFact, VolumePlan } from '../../../../core/model.ts';
import { planVolumes } from '../../../../core/plan/volumes.ts';
import { claim, claimVolume, input, ownVolume, pod, podWith, volume } from './volume-facts.ts';

describe('volumes that are cut together', () => {
  const grouped = (claims: ClaimFact[], pods: PodFact[]) => planVolumes(input({ claims, pods })).groups;

  it('are those of one pod', () => {
    expect(grouped([claim('a'), claim('b'), claim('c')], [pod('p', ['a', 'c'])])).toEqual([
      { id: 0, volumes: [0, 2], kept: [], files: [], pods: [{ namespace: 'shop', name: 'p' }] },
      { id: 1, volumes: [1], kept: [], files: [], pods: [] },
    ]);
  });

  it('are those of pods that share claims, over any number of steps', () => {
    const claims = ['a', 'b', 'c', 'd', 'e'].map((name) => claim(name));
    const pods = [pod('p1', ['a', 'b']), pod('p3', ['c', 'd']), pod('p2', ['b', 'c']), pod('q', ['e'])];
    expect(grouped(claims, pods).map((group) => [group.volumes, group.pods.map(({ name }) => name)])).toEqual(
      [
        [
          [0, 1, 2, 3],
          ['p1', 'p3', 'p2'],
        ],
        [[4], ['q']],
      ],
    );
  });

  it('are never those of two namespaces', () => {
    const claims = [claim('a'), claim('a', { namespace: 'zoo' })];
    expect(grouped(claims, [pod('p', ['a']), pod('p', ['a'], 'zoo')])).toHaveLength(2);
  });

  it('do not include what is not moved', () => {
    const claims = [claim('a'), claim('b', { phase: 'Pending' }), claim('c')];
    expect(
      grouped(claims, [pod('p', ['a', 'b']), pod('q', ['b', 'c'])]).map(({ volumes }) => volumes),
    ).toEqual([[0], [2]]);
  });

  const LABEL = 'velero.io/volume-group';
  const labelled = (name: string, value: string, more: Partial<ClaimFact> = {}) =>
    claim(name, { labels: { [LABEL]: value }, ...more });

  it('are those of claims with the same value of the group label, in one namespace', () => {
    const claims = [
      labelled('a', 'db'),
      labelled('b', 'web'),
      labelled('c', 'db'),
      labelled('d', 'db', { namespace: 'zoo' }),
      labelled('e', ''),
      labelled('f', ''),
    ];
    expect(grouped(claims, []).map(({ volumes }) => volumes)).toEqual([[0, 2], [1], [3], [4], [5]]);
  });

  it('are told apart by what is done with them', () => {
    const pods = [
      podWith('p', [claimVolume('data', 'a'), claimVolume('files', 'b'), ownVolume('cache', 'emptyDir')], {
        annotations: { 'backup.velero.io/backup-volumes': 'files,cache' },
      }),
    ];
    const { groups } = planVolumes(
      input(
        { claims: [claim('a'), claim('b')], volumes: [volume('a'), volume('b')], pods },
        { moveData: false },
      ),
    );
    expect(groups).toEqual([
      { id: 0, volumes: [], kept: [0], files: [1, 2], pods: [{ namespace: 'shop', name: 'p' }] },
    ]);
  });

  it("of pods alone are each their own pod's", () => {
    const pods = ['p', 'q'].map((name) =>
      podWith(name, [ownVolume('cache', 'emptyDir')], {
        annotations: { 'backup.velero.io/backup-volumes': 'cache' },
      }),
    );
    expect(grouped([], pods).map(({ files }) => files)).toEqual([[0], [1]]);
  });

  const claimNames = ['a', 'b', 'c', 'd', 'e', 'f'];
  const moved = (volumes: VolumePlan[]) => volumes.filter(({ method }) => method === 'data-mover');
  const facts = fc.record({
    claims: fc.uniqueArray(fc.constantFrom(...claimNames), { maxLength: 6 }),
    pods: fc.array(fc.uniqueArray(fc.constantFrom(...claimNames), { maxLength: 3 }), { maxLength: 6 }),
  });

  it('partition the moved volumes: each in one group, connected ones in the same', () => {
    fc.assert(
      fc.property(facts, ({ claims, pods }) => {
        const podFacts = pods.map((names, at) => pod(`p${at}`, names));
        const { volumes, groups } = planVolumes(
          input({ claims: claims.map((name) => claim(name)), pods: podFacts }),
        );
        expect(groups.flatMap((group) => group.volumes).sort((a, b) => a - b)).toEqual(
          moved(volumes).map(({ index }) => index),
        );
        expect(new Set(groups.map(({ id }) => id)).size).toBe(groups.length);
        const groupOf = new Map(groups.flatMap((group) => group.volumes.map((at) => [at, group.id])));
        const reached = connected(claims, pods);
        for (const one of moved(volumes)) {
          for (const two of moved(volumes)) {
            const together = groupOf.get(one.index) === groupOf.get(two.index);
            expect(together).toBe(reached(one.claim).has(two.claim));
          }
        }
      }),
    );
  });

  it('name exactly the pods that use them', () => {
    fc.assert(
      fc.property(facts, ({ claims, pods }) => {
        const podFacts = pods.map((names, at) => pod(`p${at}`, names));
        const { volumes, groups } = planVolumes(
          input({ claims: claims.map((name) => claim(name)), pods: podFacts }),
        );
        for (const group of groups) {
          const names = group.volumes.map((at) => volumes[at]?.claim);
          const users = podFacts.filter((each) =>
            Object.values(each.claims).some((name) => names.includes(name)),
          );
          expect(group.pods).toEqual(users.map(({ namespace, name }) => ({ namespace, name })));
        }
      }),
    );
  });
});

/** The claims that can be reached from one over pods, found by going on until nothing is new. */
function connected(claims: string[], pods: string[][]): (from: string) => Set<string> {
  const known = (names: string[]) => names.filter((name) => claims.includes(name));
  return (from) => {
    const reached = new Set([from]);
    for (let size = 0; size < reached.size;) {
      size = reached.size;
      for (const names of pods)
        if (known(names).some((name) => reached.has(name))) known(names).forEach((name) => reached.add(name));
    }
    return reached;
  };
}
