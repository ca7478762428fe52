import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { createKubeClient } from '../../platform/kube/client.ts';
import { KubeWaitTimeout, isConflict, toCaravelError } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { parseJson, stringifyJson } from '../../platform/kube/json.ts';
import type { Gvr, KubeObject, WatchEvent } from '../../platform/kube/types.ts';
import { pauseImage } from '../../lab/cluster/configs.ts';
import { forgetVersions } from '../support/cluster.ts';
import { collect } from '../support/collect.ts';
import { startKubeRelay } from '../support/kube-relay.ts';

if (!process.env['KUBECONFIG']) {
  throw new Error(
    'KUBECONFIG is not set. Start the lab and use its environment: eval "$(npm run -s lab -- env)"',
  );
}

const kube = createKubeClient({ qps: 2000, burst: 2000 });
const run = randomBytes(4).toString('hex');
const namespace = `kube-client-${run}`;
const things: Gvr = { group: `t${run}.caravel.test`, version: 'v1', resource: 'things' };

const configMap = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}) => ({
  metadata: { name, labels },
  data,
});

interface ConfigMap extends KubeObject {
  data: Record<string, string>;
}

beforeAll(async () => {
  await kube.create(GVRS.namespaces, undefined, { metadata: { name: namespace } });
  await kube.create(GVRS.customresourcedefinitions, undefined, thingsDefinition());
  await kube.waitFor<KubeObject, true>(
    GVRS.customresourcedefinitions,
    undefined,
    `things.${things.group}`,
    (crd) =>
      JSON.stringify(crd?.['status'] ?? '').includes('"Established","status":"True"') || established(crd),
    { timeoutMs: 20_000 },
  );
});

afterAll(async () => {
  await kube.remove(GVRS.customresourcedefinitions, undefined, `things.${things.group}`);
  await kube.remove(GVRS.namespaces, undefined, namespace);
  await kube.close();
});

function established(crd: KubeObject | undefined): true | undefined {
  const { conditions = [] } = (crd?.['status'] ?? {}) as { conditions?: { type: string; status: string }[] };
  return conditions.some(({ type, status }) => type === 'Established' && status === 'True') || undefined;
}

function thingsDefinition() {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    metadata: { name: `things.${things.group}` },
    spec: {
      group: things.group,
      scope: 'Namespaced',
      names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
      versions: [{ name: 'v1', served: true, storage: true, schema, subresources: { status: {} } }],
    },
  };
}

