import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShardCollector } from '../../../../activities/backup/collector.ts';
import { takeRelated } from '../../../../activities/backup/related.ts';
import type { Deps } from '../../../../activities/support/deps.ts';
import type { BackupSpec } from '../../../../contracts/api/backup.ts';
import { withDefaults } from '../../../../core/backup/defaults.ts';
import { groupResource } from '../../../../core/model.ts';
import type { BackupPlan, ServedResource, ShardIndex } from '../../../../core/model.ts';
import { collectFact, noFacts } from '../../../../core/plan/facts.ts';
import { filtersOf } from '../../../../core/plan/resource-filter.ts';
import type { Gvr, KubeClient, KubeObject, ListOptions } from '../../../../platform/kube/types.ts';
import { getDoc } from '../../../../platform/store/documents.ts';
import type { ObjectStore } from '../../../../platform/store/types.ts';

const type = (resource: string, kind: string, namespaced: boolean, group = ''): ServedResource => ({
  ...{ group, version: 'v1', resource, kind, namespaced },
  ...{ singular: kind.toLowerCase(), shortNames: [] },
});
const RBAC = 'rbac.authorization.k8s.io';
const TYPES = {
  namespaces: type('namespaces', 'Namespace', false),
  pods: type('pods', 'Pod', true),
  claims: type('persistentvolumeclaims', 'PersistentVolumeClaim', true),
  volumes: type('persistentvolumes', 'PersistentVolume', false),
  accounts: type('serviceaccounts', 'ServiceAccount', true),
  bindings: type('clusterrolebindings', 'ClusterRoleBinding', false, RBAC),
  roles: type('clusterroles', 'ClusterRole', false, RBAC),
};

const GROUP_LABEL = 'velero.io/volume-group';
const EXCLUDED = { 'velero.io/exclude-from-backup': 'true' };

/** `pods/shop/p1`: what an object is called here. */
const keyOf = (ref: ServedResource, { namespace, name }: { namespace?: string; name: string }) =>
  [ref.resource, ...(namespace ? [namespace] : []), name].join('/');

interface Made {
  ref: ServedResource;
  object: KubeObject;
  /** By key; what may not exist is asked for all the same. */
  needs: string[];
}

interface Cluster {
  made: Map<string, Made>;
}

const NAMES = ['a', 'b', 'c'];
const NAMESPACES = ['shop', 'zoo'];
const places = NAMESPACES.flatMap((namespace) => NAMES.map((name) => ({ namespace, name })));
const subset = <T>(all: readonly T[]) => fc.subarray([...all]);

const clusters = fc.record({
  pods: fc.array(
    fc.record({
      at: fc.constantFrom(...places),
      claims: subset(NAMES),
      running: fc.boolean(),
      excluded: fc.boolean(),
    }),
    { maxLength: 5 },
  ),
  claims: fc.array(
    fc.record({
      at: fc.constantFrom(...places),
      volume: fc.constantFrom('', 'v1', 'v2', 'gone'),
      group: fc.constantFrom('', 'g1', 'g2'),
      excluded: fc.boolean(),
    }),
    { maxLength: 6 },
  ),
  accounts: subset(places),
  bindings: fc.array(
    fc.record({ to: fc.constantFrom(...places), role: fc.constantFrom('r1', 'r2', 'gone') }),
    {
      maxLength: 4,
    },
  ),
});

type Drawn = typeof clusters extends fc.Arbitrary<infer T> ? T : never;

class Builder {
  readonly made = new Map<string, Made>();

  add(ref: ServedResource, metadata: KubeObject['metadata'], rest: object = {}, needs: string[] = []): void {
    const namespace = metadata.namespace ? [`namespaces/${metadata.namespace}`] : [];
    this.made.set(keyOf(ref, metadata), {
      ref,
      object: { apiVersion: 'v1', kind: ref.kind, metadata, ...rest },
      needs: [...needs, ...namespace],
    });
  }

  addPod({ at, claims, running, excluded }: Drawn['pods'][number]): void {
    const volumes = claims.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
    this.add(
      TYPES.pods,
      { ...at, ...(excluded && { labels: EXCLUDED }) },
      { spec: { nodeName: 'n', volumes }, status: { phase: running ? 'Running' : 'Pending' } },
      claims.map((name) => keyOf(TYPES.claims, { namespace: at.namespace, name })),
    );
  }

