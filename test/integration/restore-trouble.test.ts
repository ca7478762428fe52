import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import { GVR } from '../../contracts/api/gvr.ts';
import type { BackupStorageLocation } from '../../contracts/api/location.ts';
import { FACTS_ANNOTATION } from '../../contracts/ids.ts';
import type { ApplyReport } from '../../core/model.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { noAnswer } from '../../platform/kube/errors.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { getDoc } from '../../platform/store/documents.ts';
import { applied, call, createRestore, planned, readRestore, storeBackup } from '../support/restore-run.ts';
import type { Planned, StoredObjects } from '../support/restore-run.ts';
import { createWorld, namespaceObject, removeNamespace } from '../support/world.ts';
import type { World } from '../support/world.ts';

const HOOKED = 'rt-webhook';
const ENDING = 'rt-ending';
const PLAIN = 'rt-plain';
const NAMESPACES = [HOOKED, ENDING, PLAIN];
const WEBHOOKS = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  resource: 'validatingwebhookconfigurations',
};

let world: World;

const settings = (namespace: string, name = 'settings'): [string, KubeObject] => [
  'configmaps',
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { a: 'b' } },
];

beforeAll(async () => {
  world = await createWorld('rt-trouble-control');
  await Promise.all(NAMESPACES.map((name) => removeNamespace(world.kube, name)));
});

afterAll(async () => {
  await world.kube.remove(WEBHOOKS, undefined, 'rt-webhook');
  await world.stop(NAMESPACES);
});

async function planOf(name: string, objects: StoredObjects): Promise<Planned> {
  await storeBackup(world, name, objects);
  return await planned(world, await createRestore(world, name, { backupName: name }));
}

async function reportOf(plan: Planned): Promise<ApplyReport> {
  const reports = await applied(world, plan);
  return await getDoc<ApplyReport>(world.store, reports.at(-1)!.doc);
}

describe('trouble of one object', () => {
  it('is its own result: a type that is not served, an object that is refused, a webhook that is down', async () => {
    const service = { name: 'nowhere', namespace: 'rt-nowhere', path: '/' };
    await world.kube.create(WEBHOOKS, undefined, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'rt-webhook' },
      webhooks: [
        {
          name: 'down.rt.caravel.dev',
          clientConfig: { service },
          rules: [
            { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] },
          ],
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': HOOKED } },
          objectSelector: { matchLabels: { hooked: 'yes' } },
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          failurePolicy: 'Fail',
        },
      ],
    });
    const hooked = settings(HOOKED, 'hooked');
    hooked[1].metadata.labels = { hooked: 'yes' };
    const plan = await planOf('webhook', [
      hooked,
      settings(HOOKED),
      [
        'gadgets',
        { apiVersion: 'nowhere.caravel.dev/v1', kind: 'Gadget', metadata: { name: 'g', namespace: HOOKED } },
      ],
      ['roles', { apiVersion: 'apps/v1', kind: 'Role', metadata: { name: 'odd', namespace: HOOKED } }],
    ]);
    const reports = await applied(world, plan);
    const all = await Promise.all(reports.map(({ doc }) => getDoc<ApplyReport>(world.store, doc)));
    const problems = Object.fromEntries(
      all.flatMap((report) => report.problems).map(({ name, message }) => [name, message]),
    );
    expect(problems['hooked']).toMatch(
      /error restoring configmaps\/rt-webhook\/hooked: .*failed calling webhook/,
    );
    expect(problems['g']).toMatch(/does not serve gadgets.nowhere.caravel.dev in version v1/);
    expect(Object.keys(problems).sort()).toEqual(['g', 'hooked', 'odd']);
    expect(await world.kube.find(GVRS.configmaps, HOOKED, 'settings')).toBeDefined();
  });
});

