import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClaimFact, PodVolumeFact, VolumeFact } from '../../../../core/model.ts';
import { planVolumes } from '../../../../core/plan/volumes.ts';
import type { VolumePlanInput } from '../../../../core/plan/volumes.ts';
import { ACTIONS } from '../../../../core/volume-policy/policies.ts';
import type { VolumeAction, VolumeConditions } from '../../../../core/volume-policy/policies.ts';
import {
  claim,
  claimVolume,
  foreign,
  input,
  ownVolume,
  podWith,
  snapshotClass,
  volume,
} from './volume-facts.ts';

const OPT_IN = 'backup.velero.io/backup-volumes';
const OPT_OUT = 'backup.velero.io/backup-volumes-excludes';

const policy = (action: VolumeAction, conditions: VolumeConditions = {}) => ({ conditions, action });

interface Case {
  claim?: Partial<ClaimFact>;
  volume?: VolumeFact;
  /** How the pod uses the claim; no pod when absent. */
  use?: PodVolumeFact['use'];
  phase?: string;
  annotations?: Record<string, string>;
  rules?: Partial<VolumePlanInput>;
}

/** One claim `data` and, when it is used, one pod `web` with it as volume `files`. */
function planned(given: Case) {
  const each = claim('data', given.claim);
  const { phase = 'Running', annotations = {}, use } = given;
  const pods = use ? [podWith('web', [claimVolume('files', 'data', { use })], { phase, annotations })] : [];
  const plan = planVolumes(
    input({ claims: [each], volumes: [given.volume ?? volume('data')], pods }, given.rules),
  );
  const { method, reason } = plan.volumes[0]!;
  return { method, reason, plan, told: plan.problems.map(({ severity, code }) => `${severity} ${code}`) };
}

const optIn = { [OPT_IN]: 'files' };
const optOut = { [OPT_OUT]: 'files' };
const byDefault = { fsBackupByDefault: true };
const noSnapshots = { snapshotVolumes: false };
const unbound = { phase: 'Pending' };
const NO_POD = 'warning NoPodToRead';