  addClaim({ at, volume, group, excluded }: Drawn['claims'][number]): void {
    const labels = { ...(group && { [GROUP_LABEL]: group }), ...(excluded && EXCLUDED) };
    const spec = volume ? { volumeName: volume } : {};
    const needs = volume ? [`persistentvolumes/${volume}`] : [];
    this.add(
      TYPES.claims,
      { ...at, labels },
      { spec, status: { phase: volume ? 'Bound' : 'Pending' } },
      needs,
    );
  }
}

function build({ pods, claims, accounts, bindings }: Drawn): Cluster {
  const builder = new Builder();
  for (const name of NAMESPACES) builder.add(TYPES.namespaces, { name });
  for (const name of ['v1', 'v2']) builder.add(TYPES.volumes, { name });
  for (const name of ['r1', 'r2']) builder.add(TYPES.roles, { name });
  for (const pod of pods) builder.addPod(pod);
  for (const claim of claims) builder.addClaim(claim);
  for (const at of accounts) builder.add(TYPES.accounts, at);
  for (const [at, { to, role }] of bindings.entries()) {
    const rest = {
      roleRef: { kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'ServiceAccount', ...to }],
    };
    builder.add(TYPES.bindings, { name: `b${at}` }, rest);
  }
  return builder;
}

/** What is needed because somebody else points at it, said as directly as possible. */
function needsOf({ made }: Cluster, key: string): string[] {
  const { ref, object, needs } = made.get(key)!;
  const { namespace = '', name, labels = {} } = object.metadata;
  const all = [...made];
  if (ref === TYPES.accounts) {
    const mine = all.filter(
      ([, other]) =>
        other.ref === TYPES.bindings &&
        JSON.stringify(other.object).includes(`"namespace":"${namespace}","name":"${name}"`),
    );
    return [
      ...needs,
      ...mine.flatMap(([binding, other]) => [
        binding,
        `clusterroles/${(other.object as KubeObject & { roleRef: { name: string } }).roleRef.name}`,
      ]),
    ];
  }
  const bound = (object as KubeObject & { status?: { phase: string } }).status?.phase === 'Bound';
  if (ref !== TYPES.claims || !bound) return needs;
  const companions = all.filter(([, other]) => {
    if (other.object.metadata.namespace !== namespace) return false;
    if (other.ref === TYPES.pods)
      return other.needs.includes(key) && JSON.stringify(other.object).includes('"Running"');
    const group = labels[GROUP_LABEL];
    return (
      other.ref === TYPES.claims &&
      group !== undefined &&
      other.object.metadata.labels?.[GROUP_LABEL] === group
    );
  });
  return [...needs, ...companions.map(([other]) => other)];
}

function closure(cluster: Cluster, start: readonly string[]): Set<string> {
  const reached = new Set<string>(start);
  const open = [...start];
  for (let key = open.pop(); key !== undefined; key = open.pop()) {
    for (const next of needsOf(cluster, key)) {
      const found = cluster.made.get(next);
      if (!found || reached.has(next)) continue;
      if (found.object.metadata.labels?.['velero.io/exclude-from-backup']) continue;
      reached.add(next);
      open.push(next);
    }
  }
  return reached;
}

function kubeOf({ made }: Cluster): KubeClient {
  const list = async (gvr: Gvr, { namespace, labelSelector }: ListOptions = {}) =>
    [...made.values()]
      .filter(
        ({ ref, object }) =>
          ref.resource === gvr.resource && (!namespace || object.metadata.namespace === namespace),
      )
      .filter(({ object }) => !labelSelector || Object.hasOwn(object.metadata.labels ?? {}, labelSelector))
      .map(({ object }) => object);
  const find = async (gvr: Gvr, namespace: string | undefined, name: string) =>
    made.get([gvr.resource, ...(namespace ? [namespace] : []), name].join('/'))?.object;
  return { list, find } as unknown as KubeClient;
}

const objects = new Map<string, Buffer>();
const store = {
  put: async (key: string, body: Buffer | string) => void objects.set(key, Buffer.from(body)),
  get: async (key: string) => objects.get(key),
} as unknown as ObjectStore;

/** The shard of the objects that a selector chose. */
function shardOf({ made }: Cluster, keys: readonly string[]): ShardIndex {
  const shard: ShardIndex = { segments: [], names: {}, items: 0, facts: noFacts(), problems: [], notes: [] };
  for (const key of keys) {
    const { ref, object } = made.get(key)!;
    const { namespace, name } = object.metadata;
    const kind = `${ref.group ? `${ref.group}/` : ''}v1/${ref.kind}`;
    (shard.names[kind] ??= []).push(namespace ? `${namespace}/${name}` : name);
    collectFact(shard.facts, groupResource(ref), object);
  }
  return shard;
}