describe('objects', () => {
  it('keep 64-bit integers and odd keys through create, get, list, watch and replace', async () => {
    const spec = '{"__proto__":{"x":1},"big":9223372036854775807,"deep":[{"neg":-9007199254740993}],"f":0.1}';
    const text = `{"apiVersion":"${things.group}/v1","kind":"Thing","metadata":{"name":"big"},"spec":${spec}}`;
    const sorted = (object: KubeObject) => stringifyJson(object['spec']);
    const created = await kube.create(things, namespace, parseJson<object>(text));
    expect(sorted(created)).toBe(spec);
    expect(sorted(await kube.get(things, namespace, 'big'))).toBe(spec);
    const [listed] = await kube.list(things, { namespace });
    expect(sorted(listed!)).toBe(spec);
    const replaced = await kube.replace(things, namespace, { ...listed!, note: 'x' });
    expect(sorted(replaced)).toBe(spec);
    const seen = await kube.waitFor<KubeObject, string>(
      things,
      namespace,
      'big',
      (thing) => thing && sorted(thing),
      {
        timeoutMs: 5000,
      },
    );
    expect(seen).toBe(spec);
  });

  it('are found, ensured and removed', async () => {
    expect(await kube.find(GVRS.configmaps, namespace, 'a')).toBeUndefined();
    const first = await kube.ensure<ConfigMap>(GVRS.configmaps, namespace, configMap('a', { x: '1' }));
    const second = await kube.ensure<ConfigMap>(GVRS.configmaps, namespace, configMap('a', { x: '2' }));
    expect([first.created, second.created]).toEqual([true, false]);
    expect(second.object).toEqual(first.object);
    expect(first.object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { x: '1' } });
    expect(await kube.remove(GVRS.configmaps, namespace, 'a', { uid: 'another' })).toBe(false);
    expect(await kube.remove(GVRS.configmaps, namespace, 'a', { uid: first.object.metadata.uid! })).toBe(
      true,
    );
    expect(await kube.remove(GVRS.configmaps, namespace, 'a')).toBe(false);
  });

  it('refuse a writer that comes too late', async () => {
    const { object } = await kube.ensure<ConfigMap>(GVRS.configmaps, namespace, configMap('late'));
    await kube.replace(GVRS.configmaps, namespace, { ...object, data: { x: '1' } });
    const late = await kube.replace(GVRS.configmaps, namespace, object).catch((error: unknown) => error);
    expect(isConflict(late)).toBe(true);
    expect(toCaravelError(late)).toMatchObject({ code: 'KubeConflict', retryable: true });
    const version = object.metadata.resourceVersion!;
    await expect(
      kube.remove(GVRS.configmaps, namespace, 'late', { resourceVersion: version }),
    ).rejects.toMatchObject({ code: 409 });
  });

  it('are ensured although the quota is used up', async () => {
    const name = `quota-${run}`;
    await kube.create(GVRS.namespaces, undefined, { metadata: { name } });
    await kube.ensure(GVRS.secrets, name, configMap('first'));
    await kube.create(GVRS.resourcequotas, name, {
      metadata: { name: 'none-left' },
      spec: { hard: { 'count/secrets': '1' } },
    });
    await kube.waitFor<KubeObject, true>(
      GVRS.resourcequotas,
      name,
      'none-left',
      (quota) => ((quota?.['status'] as { used?: object } | undefined)?.used ? true : undefined),
      { timeoutMs: 20_000 },
    );
    expect((await kube.ensure(GVRS.secrets, name, configMap('first'))).created).toBe(false);
    const refused = await kube
      .ensure(GVRS.secrets, name, configMap('second'))
      .catch((error: unknown) => error);
    expect(toCaravelError(refused)).toMatchObject({ code: 'QuotaExceeded', retryable: false });
    await kube.remove(GVRS.namespaces, undefined, name);
  });

  it('take merge, JSON and apply patches, and those of a subresource', async () => {
    await kube.ensure(GVRS.configmaps, namespace, configMap('p', { keep: '1', drop: '2' }));
    const merged = await kube.patch<ConfigMap>(GVRS.configmaps, namespace, 'p', {
      data: { drop: null, add: '3' },
    });
    expect(merged.data).toEqual({ keep: '1', add: '3' });
    const operations = [
      { op: 'test', path: '/data/keep', value: '1' },
      { op: 'replace', path: '/data/keep', value: '4' },
    ];
    const replaced = await kube.patch<ConfigMap>(GVRS.configmaps, namespace, 'p', operations, {
      type: 'json',
    });
    expect(replaced.data).toEqual({ keep: '4', add: '3' });
    const repeated = kube.patch(GVRS.configmaps, namespace, 'p', operations, { type: 'json' });
    await expect(repeated).rejects.toMatchObject({ code: 422 });

    const applied = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'q' }, data: { mine: '1' } };
    const apply = (fieldManager: string, data: object, force?: boolean) =>
      kube.patch<ConfigMap>(
        GVRS.configmaps,
        namespace,
        'q',
        { ...applied, data },
        {
          type: 'apply',
          fieldManager,
          ...(force !== undefined && { force }),
        },
      );
    await apply('one', { mine: '1' });
    await expect(apply('two', { mine: '2' })).rejects.toMatchObject({ code: 409, reason: 'Conflict' });
    expect((await apply('two', { mine: '2' }, true)).data).toEqual({ mine: '2' });

    await kube.ensure(things, namespace, {
      apiVersion: `${things.group}/v1`,
      kind: 'Thing',
      metadata: { name: 's' },
    });
    const status = { status: { phase: 'Ready' } };
    expect((await kube.patch(things, namespace, 's', status))['status']).toBeUndefined();
    expect((await kube.patch(things, namespace, 's', status, { subresource: 'status' }))['status']).toEqual(
      status.status,
    );
  });

  it('that the server refuses have the code of the catalogue', async () => {
    const bad = await kube
      .create(GVRS.configmaps, namespace, configMap('Bad Name'))
      .catch((error: unknown) => error);
    expect(bad).toMatchObject({ code: 422, reason: 'Invalid', causes: [{ field: 'metadata.name' }] });
    expect(toCaravelError(bad)).toMatchObject({ code: 'KubeInvalid' });
    const nobody = await impersonating('nobody');
    const refused = await nobody.client.list(GVRS.secrets, { namespace }).catch((error: unknown) => error);
    expect(toCaravelError(refused)).toMatchObject({ code: 'KubeForbidden', retryable: false });
    const watch = collect(nobody.client.watch(GVRS.secrets, { signal: AbortSignal.timeout(5000) }));
    await expect(watch).rejects.toMatchObject({ code: 403 });
    await nobody.close();
  });
});

