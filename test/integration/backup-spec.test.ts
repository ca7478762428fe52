import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupSpec } from '../../contracts/api/backup.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { makeObjects, object, removeObjects, SHOP, ZOO } from '../support/backup-objects.ts';
import { createBackup, planned, select, stored } from '../support/backup-run.ts';
import { createWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** Every field of the spec that selects something, on the real API server. */

let world: World;

beforeAll(async () => {
  world = await createWorld('bs-control');
  await makeObjects(world.kube);
});

afterAll(async () => {
  await removeObjects(world.kube);
  await world.stop();
});

/** What the cluster adds to every namespace by itself. */
const NOISE = /\/default$|kube-root-ca\.crt$|^events|^(csinodes|leases)\.|bs-control/;
const ours = (items: readonly string[]) => items.filter((item) => item.includes('/bs-') && !NOISE.test(item));

const sorted = (...lists: string[][]) => [...new Set(lists.flat())].sort();
const PVCS = 'persistentvolumeclaims/bs-shop';
const CRB = 'clusterrolebindings.rbac.authorization.k8s.io';
const CR = 'clusterroles.rbac.authorization.k8s.io';
const NAMESPACE = 'namespaces/bs-shop';

const CLAIMS = [`${PVCS}/data`, `${PVCS}/log`, `${PVCS}/other`, `${PVCS}/spare`];
const VOLUMES = ['data', 'log', 'other', 'spare'].map((name) => `persistentvolumes/bs-${name}`);
const PODS = ['helper', 'reader', 'web'].map((name) => `pods/bs-shop/${name}`);
const PRIORITY = 'priorityclasses.scheduling.k8s.io/bs-high';
const RIGHTS = [`${CRB}/bs-web`, `${CR}/bs-reader`];
const SETTINGS = 'configmaps/bs-shop/settings';
const CONFIG = ['configmaps/bs-shop/plain', SETTINGS];
const KEY = 'secrets/bs-shop/key';
const ACCOUNT = 'serviceaccounts/bs-shop/web';
const IN_SHOP = [NAMESPACE, ...CLAIMS, ...PODS, ...CONFIG, KEY, ACCOUNT];
const SHOP_ALL = [...IN_SHOP, ...VOLUMES, PRIORITY, ...RIGHTS];
const ZOO_ALL = [
  'namespaces/bs-zoo',
  'configmaps/bs-zoo/settings',
  'serviceaccounts/bs-zoo/ape',
  `${CRB}/bs-ape`,
  `${CR}/bs-unused`,
];
const WEB_LABEL = { matchLabels: { app: 'web' } };
/** A selected pod brings its claims, those their volumes, their pods and the claims of their snapshot group. */
const WITH_WEB = [
  NAMESPACE,
  SETTINGS,
  ACCOUNT,
  ...RIGHTS,
  'pods/bs-shop/web',
  'pods/bs-shop/helper',
  PRIORITY,
  ...['data', 'log', 'spare'].flatMap((name) => [`${PVCS}/${name}`, `persistentvolumes/bs-${name}`]),
];

const SELECTIONS: [field: string, spec: BackupSpec, items: string[]][] = [
  ['includedNamespaces', { includedNamespaces: [SHOP] }, SHOP_ALL],
  ['includedNamespaces: several', { includedNamespaces: [SHOP, ZOO] }, [...SHOP_ALL, ...ZOO_ALL]],
  ['includedNamespaces: `*` and ?', { includedNamespaces: ['bs-s*', 'bs-?oo'] }, [...SHOP_ALL, ...ZOO_ALL]],
  ['includedNamespaces: a set', { includedNamespaces: ['bs-[a-t]hop'] }, SHOP_ALL],
  ['includedNamespaces: no match', { includedNamespaces: ['bs-nothing-*'] }, []],
  ['excludedNamespaces', { includedNamespaces: ['bs-*'], excludedNamespaces: [ZOO, 'bs-control'] }, SHOP_ALL],
  [
    'excludedNamespaces: a pattern',
    { includedNamespaces: ['bs-*'], excludedNamespaces: ['bs-[a-rt-z]*'] },
    SHOP_ALL,
  ],
  [
    'excludedNamespaces: of the whole cluster, without its cluster-scoped objects',
    { excludedNamespaces: [ZOO] },
    SHOP_ALL,
  ],
  [
    'nothing: the whole cluster; a namespace with the label is left out, and does not make it smaller',
    {},
    [...SHOP_ALL, ...ZOO_ALL, 'nodes/bs-node'],
  ],
  [
    'includedResources',
    { includedNamespaces: [SHOP], includedResources: ['cm', 'Secret'] },
    [...CONFIG, KEY],
  ],
  [
    'includedResources: what they need comes along only when its type is included',
    { includedNamespaces: [SHOP], includedResources: ['pods', 'pvc'] },
    [...PODS, ...CLAIMS],
  ],
  [
    'includedResources: with the volumes',
    { includedNamespaces: [SHOP], includedResources: ['pods', 'pvc', 'pv'] },
    [...PODS, ...CLAIMS, ...VOLUMES],
  ],
  [
    'includedResources: a pattern',
    { includedNamespaces: [SHOP], includedResources: ['persistent*', 'namespaces'] },
    [...CLAIMS, ...VOLUMES, NAMESPACE],
  ],
  ['includedResources: `*`', { includedNamespaces: [SHOP], includedResources: ['*'] }, SHOP_ALL],
  [
    'includedResources: cluster-scoped types of the whole cluster',
    { includedResources: ['priorityclasses', 'persistentvolumes'] },
    [PRIORITY, ...VOLUMES],
  ],
  [
    'includedResources: only what enters by its volumes',
    { includedNamespaces: [SHOP], includedResources: ['volumesnapshots.snapshot.storage.k8s.io'] },
    [],
  ],
  [
    'excludedResources',
    { includedNamespaces: [SHOP], excludedResources: ['pods', 'pv', 'clusterroles'] },
    SHOP_ALL.filter((item) => !/^(pods|persistentvolumes|clusterroles\.|priorityclasses)/.test(item)),
  ],
  [
    'excludedResources: a pattern',
    { includedNamespaces: [SHOP], excludedResources: ['*.rbac.authorization.k8s.io', 'p*'] },
    [NAMESPACE, ...CONFIG, KEY, ACCOUNT],
  ],
  [
    'includeClusterResources: true',
    { includedNamespaces: [SHOP], includeClusterResources: true },
    [...SHOP_ALL, `${CRB}/bs-ape`, `${CR}/bs-unused`, 'namespaces/bs-shop', 'nodes/bs-node'],
  ],
  [
    'includeClusterResources: false',
    { includedNamespaces: [SHOP], includeClusterResources: false },
    IN_SHOP.filter((item) => item !== NAMESPACE),
  ],
  [
    'includeClusterResources: null',
    { includedNamespaces: [SHOP], includeClusterResources: null as unknown as boolean },
    SHOP_ALL,
  ],
  [
    'includedClusterScopedResources',
    { includedNamespaces: [SHOP], includedClusterScopedResources: ['nodes'] },
    [...SHOP_ALL, 'nodes/bs-node'],
  ],
  [
    'includedClusterScopedResources: `*`',
    { includedNamespaces: [SHOP], includedClusterScopedResources: ['*'] },
    [...SHOP_ALL, `${CRB}/bs-ape`, `${CR}/bs-unused`, 'nodes/bs-node'],
  ],
  [
    'excludedClusterScopedResources',
    { includedNamespaces: [SHOP], excludedClusterScopedResources: ['pv', 'priorityclasses'] },
    SHOP_ALL.filter((item) => !/^(persistentvolumes|priorityclasses)/.test(item)),
  ],
  [
    'excludedClusterScopedResources: `*`',
    { includedNamespaces: [SHOP], excludedClusterScopedResources: ['*'] },
    IN_SHOP.filter((item) => item !== NAMESPACE),
  ],
  [
    'includedNamespaceScopedResources',
    { includedNamespaces: [SHOP], includedNamespaceScopedResources: ['configmaps'] },
    [NAMESPACE, ...CONFIG],
  ],
  [
    'includedNamespaceScopedResources: of the whole cluster, without its cluster-scoped objects',
    { includedNamespaceScopedResources: ['sa'] },
    [
      ...[NAMESPACE, ACCOUNT, ...RIGHTS],
      ...['namespaces/bs-zoo', 'serviceaccounts/bs-zoo/ape', `${CRB}/bs-ape`, `${CR}/bs-unused`],
    ],
  ],
  [
    'includedNamespaceScopedResources: one that has no namespace',
    { includedNamespaces: [SHOP], includedNamespaceScopedResources: ['nodes'] },
    [NAMESPACE],
  ],
  [
    'excludedNamespaceScopedResources',
    { includedNamespaces: [SHOP], excludedNamespaceScopedResources: ['pods', 'pvc'] },
    [NAMESPACE, ...CONFIG, KEY, ACCOUNT, ...RIGHTS],
  ],
  [
    'excludedNamespaceScopedResources: `*`',
    { includedNamespaces: [SHOP], excludedNamespaceScopedResources: ['*'] },
    [NAMESPACE],
  ],
  ['labelSelector', { includedNamespaces: [SHOP], labelSelector: WEB_LABEL }, WITH_WEB],
  [
    'labelSelector: of the whole cluster',
    { labelSelector: WEB_LABEL },
    [...WITH_WEB, 'namespaces/bs-zoo', 'configmaps/bs-zoo/settings'],
  ],
  [
    'labelSelector: an expression',
    {
      includedNamespaces: [SHOP],
      labelSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['db', 'nobody'] }] },
    },
    [NAMESPACE, KEY],
  ],
  [
    'labelSelector: a claim brings the pods that write to it, and its volume',
    { includedNamespaces: [SHOP], labelSelector: { matchLabels: { app: 'alone' } } },
    [NAMESPACE, `${PVCS}/other`, 'persistentvolumes/bs-other', 'pods/bs-shop/reader'],
  ],
  [
    'labelSelector: related objects still obey the resource filters',
    { includedNamespaces: [SHOP], labelSelector: WEB_LABEL, excludedNamespaceScopedResources: ['pvc'] },
    [NAMESPACE, SETTINGS, ACCOUNT, ...RIGHTS, 'pods/bs-shop/web', PRIORITY],
  ],
  [
    'labelSelector: a namespace by its own labels',
    { labelSelector: { matchLabels: { team: 'shipping' } } },
    [NAMESPACE],
  ],
  ['labelSelector: empty selects all', { includedNamespaces: [SHOP], labelSelector: {} }, SHOP_ALL],
  [
    'orLabelSelectors: any of them, each object once',
    {
      includedNamespaces: [SHOP],
      orLabelSelectors: [
        WEB_LABEL,
        { matchLabels: { app: 'db' } },
        { matchExpressions: [{ key: 'app', operator: 'Exists' }] },
      ],
      includedNamespaceScopedResources: ['configmaps', 'secrets'],
    },
    [NAMESPACE, SETTINGS, KEY],
  ],
];

