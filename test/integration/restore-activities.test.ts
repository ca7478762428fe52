import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gunzipSync } from 'node:zlib';
import type { Restore } from '../../contracts/api/restore.ts';
import { restoreKeys } from '../../core/format/keys.ts';
import { parseResults } from '../../core/format/results.ts';
import type { ApplyReport, RestorePlan } from '../../core/model.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { Gvr, KubeObject } from '../../platform/kube/types.ts';
import { getDoc } from '../../platform/store/documents.ts';
import { recordApplication, removeDefinition } from '../support/restore-objects.ts';
import type { Application } from '../support/restore-objects.ts';
import {
  applied,
  call,
  createRestore,
  finished,
  planned,
  readRestore,
  restored,
  storeBackup,
} from '../support/restore-run.ts';
import type { StoredObjects } from '../support/restore-run.ts';
import { createWorld, namespaceObject, removeNamespace } from '../support/world.ts';
import type { World } from '../support/world.ts';

const SOURCE = 'rt-source';
const TARGETS = ['rt-target', 'rt-existing', 'rt-many', 'rt-labels', 'rt-volumes'];
const WIDGETS = { group: 'rt.caravel.dev', version: 'v1', resource: 'widgets' };

let world: World;
let application: Application;

beforeAll(async () => {
  world = await createWorld('rt-control');
  await Promise.all([SOURCE, ...TARGETS].map((name) => removeNamespace(world.kube, name)));
  application = await recordApplication(world.kube, SOURCE);
  await storeBackup(world, 'app', application.objects);
});

afterAll(async () => {
  await removeDefinition(world.kube);
  for (const gvr of [GVRS.clusterrolebindings, GVRS.clusterroles]) {
    await world.kube.remove(gvr, undefined, application.clusterRole);
  }
  await world.stop([SOURCE, ...TARGETS]);
});

const find = <T = KubeObject>(gvr: Gvr, namespace: string | undefined, name: string) =>
  world.kube.find<T>(gvr, namespace, name);

const fileText = async (key: string) => gunzipSync(await world.store.get(key)).toString('utf8');

const into = (target: string, extra: Restore['spec'] = {}): Restore['spec'] => ({
  backupName: 'app',
  includedNamespaces: [SOURCE],
  namespaceMapping: { [SOURCE]: target },
  ...extra,
});

describe('a restore into another namespace', () => {
  it('makes everything anew, custom resources with their definition included', async () => {
    const run = await createRestore(world, 'mapped', into('rt-target'));
    const result = await restored(world, run);
    expect(result).toMatchObject({ phase: 'Completed', errors: 0, warnings: 0 });

    const namespace = await find(GVRS.namespaces, undefined, 'rt-target');
    expect(namespace?.metadata.labels).toEqual({
      team: 'shipping',
      'kubernetes.io/metadata.name': 'rt-target',
    });
    const labels = { 'velero.io/backup-name': 'app', 'velero.io/restore-name': 'mapped' };
    for (const [gvr, name] of [
      [GVRS.configmaps, 'settings'],
      [GVRS.secrets, 'key'],
      [GVRS.serviceaccounts, 'web'],
      [GVRS.deployments, 'web'],
      [GVRS.services, 'web'],
    ] as const) {
      expect((await find(gvr, 'rt-target', name))?.metadata.labels).toMatchObject({ app: 'web', ...labels });
    }
    const widget = await find(WIDGETS, 'rt-target', 'one');
    expect(JSON.stringify(widget)).toContain('9007199254740993');
    const binding = await find<KubeObject & { subjects: object[] }>(GVRS.rolebindings, 'rt-target', 'rt-web');
    expect(binding?.subjects).toMatchObject([{ name: 'web', namespace: 'rt-target' }]);
  });

  it('brings the roles of its accounts along', async () => {
    const name = application.clusterRole;
    const binding = await find<KubeObject & { subjects: object[] }>(
      GVRS.clusterrolebindings,
      undefined,
      name,
    );
    expect(binding?.subjects).toMatchObject([{ name: 'web', namespace: 'rt-target' }]);
    expect(await find(GVRS.clusterroles, undefined, name)).toBeDefined();
  });

  it('says in the resource and in the files what came of each object', async () => {
    const { status, spec } = await readRestore(world, 'mapped');
    expect(status).toMatchObject({
      phase: 'Completed',
      progress: { totalItems: status?.progress?.itemsRestored },
    });
    expect(status?.startTimestamp).toBeDefined();
    expect(status?.completionTimestamp).toBeDefined();
    expect(spec.excludedResources).toContain('nodes');
    expect(spec.itemOperationTimeout).toBe('4h0m0s');
    const keys = restoreKeys('mapped');
    const list = JSON.parse(await fileText(keys.resourceList)) as Record<string, string[]>;
    expect(list['v1/Namespace']).toEqual(['rt-target(created)']);
    expect(list['v1/ConfigMap']).toEqual([
      'rt-target/kube-root-ca.crt(skipped)',
      'rt-target/settings(created)',
    ]);
    expect(list['v1/Pod']).toEqual(['rt-target/done(skipped)']);
    expect(list['rt.caravel.dev/v1/Widget']).toEqual(['rt-target/one(created)']);
    const log = await fileText(keys.logs);
    expect(log).toContain('the pod had ended (Succeeded)');
    expect(JSON.parse(await fileText(keys.itemOperations))).toEqual([]);
    expect(JSON.parse(await fileText(keys.volumeInfo))).toEqual([]);
    expect(parseResults(await fileText(keys.results))).toEqual({ errors: {}, warnings: {} });
  });

  it('ends a second time as it ended', async () => {
    const run = { ...(await runOf('mapped')) };
    const again = await call(world, 'adoptRestore', run);
    expect(again).toMatchObject({ state: 'ended', result: { phase: 'Completed' } });
  });
});