describe('what is on its way out', () => {
  const held = (name: string) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, finalizers: ['rt.caravel.dev/held'] },
  });
  const release = (namespace: string, name: string) =>
    world.kube.patch(GVRS.configmaps, namespace, name, { metadata: { finalizers: null } });

  it('is waited for when it is the namespace', async () => {
    await world.kube.create(GVRS.namespaces, undefined, namespaceObject(ENDING));
    await world.kube.create(GVRS.configmaps, ENDING, held('last'));
    await world.kube.remove(GVRS.namespaces, undefined, ENDING);
    const plan = await planOf('ending', [settings(ENDING)]);
    const report = reportOf(plan);
    await delay(1_000);
    await release(ENDING, 'last');
    expect((await report).counts).toMatchObject({ created: 1, failed: 0 });
  });

  it('is waited for when it is the object', async () => {
    await world.kube.create(GVRS.namespaces, undefined, namespaceObject(PLAIN));
    await world.kube.create(GVRS.configmaps, PLAIN, held('settings'));
    await world.kube.remove(GVRS.configmaps, PLAIN, 'settings');
    const plan = await planOf('object', [settings(PLAIN)]);
    const report = reportOf(plan);
    await delay(1_000);
    await release(PLAIN, 'settings');
    expect((await report).counts).toMatchObject({ created: 1, failed: 0 });
    const made = await world.kube.get<KubeObject & { data: object }>(GVRS.configmaps, PLAIN, 'settings');
    expect(made.data).toEqual({ a: 'b' });
  });
});

describe('an outage', () => {
  it('fails the step, to be tried again, and no object', async () => {
    const plan = await planOf('outage', [settings(PLAIN, 'other')]);
    const down = new Proxy(world.kube, {
      get: (kube, name) =>
        name === 'create'
          ? () => Promise.reject(noAnswer('Disconnected', 'POST /x', 'connection reset'))
          : (Reflect.get(kube, name, kube) as () => unknown).bind(kube),
    });
    await expect(
      call(world, 'applyChunk', { ...plan, wave: 0, chunk: 0, outcomes: [] }, { kube: down }),
    ).rejects.toMatchObject({ type: 'KubeUnavailable', nonRetryable: false });
    const report = await reportOf(plan);
    expect(report.counts).toMatchObject({ created: 1, failed: 0 });
  });
});

describe('a location that does not answer', () => {
  it('is waited for when the backup may be there; the resource says so, for as long as it is true', async () => {
    const { apiVersion, kind, spec } = await world.kube.get<BackupStorageLocation>(
      GVR.backupStorageLocations,
      world.name,
      'default',
    );
    await world.kube.create(GVR.backupStorageLocations, world.name, {
      apiVersion,
      kind,
      metadata: { name: 'dead', namespace: world.name },
      spec: { ...spec, default: false, config: { ...spec.config, s3Url: 'http://127.0.0.1:1' } },
    });
    const run = await createRestore(world, 'waits', { backupName: 'late' });
    const adopt = () => call(world, 'adoptRestore', run);
    await expect(adopt()).rejects.toMatchObject({ type: 'StoreUnavailable', nonRetryable: false });
    const waiting = await readRestore(world, 'waits');
    expect(waiting.status?.phase ?? 'New').toBe('New');
    const facts = JSON.parse(waiting.metadata.annotations?.[FACTS_ANNOTATION] ?? '{}') as object;
    expect(facts).toEqual({
      waitsFor: expect.stringMatching(
        /^StoreUnavailable: can't find backup rt-trouble-control\/late .*: location dead: .*; it is not in default \(hint: /,
      ),
    });
    // Said once, not at each attempt.
    await expect(adopt()).rejects.toMatchObject({ type: 'StoreUnavailable' });
    expect((await readRestore(world, 'waits')).metadata.resourceVersion).toBe(
      waiting.metadata.resourceVersion,
    );

    await storeBackup(world, 'late', [settings(PLAIN, 'late')]);
    expect(await adopt()).toMatchObject({ state: 'ready' });
    const begun = await readRestore(world, 'waits');
    expect(begun.status?.phase).toBe('InProgress');
    expect(begun.metadata.annotations ?? {}).not.toHaveProperty([FACTS_ANNOTATION]);
  });

  it('is no reason to wait when its status says so, and what was waited for is said no more', async () => {
    const run = await createRestore(world, 'gives-up', { backupName: 'never' });
    const adopt = () => call(world, 'adoptRestore', run);
    await expect(adopt()).rejects.toMatchObject({ type: 'StoreUnavailable' });
    await world.kube.patch(GVR.backupStorageLocations, world.name, 'dead', {
      status: { phase: 'Unavailable' },
    });
    expect(await adopt()).toMatchObject({ state: 'rejected' });
    const { status, metadata } = await readRestore(world, 'gives-up');
    expect(status?.phase).toBe('FailedValidation');
    expect(metadata.annotations ?? {}).not.toHaveProperty([FACTS_ANNOTATION]);
    await world.kube.remove(GVR.backupStorageLocations, world.name, 'dead');
  });
});