/** A client that acts as another user. */
async function impersonating(user: string) {
  const folder = await mkdtemp(join(tmpdir(), 'kube-client-'));
  const config = parse(await readFile(process.env['KUBECONFIG']!, 'utf8')) as {
    users: { user: { as?: string } }[];
  };
  for (const entry of config.users) entry.user.as = user;
  await writeFile(join(folder, 'kubeconfig'), stringify(config));
  const client = createKubeClient({ kubeconfigPath: join(folder, 'kubeconfig') });
  const close = async () => {
    await client.close();
    await rm(folder, { recursive: true });
  };
  return { client, close };
}

describe('lists', () => {
  it('come in pages, whole and in order', async () => {
    const names = Array.from({ length: 1200 }, (_, i) => `page-${String(i).padStart(4, '0')}`);
    await Promise.all(
      names.map((name) => kube.create(GVRS.configmaps, namespace, configMap(name, {}, { page: 'yes' }))),
    );
    const pages = await collect(kube.pages(GVRS.configmaps, { namespace, labelSelector: 'page=yes' }));
    expect(pages.map(({ items }) => items.length)).toEqual([500, 500, 200]);
    expect(pages.flatMap(({ items }) => items.map(({ metadata }) => metadata.name))).toEqual(names);
    expect(new Set(pages.map(({ resourceVersion }) => resourceVersion)).size).toBe(1);
    expect(pages[0]?.items[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });

    const resumed = await collect(
      kube.pages(GVRS.configmaps, {
        namespace,
        labelSelector: 'page=yes',
        continue: pages[0]!.continue,
        limit: 400,
      }),
    );
    expect(resumed.flatMap(({ items }) => items.map(({ metadata }) => metadata.name))).toEqual(
      names.slice(500),
    );
    expect(await kube.list(GVRS.configmaps, { namespace, labelSelector: 'page=yes' })).toHaveLength(1200);
  });

  it('throw for a continue token that is no longer valid', async () => {
    // A young cluster still has its first version until it is told to forget it.
    await forgetVersions(kube);
    const token = Buffer.from('{"v":"meta.k8s.io/v1","rv":1,"start":"a\\u0000"}').toString('base64url');
    const error = await collect(kube.pages(GVRS.configmaps, { namespace, continue: token })).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({
      code: expect.toSatisfy((code) => [400, 410].includes(code as number)) as number,
    });
  });

  it('of what is served leave out subresources and mark the preferred version', async () => {
    const { resources, failures } = await kube.discover();
    expect(failures).toEqual([]);
    const named = (name: string) => resources.filter(({ resource }) => resource === name);
    expect(named('pods')).toMatchObject([
      { group: '', kind: 'Pod', namespaced: true, preferred: true, shortNames: ['po'] },
    ]);
    expect(named('things')).toMatchObject([{ ...things, kind: 'Thing', singular: 'thing', preferred: true }]);
    expect(named('horizontalpodautoscalers').map(({ version, preferred }) => [version, preferred])).toEqual([
      ['v2', true],
      ['v1', false],
    ]);
    expect(resources.filter(({ resource }) => resource.includes('/'))).toEqual([]);
    expect((await kube.version()).major).toBe('1');
  });
});