describe('a backup selects by', () => {
  it.each(SELECTIONS)('%s', async (_field, spec, items) => {
    const { items: found } = await select(world, spec);
    expect(ours(found)).toEqual(sorted(items));
  });

  it('each object exactly once', async () => {
    const { items } = await select(world, {});
    expect(items).toEqual(sorted(items));
  });
});

describe('what is left out or named in vain', () => {
  it('is said: objects with the label', async () => {
    const { shards } = await select(world, { includedNamespaces: [SHOP] });
    expect(shards.flatMap(({ notes }) => notes)).toContainEqual({
      resource: 'configmaps',
      namespace: SHOP,
      name: 'secretive',
      message: 'it has label velero.io/exclude-from-backup=true',
    });
  });

  it('is said: namespaces and resource types that do not exist', async () => {
    const { problems } = await select(world, {
      includedNamespaces: [SHOP, 'bs-nowhere'],
      includedResources: ['configmaps', 'unicorns', 'volumesnapshots.snapshot.storage.k8s.io'],
    });
    expect(problems.map(({ severity, message }) => `${severity}: ${message}`)).toEqual([
      'error: fail to get the namespace bs-nowhere specified in backup.Spec.IncludedNamespaces: it does not exist',
      'warning: spec.includedResources: "unicorns" selects no resource type',
    ]);
  });

  it('is said: a type in the list of the other scope', async () => {
    const { problems } = await select(world, {
      includedNamespaces: [SHOP],
      includedClusterScopedResources: ['pods'],
      includedNamespaceScopedResources: ['nodes', 'configmaps'],
    });
    expect(problems.map(({ message }) => message)).toEqual([
      'spec.includedClusterScopedResources: "pods" selects no resource type',
      'spec.includedNamespaceScopedResources: "nodes" selects no resource type',
    ]);
  });

  it('is said: namespaces of Argo CD', async () => {
    const { problems } = await select(world, { includedNamespaces: [ZOO] });
    expect(problems).toMatchObject([
      { severity: 'warning', message: expect.stringContaining('Argo CD') as string },
    ]);
  });
});