describe('a claim', () => {
  it.each<[string, Case, string, string[]]>([
    // Opt-in.
    ['opted in', { use: 'mount', annotations: optIn }, 'fs-backup', []],
    ['opted in among others', { use: 'mount', annotations: { [OPT_IN]: 'x,files' } }, 'fs-backup', [NO_POD]],
    ['opted in with a blank', { use: 'mount', annotations: { [OPT_IN]: ' files' } }, 'data-mover', [NO_POD]],
    [
      'opted in, no snapshots wanted',
      { use: 'mount', annotations: optIn, rules: noSnapshots },
      'fs-backup',
      [],
    ],
    ['opted out where it is not in', { use: 'mount', annotations: optOut }, 'data-mover', []],
    ['used, no annotation', { use: 'mount' }, 'data-mover', []],
    [
      'opted in, no CSI volume',
      { use: 'mount', annotations: optIn, volume: foreign('data', 'nfs') },
      'fs-backup',
      [],
    ],
    // Opt-out.
    ['by default', { use: 'mount', rules: byDefault }, 'fs-backup', []],
    ['by default but opted out', { use: 'mount', annotations: optOut, rules: byDefault }, 'data-mover', []],
    [
      'by default, opt-in means nothing',
      { use: 'mount', annotations: { [OPT_IN]: 'x' }, rules: byDefault },
      'fs-backup',
      [],
    ],
    [
      'by default, opted out, no snapshots',
      { use: 'mount', annotations: optOut, rules: { ...byDefault, ...noSnapshots } },
      'skip',
      [],
    ],
    ['by default, but no pod uses it', { rules: byDefault }, 'data-mover', []],
    [
      'by default, not bound',
      { claim: unbound, use: 'mount', phase: 'Pending', rules: byDefault },
      'failed',
      ['error ClaimNotBound'],
    ],
    // What no file-system backup can read.
    [
      'opted in, pod not running',
      { use: 'mount', phase: 'Pending', annotations: optIn },
      'data-mover',
      [NO_POD],
    ],
    [
      'opted in, pod not running, no snapshots',
      { use: 'mount', phase: 'Pending', annotations: optIn, rules: noSnapshots },
      'failed',
      ['error NoPodToRead'],
    ],
    [
      'opted in, pod not running, no class',
      { use: 'mount', phase: 'Pending', annotations: optIn, rules: { classes: [] } },
      'failed',
      ['error NoPodToRead'],
    ],
    ['by default, pod ended', { use: 'mount', phase: 'Succeeded', rules: byDefault }, 'data-mover', []],
    [
      'by default, pod ended, no CSI volume',
      { use: 'mount', phase: 'Failed', volume: foreign('data', 'nfs'), rules: byDefault },
      'skip',
      [],
    ],
    [
      'by default, block device',
      { use: 'device', claim: { volumeMode: 'Block' }, rules: byDefault },
      'data-mover',
      [NO_POD],
    ],
    [
      'by default, block device, no snapshots',
      { use: 'device', rules: { ...byDefault, ...noSnapshots } },
      'skip',
      [NO_POD],
    ],
    ['by default, not mounted', { use: 'none', rules: byDefault }, 'data-mover', [NO_POD]],
    [
      'by default, hostPath',
      { use: 'mount', volume: foreign('data', 'hostPath'), rules: byDefault },
      'skip',
      [NO_POD],
    ],
    // Policies.
    ['policy skip', { rules: { policies: [policy('skip')] } }, 'skip', []],
    [
      'policy skip beats opt-in',
      { use: 'mount', annotations: optIn, rules: { policies: [policy('skip')] } },
      'skip',
      [],
    ],
    [
      'policy skip of an unbound claim',
      { claim: unbound, rules: { policies: [policy('skip', { pvcPhase: ['Pending'] })] } },
      'skip',
      [],
    ],
    ['policy custom', { rules: { policies: [policy('custom')] } }, 'skip', ['warning PluginNotSupported']],
    ['policy snapshot', { rules: { policies: [policy('snapshot')] } }, 'data-mover', []],
    [
      'policy snapshot beats snapshotVolumes: false',
      { rules: { ...noSnapshots, policies: [policy('snapshot')] } },
      'data-mover',
      [],
    ],
    [
      'policy snapshot beats the default',
      { use: 'mount', rules: { ...byDefault, policies: [policy('snapshot')] } },
      'data-mover',
      [],
    ],
    [
      'policy snapshot, kept',
      { rules: { moveData: false, policies: [policy('snapshot')] } },
      'csi-snapshot',
      [],
    ],
    [
      'policy snapshot of no CSI volume',
      { volume: foreign('data', 'nfs'), rules: { policies: [policy('snapshot')] } },
      'skip',
      ['warning NotSupported'],
    ],
    [
      'policy snapshot of an unbound claim',
      { claim: unbound, rules: { policies: [policy('snapshot')] } },
      'failed',
      ['error ClaimNotBound'],
    ],
    ['policy fs-backup', { use: 'mount', rules: { policies: [policy('fs-backup')] } }, 'fs-backup', []],
    [
      'policy fs-backup beats opt-out',
      { use: 'mount', annotations: optOut, rules: { ...byDefault, policies: [policy('fs-backup')] } },
      'fs-backup',
      [],
    ],
    [
      'policy fs-backup without a pod',
      { rules: { policies: [policy('fs-backup')] } },
      'failed',
      ['error NoPodToRead'],
    ],
    [
      'policy fs-backup, pod ended',
      { use: 'mount', phase: 'Succeeded', rules: { policies: [policy('fs-backup')] } },
      'failed',
      ['error NoPodToRead'],
    ],
    [
      'policy fs-backup of a block device',
      { use: 'device', rules: { policies: [policy('fs-backup')] } },
      'failed',
      ['error NoPodToRead'],
    ],
    [
      'policy that does not match',
      { rules: { policies: [policy('skip', { storageClass: ['slow'] })] } },
      'data-mover',
      [],
    ],
    [
      'first policy of two',
      { rules: { policies: [policy('skip', { storageClass: ['fast'] }), policy('snapshot')] } },
      'skip',
      [],
    ],
  ])('%s', (_name, given, method, told) => {
    const plan = planned(given);
    expect(plan.method).toBe(method);
    expect(plan.told).toEqual(told);
    expect(plan.reason).not.toBe('');
  });

  it('tells which policy decided', () => {
    const policies = [policy('skip', { storageClass: ['slow'] }), policy('snapshot')];
    expect(planned({ rules: { policies } }).reason).toBe(
      'volume policy 2 says snapshot; CSI snapshot of class only, data moved to the repository',
    );
  });

  it('read through a pod names the pod, its node, and the volume in it', () => {
    expect(planned({ use: 'mount', annotations: optIn }).plan.volumes[0]).toMatchObject({
      claim: 'data',
      volumeType: 'csi',
      pod: { namespace: 'shop', name: 'web', uid: 'uid-web', node: 'n1' },
      podVolume: 'files',
      reason: 'opted in due to annotation in pod shop/web; read through pod shop/web',
    });
  });

  it('of several pods is read through the first by name that can', () => {
    const uses = [claimVolume('files', 'data')];
    const pods = [podWith('c', uses), podWith('b', uses), podWith('a', uses, { phase: 'Pending' })];
    const plan = planVolumes(input({ claims: [claim('data')], volumes: [volume('data')], pods }, byDefault));
    expect(plan.volumes).toMatchObject([{ method: 'fs-backup', pod: { name: 'b' } }]);
    expect(plan.problems).toEqual([]);
  });

  it('that two pods opted in is planned once', () => {
    const pods = ['a', 'b'].map((name) =>
      podWith(name, [claimVolume('files', 'data')], { annotations: optIn }),
    );
    const { volumes } = planVolumes(input({ claims: [claim('data')], volumes: [volume('data')], pods }));
    expect(volumes).toHaveLength(1);
  });

  it('that a pod uses but the backup does not hold is left out, and said so', () => {
    const pods = [podWith('web', [claimVolume('files', 'elsewhere')], { annotations: optIn })];
    const { volumes, groups } = planVolumes(input({ pods }));
    expect(volumes).toMatchObject([
      {
        namespace: 'shop',
        claim: 'elsewhere',
        method: 'skip',
        reason: 'claim shop/elsewhere is not in the backup',
      },
    ]);
    expect(groups).toEqual([]);
  });
});

