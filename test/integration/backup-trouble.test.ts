import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKubeClient } from '../../platform/kube/client.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { Gvr, KubeClient } from '../../platform/kube/types.ts';
import { define, definition, GROUP, kubectl, object, removeDefinition } from '../support/backup-objects.ts';
import { createBackup, exported, planned, select } from '../support/backup-run.ts';
import { kubeconfig } from '../support/cluster.ts';
import { createWorld, namespaceObject, removeNamespace } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** A cluster that refuses, breaks and changes while it is backed up. */

const [APP, OTHER, THIRD] = ['bt-app', 'bt-other', 'bt-third'];
const THINGS: Gvr = { group: GROUP, version: 'v1', resource: 'things' };
const APISERVICES: Gvr = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' };

let world: World;

beforeAll(async () => {
  world = await createWorld('bt-control');
  await clean();
  for (const name of [APP, OTHER, THIRD]) {
    await world.kube.create(GVRS.namespaces, undefined, namespaceObject(name));
    await world.kube.create(GVRS.configmaps, name, configMap('settings'));
    await world.kube.create(GVRS.secrets, name, object('v1', 'Secret', 'key', {}));
  }
});

afterAll(async () => {
  await clean();
  await world.stop();
});

async function clean(): Promise<void> {
  await removeApiService();
  await removeDefinition(world.kube, 'things');
  await removeDefinition(world.kube, 'twins');
  for (const gvr of [GVRS.clusterrolebindings, GVRS.clusterroles])
    await world.kube.remove(gvr, undefined, 'bt-some');
  await Promise.all([APP, OTHER, THIRD].map((name) => removeNamespace(world.kube, name)));
}

const configMap = (name: string, data: Record<string, string> = {}) =>
  object('v1', 'ConfigMap', name, { data });

const removeApiService = () => world.kube.remove(APISERVICES, undefined, 'v1.down.bt.caravel.dev');

