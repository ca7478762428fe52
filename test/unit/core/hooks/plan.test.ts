import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planHooks, timeOf } from '../../../../core/hooks/plan.ts';
import type { HooksFor } from '../../../../core/hooks/spec.ts';
import type { PodFact, VolumeGroup } from '../../../../core/model.ts';

const pod = (
  name: string,
  annotations: Record<string, string> = {},
  more: Partial<PodFact> = {},
): PodFact => ({
  namespace: 'shop',
  name,
  uid: name,
  phase: 'Running',
  claims: {},
  volumes: [],
  annotations,
  labels: { app: name },
  ...more,
});
const PRE = { 'pre.hook.backup.velero.io/command': 'freeze' };
const POST = { 'post.hook.backup.velero.io/command': 'thaw' };
const group = (id: number, ...pods: string[]): VolumeGroup => ({
  id,
  volumes: [id],
  kept: [],
  files: [],
  pods: pods.map((name) => ({ namespace: 'shop', name })),
});
const rule = (name: string, more: HooksFor = {}): HooksFor => ({
  name,
  pre: [{ exec: { command: [`${name}-pre`] } }],
  post: [{ exec: { command: [`${name}-post`] } }],
  ...more,
});
const commands = (hooks: { command: string[] }[] | undefined) =>
  hooks?.map(({ command }) => command.join(' '));

describe('the hooks of a backup', () => {
  it('are none when nobody asks for any', () => {
    expect(planHooks([pod('a')], [group(0, 'a')], undefined)).toEqual({
      groups: [],
      added: [],
      problems: [],
    });
  });

  it('belong to the group of the volumes of their pod, in the order of the pods', () => {
    const { groups, added } = planHooks(
      [pod('b', PRE), pod('a', { ...PRE, ...POST }), pod('c')],
      [group(0, 'b', 'a'), group(3, 'c')],
      undefined,
    );
    expect(added).toEqual([]);
    expect(groups).toHaveLength(1);
    expect(groups[0]?.group).toBe(0);
    expect(groups[0]?.pods.map(({ name }) => name)).toEqual(['b', 'a']);
    expect(groups[0]?.pods.map(({ post }) => commands(post))).toEqual([[], ['thaw']]);
  });

  it('run without a volume where a pod has none that is cut', () => {
    const { groups, added } = planHooks([pod('a', PRE), pod('b', POST)], [group(7, 'other')], undefined);
    expect(added).toEqual([
      { id: 8, volumes: [], kept: [], files: [], pods: [{ namespace: 'shop', name: 'a' }] },
      { id: 9, volumes: [], kept: [], files: [], pods: [{ namespace: 'shop', name: 'b' }] },
    ]);
    expect(groups.map((entry) => [entry.group, entry.pods[0]?.name])).toEqual([
      [8, 'a'],
      [9, 'b'],
    ]);
  });

  it('come from all entries of the spec that fit, in their order', () => {
    const resources = [
      rule('one'),
      rule('two', { labelSelector: { matchLabels: { app: 'x' } } }),
      rule('three'),
    ];
    const [only] = planHooks([pod('a')], [group(0, 'a')], { resources }).groups;
    expect(commands(only?.pods[0]?.pre)).toEqual(['one-pre', 'three-pre']);
    expect(commands(only?.pods[0]?.post)).toEqual(['one-post', 'three-post']);
  });

  it('of an annotation take the place of those of the spec, for that pod and phase alone', () => {
    const { groups } = planHooks([pod('a', PRE), pod('b')], [group(0, 'a', 'b')], {
      resources: [rule('one')],
    });
    const [a, b] = groups[0]?.pods ?? [];
    expect([commands(a?.pre), commands(a?.post)]).toEqual([['freeze'], ['one-post']]);
    expect([commands(b?.pre), commands(b?.post)]).toEqual([['one-pre'], ['one-post']]);
  });

  it('are not those of a pod that has ended', () => {
    const pods = [pod('a', PRE, { phase: 'Succeeded' }), pod('b', PRE, { phase: 'Failed' })];
    expect(planHooks(pods, [group(0, 'a')], { resources: [rule('one')] }).groups).toEqual([]);
  });

  it('say what is wrong with an annotation as a warning of the pod', () => {
    const { problems } = planHooks(
      [pod('a', { ...PRE, 'pre.hook.backup.velero.io/timeout': 'x' })],
      [],
      undefined,
    );
    expect(problems).toMatchObject([
      { severity: 'warning', code: 'InvalidInput', namespace: 'shop', resource: 'pods', name: 'a' },
    ]);
  });

  it('may take as long as they may one after the other', () => {
    const slow = { exec: { command: ['x'], timeout: '2m' } };
    const [only] = planHooks([pod('a'), pod('b')], [group(0, 'a', 'b')], {
      resources: [rule('one', { pre: [slow, slow] })],
    }).groups;
    expect(timeOf(only!, 'pre')).toBe(4 * 120_000);
    expect(timeOf(only!, 'post')).toBe(2 * 30_000);
  });
});

it('every pod with hooks is in exactly one group, and no group has hooks of a pod that is not its own', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const arbitrary = fc.record({
    hooked: fc.subarray(names),
    // Each pod in one group at most: groups are made so.
    place: fc.array(fc.integer({ min: -1, max: 3 }), { minLength: names.length, maxLength: names.length }),
  });
  fc.assert(
    fc.property(arbitrary, ({ hooked, place }) => {
      const pods = names.map((name) => pod(name, hooked.includes(name) ? PRE : {}));
      const groups = [0, 1, 2, 3].map((id) => group(id, ...names.filter((_, at) => place[at] === id)));
      const plan = planHooks(pods, groups, undefined);
      const all = [...groups, ...plan.added];
      expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
      expect(plan.groups.flatMap((entry) => entry.pods.map(({ name }) => name)).sort()).toEqual(
        hooked.sort(),
      );
      for (const { group: id, pods: members } of plan.groups) {
        const own = all.find((entry) => entry.id === id)?.pods.map(({ name }) => name);
        expect(own).toEqual(expect.arrayContaining(members.map(({ name }) => name)));
      }
    }),
  );
});