async function related(
  cluster: Cluster,
  keys: readonly string[],
  asked: BackupSpec,
  namespaces = NAMESPACES,
) {
  const spec = withDefaults(asked, { storageLocation: 'default', excludedNamespaces: [] });
  const collector = new ShardCollector({ store, scratch: 's/', shard: 'related', backup: 'b' });
  const plan: BackupPlan = {
    ...{ namespaces, wholeCluster: false, everything: false, filters: filtersOf(spec) },
    ...{ shards: [], resources: Object.values(TYPES), problems: [] },
  };
  const deps = { kube: kubeOf(cluster) } as Deps;
  const signal = new AbortController().signal;
  await takeRelated({ deps, plan, spec, collector, signal }, [shardOf(cluster, keys)]);
  const index = await getDoc<ShardIndex>(store, (await collector.finish()).doc);
  const kinds = new Map(
    Object.values(TYPES).map((ref) => [`${ref.group ? `${ref.group}/` : ''}v1/${ref.kind}`, ref.resource]),
  );
  const taken = Object.entries(index.names).flatMap(([kind, names]) =>
    names.map((name) => `${kinds.get(kind)}/${name}`),
  );
  return { taken, index };
}

/** A selector that chose whatever the test says it chose. */
const SELECTING: BackupSpec = { labelSelector: { matchLabels: { chosen: 'yes' } } };

const drawn = clusters.chain((draw) => {
  const cluster = build(draw);
  const selectable = [...cluster.made].filter(
    ([, { ref, object }]) => ref.namespaced && !object.metadata.labels?.['velero.io/exclude-from-backup'],
  );
  return fc.record({ cluster: fc.constant(cluster), chosen: subset(selectable.map(([key]) => key)) });
});

describe('what comes along with chosen objects', () => {
  it('is all that they need, and what that needs in turn, each once, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(drawn, async ({ cluster, chosen }) => {
        const { taken } = await related(cluster, chosen, SELECTING);
        expect(new Set(taken).size).toBe(taken.length);
        const all = closure(cluster, chosen);
        expect(taken.toSorted()).toEqual([...all].filter((key) => !chosen.includes(key)).toSorted());
      }),
      { numRuns: 300 },
    );
  });

  it('never is of a type or in a namespace that the filters leave out', async () => {
    const filters = fc.record(
      {
        excludedNamespaceScopedResources: subset(['pods', 'pvc']),
        excludedClusterScopedResources: subset(['persistentvolumes', '*']),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(drawn, filters, async ({ cluster, chosen }, asked) => {
        const mine = chosen.filter((key) => key.includes('/shop/'));
        const { taken } = await related(cluster, mine, { ...SELECTING, ...asked }, ['shop']);
        expect(taken.filter((key) => key.includes('zoo'))).toEqual([]);
        if (asked.excludedNamespaceScopedResources?.includes('pods'))
          expect(taken.filter((key) => key.startsWith('pods/'))).toEqual([]);
        const none = asked.excludedClusterScopedResources ?? [];
        const volumes = taken.filter((key) => key.startsWith('persistentvolumes/'));
        if (none.length > 0) expect(volumes).toEqual([]);
        if (none.includes('*')) expect(taken.filter((key) => key.split('/').length < 3)).toEqual([]);
      }),
    );
  });

  it('warns of what a pod or claim needs and nobody has', async () => {
    const cluster = build({
      pods: [{ at: { namespace: 'shop', name: 'a' }, claims: ['a', 'b'], running: true, excluded: false }],
      claims: [{ at: { namespace: 'shop', name: 'a' }, volume: 'gone', group: '', excluded: false }],
      accounts: [],
      bindings: [],
    });
    const { index } = await related(cluster, ['pods/shop/a'], SELECTING);
    expect(
      index.problems.map(({ severity, code, resource, name }) => `${severity} ${code} ${resource}/${name}`),
    ).toEqual(['warning ObjectGone persistentvolumeclaims/b', 'warning ObjectGone persistentvolumes/gone']);
  });

  it('tells volume planning of volumes that are not stored', async () => {
    const cluster = build({
      pods: [],
      claims: [{ at: { namespace: 'shop', name: 'a' }, volume: 'v1', group: '', excluded: false }],
      accounts: [],
      bindings: [],
    });
    const spec = { excludedClusterScopedResources: ['persistentvolumes'] };
    const { taken, index } = await related(cluster, ['persistentvolumeclaims/shop/a'], spec);
    expect(taken).toEqual(['namespaces/shop']);
    expect(index.facts.volumes.map(({ name }) => name)).toEqual(['v1']);
  });
});