describe('waitFor', () => {
  it('returns within milliseconds of the change', async () => {
    await kube.ensure(GVRS.configmaps, namespace, configMap('wait'));
    const delays: number[] = [];
    for (let i = 0; i < 5; i++) {
      const seen = kube.waitFor<ConfigMap, number>(
        GVRS.configmaps,
        namespace,
        'wait',
        (map) => (map?.data?.['n'] === String(i) ? performance.now() : undefined),
        { timeoutMs: 10_000 },
      );
      await new Promise((resolve) => setTimeout(resolve, 100));
      await kube.patch(GVRS.configmaps, namespace, 'wait', { data: { n: String(i) } });
      const written = performance.now();
      delays.push((await seen) - written);
    }
    console.log('waitFor after the write, ms:', delays.map((ms) => ms.toFixed(1)).join(' '));
    expect(delays.toSorted((a, b) => a - b)[2]).toBeLessThan(50);
  });

  it('sees the end of an object, and gives up in time', async () => {
    await kube.ensure(GVRS.configmaps, namespace, configMap('end'));
    const ended = kube.waitFor(GVRS.configmaps, namespace, 'end', (map) => map === undefined || undefined, {
      timeoutMs: 10_000,
    });
    await kube.remove(GVRS.configmaps, namespace, 'end');
    expect(await ended).toBe(true);
    const never = kube.waitFor(GVRS.configmaps, namespace, 'end', (map) => map, { timeoutMs: 200 });
    await expect(never).rejects.toThrow(KubeWaitTimeout);
  });
});

describe('watch', () => {
  it('goes on over cut connections, telling each change once', async () => {
    const relay = await startKubeRelay();
    const client = createKubeClient({ kubeconfigPath: relay.kubeconfigPath });
    const stop = new AbortController();
    const seen: string[] = [];
    const told = ({ type, object }: WatchEvent) => (object ? `${type} ${object.metadata.name}` : type);
    const ended = (async () => {
      const options = { namespace, labelSelector: 'watch=yes', signal: stop.signal };
      for await (const event of client.watch(GVRS.configmaps, options)) seen.push(told(event));
    })();
    const make = (name: string) =>
      kube.create(GVRS.configmaps, namespace, configMap(name, {}, { watch: 'yes' }));
    const watching = (count: number) =>
      expect
        .poll(() => relay.passed.filter((url) => url.includes('watch=true')).length, { timeout: 5000 })
        .toBe(count);

    await watching(1);
    await make('w1');
    await expect.poll(() => seen, { timeout: 5000 }).toEqual(['SYNCED', 'ADDED w1']);

    relay.cut();
    await make('w2');
    await watching(2);
    await expect.poll(() => seen.slice(2), { timeout: 5000 }).toEqual(['ADDED w2']);

    relay.cut();
    await kube.remove(GVRS.configmaps, namespace, 'w1');
    await make('w3');
    await expect.poll(() => seen.slice(3), { timeout: 5000 }).toEqual(['DELETED w1', 'ADDED w3']);

    stop.abort();
    await ended;
    await client.close();
    await relay.close();
  });
});

describe('withSignal', () => {
  it('ends every call of the client made from it, and of no other', async () => {
    const stop = new AbortController();
    const tied = kube.withSignal(stop.signal);
    const waiting = tied.waitFor(GVRS.configmaps, namespace, 'never', (map) => map, { timeoutMs: 60_000 });
    const watching = collect(tied.watch(GVRS.configmaps, { namespace, signal: AbortSignal.timeout(60_000) }));
    expect(await tied.find(GVRS.configmaps, namespace, 'never')).toBeUndefined();
    setTimeout(() => stop.abort(new Error('cancelled')), 3_000);
    await expect(waiting).rejects.toThrow('cancelled');
    expect((await watching).some(({ type }) => type === 'SYNCED')).toBe(true);
    await expect(tied.get(GVRS.namespaces, undefined, namespace)).rejects.toThrow('cancelled');
    expect((await kube.get(GVRS.namespaces, undefined, namespace)).metadata.name).toBe(namespace);
  });
});