describe('spec.orderedResources', () => {
  it('puts the named objects before the others of their type, in that order', async () => {
    const run = await createBackup(world, 'ordered', {
      includedNamespaces: [SHOP],
      orderedResources: {
        pods: `${SHOP}/web, ${SHOP}/helper`,
        persistentvolumes: 'bs-spare,bs-data',
        cm: `${SHOP}/settings`,
      },
    });
    const backup = await stored(world, await planned(world, run));
    expect(backup.result).toMatchObject({ phase: 'Completed', errors: 0, warnings: 1 });
    const names = (type: string) =>
      [...backup.contents.keys()]
        .map((path) => /^resources\/([^/]+)\/(?:cluster|namespaces\/[^/]+)\/(.+)\.json$/.exec(path))
        .filter((match) => match?.[1] === type)
        .map((match) => match?.[2]);
    expect(names('pods')).toEqual(['web', 'helper', 'reader']);
    expect(names('configmaps')[0]).toBe('settings');
    expect(ours(backup.items)).toEqual(sorted(SHOP_ALL));
    // Volumes are not listed in a backup of one namespace, so there is nothing to put in order.
    expect(backup.results.warnings.velero).toEqual([
      ' message: /spec.orderedResources: "persistentvolumes" is no resource type of this backup',
    ]);
  });

  it('warns of names that are not among the objects of the backup', async () => {
    const { problems, items } = await select(world, {
      includedNamespaces: [SHOP],
      includedResources: ['pods', 'configmaps'],
      labelSelector: WEB_LABEL,
      orderedResources: {
        pods: `${SHOP}/reader,${SHOP}/web,${ZOO}/web,web`,
        configmaps: `${SHOP}/secretive`,
        ghosts: 'a',
      },
    });
    expect(problems.map(({ message }) => message).sort()).toEqual([
      `Cannot find resource '${SHOP}/reader'.`,
      `Cannot find resource '${SHOP}/secretive'.`,
      `Cannot find resource '${ZOO}/web'.`,
      "Cannot find resource 'web'.",
      'spec.orderedResources: "ghosts" is no resource type of this backup',
    ]);
    expect(ours(items)).toEqual(sorted(['pods/bs-shop/web', SETTINGS]));
  });
});