async function runOf(name: string) {
  const { metadata } = await readRestore(world, name);
  return { type: 'restore' as const, cluster: 'local', namespace: world.name, name, uid: metadata.uid ?? '' };
}

describe('objects that exist', () => {
  it('are left when equal, reported when different, and accounts are merged', async () => {
    await world.kube.create(GVRS.namespaces, undefined, namespaceObject('rt-existing', { mine: 'yes' }));
    const make = (gvr: Gvr, object: object) =>
      world.kube.create(gvr, 'rt-existing', object).catch(() => undefined);
    await make(GVRS.configmaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings', labels: { app: 'web' } },
      data: { mode: 'red' },
    });
    await make(GVRS.secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'key', labels: { app: 'web' } },
      data: { key: 'c2VjcmV0' },
    });
    await make(GVRS.serviceaccounts, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'web', labels: { own: 'label' } },
    });
    const result = await restored(world, await createRestore(world, 'existing', into('rt-existing')));
    expect(result).toMatchObject({ phase: 'Completed', errors: 0 });
    const results = parseResults(await fileText(restoreKeys('existing').results));
    expect(results.warnings.namespaces?.['rt-existing']).toEqual([
      ' resource: /configmaps name: /settings message: /could not restore, ConfigMap "settings" already exists. Warning: the in-cluster version is different than the backed-up version',
    ]);
    const list = JSON.parse(await fileText(restoreKeys('existing').resourceList)) as Record<string, string[]>;
    expect(list['v1/Secret']).toEqual(['rt-existing/key(skipped)']);
    expect(list['v1/ServiceAccount']).toEqual(['rt-existing/web(updated)']);
    expect((await find(GVRS.namespaces, undefined, 'rt-existing'))?.metadata.labels).not.toHaveProperty(
      'team',
    );
    expect((await find(GVRS.serviceaccounts, 'rt-existing', 'web'))?.metadata.labels).toEqual({
      own: 'label',
      app: 'web',
    });
  });

  it('a second restore finds all as it was', async () => {
    const result = await restored(world, await createRestore(world, 'twice', into('rt-target')));
    expect(parseResults(await fileText(restoreKeys('twice').results)).warnings).toEqual({});
    expect(result).toMatchObject({ phase: 'Completed', errors: 0, warnings: 0 });
    const list = JSON.parse(await fileText(restoreKeys('twice').resourceList)) as Record<string, string[]>;
    expect(
      Object.values(list)
        .flat()
        .filter((name) => !name.endsWith('(skipped)')),
    ).toEqual([]);
  });

  it('are changed when the policy is update', async () => {
    const spec = into('rt-existing', { existingResourcePolicy: 'update' });
    expect(await restored(world, await createRestore(world, 'update', spec))).toMatchObject({
      errors: 0,
      warnings: 0,
    });
    const settings = await find<KubeObject & { data: object }>(GVRS.configmaps, 'rt-existing', 'settings');
    expect(settings?.data).toEqual({ mode: 'blue' });
    expect(settings?.metadata.labels).toMatchObject({ 'velero.io/restore-name': 'update' });
    const list = JSON.parse(await fileText(restoreKeys('update').resourceList)) as Record<string, string[]>;
    expect(list['v1/ConfigMap']).toContain('rt-existing/settings(updated)');
    expect(list['v1/Secret']).toEqual(['rt-existing/key(skipped)']);
    const key = await find(GVRS.secrets, 'rt-existing', 'key');
    expect(key?.metadata.labels).toMatchObject({ 'velero.io/restore-name': 'update' });
  });
});