describe('a volume of a pod without a claim', () => {
  const own = (
    given: PodVolumeFact,
    rules: Partial<VolumePlanInput> = {},
    more: { annotations?: Record<string, string>; phase?: string } = {},
  ) => planVolumes(input({ pods: [podWith('web', [given], more)] }, rules));
  const cache = ownVolume('cache', 'emptyDir');
  const wanted = { annotations: { [OPT_IN]: 'cache' } };

  it.each<[string, ReturnType<typeof own>, string, string[]]>([
    ['opted in', own(cache, {}, wanted), 'fs-backup', []],
    ['not opted in', own(cache), 'skip', []],
    ['by default', own(cache, byDefault), 'fs-backup', []],
    ['by default, opted out', own(cache, byDefault, { annotations: { [OPT_OUT]: 'cache' } }), 'skip', []],
    [
      'by default, whatever spec.snapshotVolumes says',
      own(cache, { ...byDefault, ...noSnapshots }),
      'fs-backup',
      [],
    ],
    ['by default, pod ended', own(cache, byDefault, { phase: 'Succeeded' }), 'skip', []],
    ['by default, pod pending', own(cache, byDefault, { phase: 'Pending' }), 'skip', [NO_POD]],
    ['by default, mounted by none', own({ ...cache, use: 'none' }, byDefault), 'skip', [NO_POD]],
    ['nfs, by default', own(ownVolume('cache', 'nfs'), byDefault), 'fs-backup', []],
    ['hostPath', own(ownVolume('cache', 'hostPath')), 'skip', []],
    ['hostPath, by default', own(ownVolume('cache', 'hostPath'), byDefault), 'skip', []],
    ['hostPath, opted in', own(ownVolume('cache', 'hostPath'), {}, wanted), 'skip', [NO_POD]],
    ['policy fs-backup', own(cache, { policies: [policy('fs-backup')] }), 'fs-backup', []],
    [
      'policy fs-backup, hostPath',
      own(ownVolume('cache', 'hostPath'), { policies: [policy('fs-backup')] }),
      'skip',
      [NO_POD],
    ],
    [
      'policy fs-backup beats opt-out',
      own(cache, { ...byDefault, policies: [policy('fs-backup')] }, { annotations: { [OPT_OUT]: 'cache' } }),
      'fs-backup',
      [],
    ],
    [
      'policy skip beats opt-in',
      own(cache, { policies: [policy('skip', { volumeTypes: ['emptyDir'] })] }, wanted),
      'skip',
      [],
    ],
    [
      'policy snapshot leaves it out',
      own(cache, { ...byDefault, policies: [policy('snapshot')] }),
      'skip',
      [],
    ],
    [
      'policy of another type',
      own(cache, { ...byDefault, policies: [policy('skip', { volumeTypes: ['nfs'] })] }),
      'fs-backup',
      [],
    ],
  ])('%s', (_name, { volumes, problems }, method, told) => {
    expect(volumes).toMatchObject([
      { namespace: 'shop', claim: '', pod: { name: 'web' }, podVolume: 'cache', method },
    ]);
    expect(volumes[0]?.reason).not.toBe('');
    expect(problems.map(({ severity, code }) => `${severity} ${code}`)).toEqual(told);
  });

  it.each(['secret', 'configMap', 'projected', 'downwardAPI'])('from %s is no volume with data', (type) => {
    expect(own(ownVolume('cache', type), byDefault, wanted).volumes).toEqual([]);
  });

  it('with the token of a service account is none either', () => {
    expect(own(ownVolume('default-token-x1', 'emptyDir'), byDefault).volumes).toEqual([]);
  });

  it('that the annotation names but the pod does not have is a warning', () => {
    const { problems } = own(cache, {}, { annotations: { [OPT_IN]: 'cache,gone' } });
    expect(problems).toMatchObject([
      { severity: 'warning', resource: 'pods', name: 'web', message: expect.stringContaining('"gone"') },
    ]);
  });
});