describe('all versions of the API', () => {
  const scaler = object('autoscaling/v2', 'HorizontalPodAutoscaler', 'web', {
    namespace: SHOP,
    spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } },
  });
  const SCALERS = { group: 'autoscaling', version: 'v2', resource: 'horizontalpodautoscalers' };
  const folder = 'resources/horizontalpodautoscalers.autoscaling';
  const spec = { includedNamespaces: [SHOP], includedResources: ['hpa', 'configmaps'] };

  beforeAll(() => world.kube.create(SCALERS, SHOP, scaler));
  afterAll(() => world.kube.remove(SCALERS, SHOP, 'web'));

  it('are stored beside the preferred one when the worker is told to', async () => {
    const config = { allVersions: true };
    const run = await createBackup(world, 'versions', spec);
    const { contents, result } = await stored(world, await planned(world, run, { config }), { config });
    expect(result.phase).toBe('Completed');
    expect([...contents.keys()].filter((path) => path.startsWith(folder)).sort()).toEqual([
      `${folder}/namespaces/bs-shop/web.json`,
      `${folder}/v1/namespaces/bs-shop/web.json`,
      `${folder}/v2-preferredversion/namespaces/bs-shop/web.json`,
    ]);
    const of = (path: string) => JSON.parse(contents.get(path) ?? '{}') as { apiVersion: string };
    expect(of(`${folder}/v1/namespaces/bs-shop/web.json`).apiVersion).toBe('autoscaling/v1');
    expect(of(`${folder}/namespaces/bs-shop/web.json`).apiVersion).toBe('autoscaling/v2');
  });

  it('are not stored otherwise', async () => {
    const run = await createBackup(world, 'version', spec);
    const { contents } = await stored(world, await planned(world, run));
    expect([...contents.keys()].filter((path) => path.startsWith(folder)).sort()).toEqual([
      `${folder}/namespaces/bs-shop/web.json`,
      `${folder}/v2-preferredversion/namespaces/bs-shop/web.json`,
    ]);
  });
});

it('an object is stored as the API server has it', async () => {
  const run = await createBackup(world, 'verbatim', { includedNamespaces: [SHOP] });
  const { contents } = await stored(world, await planned(world, run));
  const node = await world.kube.get(GVRS.secrets, SHOP, 'key');
  const text = contents.get(`resources/secrets/namespaces/${SHOP}/key.json`) ?? '';
  expect(JSON.parse(text)).toEqual(node);
  expect(contents.get(`resources/secrets/v1-preferredversion/namespaces/${SHOP}/key.json`)).toBe(text);
  expect([...contents.keys()][0]).toBe('metadata/version');
});