describe('bad specs', () => {
  it('are refused with everything that is wrong', async () => {
    const run = await createRestore(world, 'bad', {
      backupName: 'missing',
      includedNamespaces: ['*', 'a', 'x{y}'],
      includedResources: ['nodes'],
      namespaceMapping: { a: 'B_' },
      existingResourcePolicy: 'maybe',
      itemOperationTimeout: 'soon',
      labelSelector: { matchExpressions: [{ key: 'a', operator: 'Near' }] },
      orLabelSelectors: [{ matchLabels: { a: 'b' } }],
      hooks: { resources: [{ name: 'h' }] },
      resourceModifier: { kind: 'configmap', name: 'm' },
      restoreStatus: {},
    });
    const adopted = await call(world, 'adoptRestore', run);
    expect(adopted.state).toBe('rejected');
    const errors = adopted.state === 'rejected' ? adopted.errors : [];
    for (const words of [
      'nodes are non-restorable resources',
      "Invalid included/excluded namespace lists: includes list must either contain '*' only",
      'wildcard pattern contains unsupported characters',
      'spec.namespaceMapping[a]',
      'Invalid ExistingResourcePolicy: maybe',
      'spec.itemOperationTimeout',
      'spec.labelSelector',
      'only one can be specified',
      'NotSupported: spec.hooks',
      'NotSupported: spec.resourceModifier',
      'NotSupported: spec.restoreStatus',
      "Error retrieving backup: can't find backup rt-control/missing",
    ]) {
      expect(
        errors.filter((error) => error.includes(words)),
        words,
      ).toHaveLength(1);
    }
    const { status } = await readRestore(world, 'bad');
    expect(status).toMatchObject({ phase: 'FailedValidation', validationErrors: errors });
    expect(status).not.toHaveProperty('startTimestamp');
    expect(await call(world, 'adoptRestore', run)).toMatchObject({
      state: 'ended',
      result: { phase: 'FailedValidation' },
    });
  });

  it('and so is a backup that did not end well', async () => {
    await storeBackup(world, 'unfinished', [], { phase: 'InProgress' });
    const run = await createRestore(world, 'bad-phase', { backupName: 'unfinished' });
    expect(await call(world, 'adoptRestore', run)).toMatchObject({
      errors: [expect.stringContaining('is InProgress; only Completed and PartiallyFailed')],
    });
  });

  it('an accepted one goes on when its adoption is repeated', async () => {
    const run = await createRestore(world, 'again', into('rt-target'));
    const first = await call(world, 'adoptRestore', run);
    const second = await call(world, 'adoptRestore', run);
    expect(second).toEqual(first);
  });
});

describe('selection', () => {
  it('restores nothing for a pattern that matches nothing, with a warning', async () => {
    const run = await createRestore(world, 'nothing', { backupName: 'app', includedNamespaces: ['zz-*'] });
    const result = await restored(world, run);
    expect(result).toMatchObject({ phase: 'Completed', items: 0, warnings: 1 });
  });

  it('takes only what the labels choose, and makes no other namespace', async () => {
    const stored: StoredObjects = ['a', 'b'].map((name) => [
      'configmaps',
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: `rt-of-${name}`, labels: { pick: name } },
      },
    ]);
    await storeBackup(world, 'labels', stored);
    const run = await createRestore(world, 'labels', {
      backupName: 'labels',
      namespaceMapping: { 'rt-of-a': 'rt-labels' },
      labelSelector: { matchLabels: { pick: 'a' } },
    });
    const plan = await planned(world, run);
    expect(plan.items).toBe(1);
    expect((await getDoc<RestorePlan>(world.store, plan.plan)).namespaces).toEqual([
      { source: 'rt-of-a', target: 'rt-labels' },
    ]);
    const result = await finished(world, plan, await applied(world, plan));
    expect(result).toMatchObject({ items: 2, errors: 0 });
    expect(await find(GVRS.configmaps, 'rt-labels', 'a')).toBeDefined();
    expect(await find(GVRS.namespaces, undefined, 'rt-of-b')).toBeUndefined();
  });
});

const MANY = 400;

describe('a chunk of many objects', () => {
  const name = (at: number) => `s-${String(at).padStart(4, '0')}`;

  it('goes on after a crash where it was, and reports every object once', async () => {
    const stored: StoredObjects = Array.from({ length: MANY }, (_, at) => [
      'secrets',
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: name(at), namespace: SOURCE },
        data: { at: 'YQ==' },
      },
    ]);
    await storeBackup(world, 'many', stored);
    const run = await createRestore(world, 'many', into('rt-many', { backupName: 'many' }));
    const plan = await planned(world, run);
    await call(world, 'ensureNamespaces', plan);
    const input = { ...plan, wave: 0, chunk: 0, outcomes: [] };

    let noted: unknown;
    const cancelled = call(world, 'applyChunk', input, {
      onHeartbeat: (details, cancel) => {
        if (details === undefined) return;
        noted = details;
        cancel();
      },
    });
    await expect(cancelled).rejects.toThrow();
    const made = (await world.kube.list(GVRS.secrets, { namespace: 'rt-many' })).length;
    expect(made).toBeGreaterThanOrEqual(100);
    expect(made).toBeLessThan(MANY);

    const resumed = await call(world, 'applyChunk', input, { heartbeatDetails: noted });
    const report = await getDoc<ApplyReport>(world.store, resumed.doc);
    expect(report.counts).toEqual({ created: MANY, updated: 0, skipped: 0, failed: 0 });
    expect(report.names['v1/Secret']).toEqual(
      Array.from({ length: MANY }, (_, at) => `rt-many/${name(at)}(created)`),
    );
    expect(report.problems).toEqual([]);

    const repeated = await call(world, 'applyChunk', input);
    expect(await getDoc(world.store, repeated.doc)).toEqual(report);
  });
});