describe('a backup without the right to everything', () => {
  const ACCOUNT = { namespace: 'bt-control', name: 'bt-some' };
  let folder: string;
  let some: KubeClient;

  beforeAll(async () => {
    const { kube } = world;
    const rbac = (kind: string, name: string, namespace: string | undefined, rest: object) =>
      object('rbac.authorization.k8s.io/v1', kind, name, { ...(namespace && { namespace }), ...rest });
    const subjects = [{ kind: 'ServiceAccount', ...ACCOUNT }];
    const bound = (kind: string, name: string) => ({
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
      subjects,
    });
    const read = (...resources: string[]) => [{ apiGroups: [''], resources, verbs: ['get', 'list'] }];
    await kube.create(GVRS.serviceaccounts, world.name, object('v1', 'ServiceAccount', ACCOUNT.name, {}));
    await kube.create(
      GVRS.clusterroles,
      undefined,
      rbac('ClusterRole', 'bt-some', undefined, { rules: read('namespaces', 'configmaps') }),
    );
    await kube.create(
      GVRS.clusterrolebindings,
      undefined,
      rbac('ClusterRoleBinding', 'bt-some', undefined, bound('ClusterRole', 'bt-some')),
    );
    for (const [name, rules] of [
      [APP, read('secrets')],
      [world.name, [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]],
    ] as const) {
      await kube.create(GVRS.roles, name, rbac('Role', 'bt-some', name, { rules }));
      await kube.create(
        GVRS.rolebindings,
        name,
        rbac('RoleBinding', 'bt-some', name, bound('Role', 'bt-some')),
      );
    }
    const token = await kubectl(world, 'create', 'token', ACCOUNT.name, '-n', ACCOUNT.namespace);
    folder = await mkdtemp(join(tmpdir(), 'bt-some-'));
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig());
    const [cluster] = config.getClusters();
    const limited = new KubeConfig();
    limited.loadFromOptions({
      clusters: [cluster],
      users: [{ name: 'some', token: token.trim() }],
      contexts: [{ name: 'some', cluster: cluster!.name, user: 'some' }],
      currentContext: 'some',
    });
    const path = join(folder, 'kubeconfig');
    await writeFile(path, limited.exportConfig(), { mode: 0o600 });
    some = createKubeClient({ kubeconfigPath: path });
  });

  afterAll(async () => {
    await some.close();
    await rm(folder, { recursive: true });
  });

  it('says of each list and object that it may not read it, and takes the rest', async () => {
    const spec = {
      includedNamespaces: [APP, OTHER, THIRD],
      includedNamespaceScopedResources: ['configmaps', 'secrets', 'serviceaccounts'],
    };
    const { items, problems } = await select(world, spec, { kube: some });
    const taken = items.filter((item) => !item.includes('kube-root-ca'));
    expect(taken).toEqual([
      ...[APP, OTHER, THIRD].map((name) => `configmaps/${name}/settings`),
      ...[APP, OTHER, THIRD].map((name) => `namespaces/${name}`),
      `secrets/${APP}/key`,
    ]);
    expect(
      problems
        .map(({ severity, code, resource, namespace }) => `${severity} ${code} ${resource} ${namespace}`)
        .sort(),
    ).toEqual([
      `error KubeForbidden secrets ${OTHER}`,
      `error KubeForbidden secrets ${THIRD}`,
      `error KubeForbidden serviceaccounts ${APP}`,
      `error KubeForbidden serviceaccounts ${OTHER}`,
      `error KubeForbidden serviceaccounts ${THIRD}`,
    ]);
    expect(problems[0]?.message).toMatch(/^Error listing items: .*is forbidden/);
  });

  it('says so of a volume that comes along', async () => {
    const { kube } = world;
    const claim = object('v1', 'PersistentVolumeClaim', 'data', {
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'bt-none',
        volumeName: 'bt-gone',
        resources: { requests: { storage: '1Gi' } },
      },
    });
    await kube.create(GVRS.persistentvolumeclaims, APP, claim);
    const spec = { includedNamespaces: [APP], includedNamespaceScopedResources: ['pvc'] };
    const forbidden = await select(world, spec, { kube: denying(kube, 'persistentvolumes') });
    expect(forbidden.problems).toMatchObject([
      { severity: 'error', code: 'KubeForbidden', resource: 'persistentvolumes', name: 'bt-gone' },
    ]);
    const gone = await select(world, spec);
    expect(gone.problems).toMatchObject([
      { severity: 'warning', code: 'ObjectGone', resource: 'persistentvolumes', name: 'bt-gone' },
    ]);
    expect(gone.problems[0]?.message).toContain(`claim ${APP}/data needs it`);
    await kube.remove(GVRS.persistentvolumeclaims, APP, 'data');
  });

  it('cannot begin without the list of namespaces, and says so', async () => {
    const run = await createBackup(world, 'no-namespaces', { includedNamespaces: [APP] });
    await expect(planned(world, run, { kube: denying(world.kube, 'namespaces') })).rejects.toThrow(
      'error getting namespace list: ',
    );
  });

  /** The API server's own answer to somebody who may not. */
  function denying(kube: KubeClient, resource: string): KubeClient {
    const refuse = (gvr: Gvr) => gvr.resource === resource;
    return new Proxy(kube, {
      get(target, key) {
        const own = Reflect.get(target, key) as unknown;
        if (typeof own !== 'function') return own;
        return (gvr: Gvr, ...rest: unknown[]) =>
          typeof gvr === 'object' && refuse(gvr) && ['find', 'list', 'pages'].includes(String(key))
            ? (some.list(GVRS.nodes) as unknown)
            : (own.call(target, gvr, ...rest) as unknown);
      },
    });
  }
});