describe('a PersistentVolume without a claim in the backup', () => {
  it('is left out, and said why', () => {
    const { claim: _claim, ...free } = volume('free');
    const { volumes } = planVolumes(input({ volumes: [volume('other'), free] }));
    expect(volumes).toMatchObject([
      { namespace: '', claim: '', volume: 'pv-free', method: 'skip', reason: 'no claim has it' },
      { volume: 'pv-other', method: 'skip', reason: 'its claim shop/other is not in the backup' },
    ]);
  });
});

describe('what decides about a claim', () => {
  const cases = fc.record({
    claim: fc.record({ phase: fc.constantFrom('Bound', 'Pending', 'Lost') }),
    volume: fc.constantFrom(volume('data'), foreign('data', 'nfs'), foreign('data', 'hostPath')),
    use: fc.constantFrom<PodVolumeFact['use'][]>('mount', 'device', 'none'),
    phase: fc.constantFrom('Running', 'Pending', 'Succeeded'),
    annotations: fc.constantFrom<Record<string, string>[]>({}, optIn, optOut),
    rules: fc.record({
      snapshotVolumes: fc.boolean(),
      moveData: fc.boolean(),
      fsBackupByDefault: fc.boolean(),
      classes: fc.constantFrom([snapshotClass('only')], []),
    }),
  });
  const withPolicy = (given: Case, action: VolumeAction): Case => ({
    ...given,
    rules: { ...given.rules, policies: [policy(action)] },
  });

  it('is the policy alone when one matches: neither annotations nor the spec change the method', () => {
    fc.assert(
      fc.property(cases, fc.constantFrom(...ACTIONS), (given, action) => {
        const one = planned(withPolicy(given, action));
        const plain = { ...given.rules, snapshotVolumes: true, fsBackupByDefault: false };
        const other = planned(withPolicy({ ...given, annotations: {}, rules: plain }, action));
        expect(one.method).toBe(other.method);
        const allowed: Record<VolumeAction, string[]> = {
          skip: ['skip'],
          custom: ['skip'],
          snapshot: ['data-mover', 'csi-snapshot', 'skip', 'failed'],
          'fs-backup': ['fs-backup', 'failed'],
        };
        expect(allowed[action]).toContain(one.method);
      }),
    );
  });

  it('is no policy that does not match', () => {
    fc.assert(
      fc.property(cases, fc.constantFrom(...ACTIONS), (given, action) => {
        const other = { ...given.rules, policies: [policy(action, { pvcLabels: { never: 'there' } })] };
        expect(planned({ ...given, rules: other }).plan).toEqual(planned(given).plan);
      }),
    );
  });

  it('never sends its data by a way that was not asked for', () => {
    fc.assert(
      fc.property(cases, (given) => {
        const { method } = planned(given);
        if (!given.rules.snapshotVolumes) expect(['data-mover', 'csi-snapshot']).not.toContain(method);
        if (!given.rules.moveData) expect(method).not.toBe('data-mover');
        const selected = given.rules.fsBackupByDefault
          ? given.annotations !== optOut
          : given.annotations === optIn;
        if (!selected) expect(method).not.toBe('fs-backup');
      }),
    );
  });

  it('is told: what is not protected has an error, a warning, or was asked to be left out or cannot be', () => {
    fc.assert(
      fc.property(cases, (given) => {
        const { method, told, reason } = planned(given);
        if (method === 'failed') expect(told.some((each) => each.startsWith('error'))).toBe(true);
        if (method !== 'skip') return;
        const fair = ['spec.snapshotVolumes is false', 'volume pv-data is not a CSI volume'];
        expect(fair.includes(reason) || told.length > 0).toBe(true);
      }),
    );
  });

  it('on a disk of a cloud, without its CSI driver, is left out with a warning: Velero’s plugins would take it', () => {
    const { method, told } = planned({ volume: foreign('data', 'awsElasticBlockStore') });
    expect({ method, told }).toEqual({ method: 'skip', told: ['warning NativeSnapshotNotSupported'] });
    expect(planned({ volume: foreign('data', 'nfs') }).told).toEqual([]);
  });

  it('of a pod on Windows needs no mover: it is an error, unless it is left out or kept in the storage', () => {
    const pods = [podWith('iis', [claimVolume('files', 'data')], { windows: true })];
    const facts = { claims: [claim('data')], volumes: [volume('data')], pods };
    const method = (rules: Partial<VolumePlanInput>) => {
      const plan = planVolumes(input(facts, rules));
      return [plan.volumes[0]?.method, ...plan.problems.map(({ code }) => code)];
    };
    expect(method({})).toEqual(['failed', 'WindowsNotSupported']);
    expect(method(byDefault)).toEqual(['failed', 'WindowsNotSupported']);
    expect(method({ moveData: false })).toEqual(['csi-snapshot']);
    expect(method(noSnapshots)).toEqual(['skip']);
  });

  it('is the same whatever the order in which the objects were exported', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), (byRule, moveData) => {
        const claims = ['a', 'b', 'c'].map((name) => claim(name));
        const pods = ['p', 'q', 'r'].map((name, at) =>
          podWith(name, [claimVolume('files', claims[at]?.name ?? ''), ownVolume('cache', 'emptyDir')]),
        );
        const volumes = claims.map(({ name }) => volume(name));
        const rules = { fsBackupByDefault: byRule, moveData };
        const backwards = {
          claims: claims.toReversed(),
          pods: pods.toReversed(),
          volumes: volumes.toReversed(),
        };
        expect(planVolumes(input(backwards, rules)).volumes).toEqual(
          planVolumes(input({ claims, pods, volumes }, rules)).volumes,
        );
      }),
    );
  });
});