describe('connections', () => {
  it('are few', async () => {
    const relay = await startKubeRelay();
    const client = createKubeClient({ kubeconfigPath: relay.kubeconfigPath });
    for (let i = 0; i < 50; i++) await client.get(GVRS.namespaces, undefined, namespace);
    expect(relay.sockets).toBeLessThanOrEqual(2);
    await Promise.all(Array.from({ length: 200 }, () => client.get(GVRS.namespaces, undefined, namespace)));
    expect(relay.sockets).toBeLessThanOrEqual(16);
    await client.close();
    await relay.close();
  });
});

const nodes = await kube.list(GVRS.nodes);

describe.skipIf(nodes.length === 0)('pods', () => {
  beforeAll(async () => {
    await kube.waitFor(GVRS.serviceaccounts, namespace, 'default', (account) => account, {
      timeoutMs: 20_000,
    });
  });

  const pod = (name: string, script: string) => ({
    metadata: { name },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'main',
          image: pauseImage,
          imagePullPolicy: 'Never',
          command: ['/bin/busybox', 'sh', '-c', script],
        },
      ],
    },
  });
  const phase = (name: string, ...phases: string[]) =>
    kube.waitFor<KubeObject, string>(
      GVRS.pods,
      namespace,
      name,
      (object) => phases.find((wanted) => (object?.['status'] as { phase?: string })?.phase === wanted),
      { timeoutMs: 60_000 },
    );

  it('give their log line by line, until they end', async () => {
    await kube.create(
      GVRS.pods,
      namespace,
      pod('log', 'for i in 1 2 3; do echo "zeile ä $i"; sleep 0.3; done; printf last'),
    );
    await phase('log', 'Running', 'Succeeded');
    const lines = collect(kube.logLines(namespace, 'log', { container: 'main', follow: true }));
    expect(await lines).toEqual(['zeile ä 1', 'zeile ä 2', 'zeile ä 3', 'last']);
    expect(await collect(kube.logLines(namespace, 'log', { tailLines: 2 }))).toEqual(['zeile ä 3', 'last']);
    await expect(collect(kube.logLines(namespace, 'none'))).rejects.toMatchObject({ code: 404 });
  });

  it('run commands', async () => {
    await kube.create(GVRS.pods, namespace, pod('exec', 'echo ready; sleep 300'));
    await phase('exec', 'Running');
    for await (const line of kube.logLines(namespace, 'exec', { follow: true })) if (line === 'ready') break;
    const exec = (command: string[], options = {}) => kube.exec(namespace, 'exec', 'main', command, options);
    expect(await exec(['/bin/busybox', 'sh', '-c', 'echo "grün"; echo oops >&2; exit 3'])).toEqual({
      exitCode: 3,
      stdout: 'grün\n',
      stderr: 'oops\n',
    });
    expect(await exec(['/bin/busybox', 'echo', 'a b', '', '$HOME'])).toMatchObject({
      exitCode: 0,
      stdout: 'a b  $HOME\n',
    });
    const text = 'line\n'.repeat(20_000);
    expect(await exec(['/bin/busybox', 'wc', '-c'], { stdin: text })).toMatchObject({
      exitCode: 0,
      stdout: `${text.length}\n`,
    });
    expect(await exec(['/bin/busybox', 'sh', '-c', 'head -c 3000000 /dev/zero | tr "\\0" x'])).toMatchObject({
      exitCode: 0,
      stdout: 'x'.repeat(1024 * 1024),
      truncated: true,
    });
    const started = performance.now();
    await expect(exec(['/bin/busybox', 'sleep', '60'], { timeoutMs: 500 })).rejects.toMatchObject({
      code: 0,
      reason: 'Timeout',
    });
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('refuse what cannot be run, and say why', async () => {
    const missing = kube.exec(namespace, 'exec', 'main', ['/no/such/program']);
    await expect(missing).rejects.toThrow(/no such file|not found/i);
    await expect(kube.exec(namespace, 'exec', 'none', ['ls'])).rejects.toThrow(/container/);
    await expect(kube.exec(namespace, 'none', 'main', ['ls'])).rejects.toMatchObject({
      code: 404,
      reason: 'NotFound',
    });
  });
});