describe('an API group whose server is down', () => {
  beforeAll(async () => {
    await world.kube.create(
      APISERVICES,
      undefined,
      object('apiregistration.k8s.io/v1', 'APIService', 'v1.down.bt.caravel.dev', {
        spec: {
          group: 'down.bt.caravel.dev',
          version: 'v1',
          groupPriorityMinimum: 1000,
          versionPriority: 10,
          insecureSkipTLSVerify: true,
          service: { namespace: APP, name: 'nobody' },
        },
      }),
    );
    const named = ({ failures }: Awaited<ReturnType<KubeClient['discover']>>) =>
      failures.some(({ group }) => group === 'down.bt.caravel.dev');
    for (let tries = 0; tries < 100 && !named(await world.kube.discover()); tries++)
      await new Promise((resolve) => setTimeout(resolve, 100));
  });

  // Namespaces cannot be deleted as long as it is there.
  afterAll(removeApiService);

  it('is an error of a backup that may lack something by it, and the rest is taken', async () => {
    const { problems, items } = await select(world, { includedNamespaces: [APP] });
    expect(problems).toMatchObject([
      {
        severity: 'error',
        code: 'KubeUnavailable',
        message: expect.stringContaining('down.bt.caravel.dev') as string,
      },
    ]);
    expect(items).toContain(`configmaps/${APP}/settings`);
  });

  it('is a warning when the backup asks for nothing of it', async () => {
    const spec = { includedNamespaces: [APP], includedResources: ['configmaps', 'secrets'] };
    expect((await select(world, spec)).problems).toMatchObject([
      { severity: 'warning', code: 'KubeUnavailable' },
    ]);
  });
});

describe('a type that cannot be listed', () => {
  it('is an error of its own after a while: the webhook that converts its objects is down', async () => {
    const webhook = {
      conversion: {
        strategy: 'Webhook',
        webhook: {
          conversionReviewVersions: ['v1'],
          clientConfig: { service: { namespace: APP, name: 'nobody', path: '/' } },
        },
      },
    };
    const crd = definition('twins', 'Twin', ['v1', 'v2']);
    await define(world.kube, crd);
    const twins = { group: GROUP, version: 'v1', resource: 'twins' };
    await world.kube.create(twins, APP, object(`${GROUP}/v1`, 'Twin', 'one', {}));
    await world.kube.patch(GVRS.customresourcedefinitions, undefined, crd.metadata.name, { spec: webhook });
    const started = Date.now();
    const spec = { includedNamespaces: [APP], includedResources: ['configmaps', 'twins', 'secrets'] };
    const { problems, items } = await select(world, spec);
    expect(problems).toMatchObject([
      { severity: 'error', code: 'KubeUnavailable', resource: `twins.${GROUP}`, namespace: APP },
    ]);
    expect(problems[0]?.message).toContain('Error listing items: conversion webhook');
    expect(items).toContain(`secrets/${APP}/key`);
    expect(Date.now() - started).toBeLessThan(60_000);
    await world.kube.patch(GVRS.customresourcedefinitions, undefined, crd.metadata.name, {
      spec: { conversion: { strategy: 'None', webhook: null } },
    });
    await removeDefinition(world.kube, 'twins');
  });
});

describe('what vanishes while the backup runs', () => {
  it('is not in it, and the rest is', async () => {
    await define(world.kube, definition('things', 'Thing', ['v1']));
    await world.kube.create(THINGS, APP, object(`${GROUP}/v1`, 'Thing', 'one', {}));
    await world.kube.create(GVRS.namespaces, undefined, namespaceObject('bt-brief'));
    await world.kube.create(GVRS.configmaps, 'bt-brief', configMap('settings'));
    const spec = {
      includedNamespaces: [APP, 'bt-brief'],
      includedResources: ['configmaps', 'things', 'secrets', 'namespaces'],
      orderedResources: { secrets: `${APP}/brief` },
    };
    await world.kube.create(GVRS.secrets, APP, object('v1', 'Secret', 'brief', {}));
    const run = await createBackup(world, 'vanishing', spec);
    const ref = await planned(world, run);
    await Promise.all([removeDefinition(world.kube, 'things'), removeNamespace(world.kube, 'bt-brief')]);
    await world.kube.remove(GVRS.secrets, APP, 'brief');
    const { items, problems } = await exported(world, ref);
    expect(items.filter((item) => !item.includes('kube-root-ca'))).toEqual([
      `configmaps/${APP}/settings`,
      `namespaces/${APP}`,
      `secrets/${APP}/key`,
    ]);
    expect(problems).toMatchObject([
      { severity: 'warning', code: 'ObjectGone', message: `Cannot find resource '${APP}/brief'.` },
    ]);
  });
});
