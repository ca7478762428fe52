import { Context } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import pLimit from 'p-limit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportShard } from '../../activities/backup/export.ts';
import type { Counted } from '../../contracts/activities.ts';
import type { ShardIndex } from '../../core/model.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { Gvr, ListOptions } from '../../platform/kube/types.ts';
import { getDoc } from '../../platform/store/documents.ts';
import { define, definition, GROUP, kubectl, object, removeDefinition } from '../support/backup-objects.ts';
import { createBackup, depsOf, exported, planned, select, stored } from '../support/backup-run.ts';
import { createWorld, namespaceObject, removeNamespace } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** Objects that are hard to store: for their content, their names, their size, their number. */

const [APP, OTHER, THIRD] = ['bo-app', 'bo-large', 'bo-many'];
const LONG = `bo-${'n'.repeat(60)}`;
const ALL = [APP, OTHER, THIRD, LONG];
const THINGS: Gvr = { group: GROUP, version: 'v1', resource: 'things' };

let world: World;

beforeAll(async () => {
  world = await createWorld('bo-control');
  await clean();
  for (const name of ALL) await world.kube.create(GVRS.namespaces, undefined, namespaceObject(name));
});

afterAll(async () => {
  await clean();
  await world.stop();
});

async function clean(): Promise<void> {
  await removeDefinition(world.kube, 'things');
  await Promise.all(ALL.map((name) => removeNamespace(world.kube, name)));
}

const configMap = (name: string, data: Record<string, string> = {}) =>
  object('v1', 'ConfigMap', name, { data });
const errorsOf = (problems: { severity: string }[]) =>
  problems.filter(({ severity }) => severity === 'error');

describe('objects that are hard to store', () => {
  it('with numbers beyond those of JavaScript are stored byte by byte', async () => {
    await define(world.kube, definition('things', 'Thing', ['v1']));
    const raw = (text: string) => (JSON as unknown as { rawJSON(text: string): object }).rawJSON(text);
    const numbers = [
      '9007199254740993',
      '-9223372036854775808',
      '1.0',
      '0.1',
      '1e-7',
      '123456789012345.67',
      '1e21',
    ];
    const odd = object(`${GROUP}/v1`, 'Thing', 'odd', {
      namespace: APP,
      spec: {
        numbers: numbers.map(raw),
        '10': 'ten',
        '9': 'nine',
        text: '<&>\u2028 ünï \ud83d\ude00',
        empty: [{}, [], null, ''],
      },
    });
    await world.kube.create(THINGS, APP, odd);
    const run = await createBackup(world, 'numbers', {
      includedNamespaces: [APP],
      includedResources: ['things'],
    });
    const { contents, result } = await stored(world, await planned(world, run));
    expect(result).toMatchObject({ phase: 'Completed', items: 1 });
    const path = `/apis/${GROUP}/v1/namespaces/${APP}/things/odd`;
    const served = await kubectl(world, 'get', '--raw', path);
    const written = contents.get(`resources/things.${GROUP}/namespaces/${APP}/odd.json`) ?? '';
    const digits = (text: string) => /"numbers":\[([^\]]*)\]/.exec(text)?.[1];
    expect(digits(served)).toContain('9007199254740993,-9223372036854775808');
    expect(digits(written)).toBe(digits(served));
    expect(JSON.parse(written)).toEqual(JSON.parse(served));
    await removeDefinition(world.kube, 'things');
  });

  it('for their names are stored, or refused one by one', async () => {
    const { kube } = world;
    const rbac = (name: string) => object('rbac.authorization.k8s.io/v1', 'Role', name, { rules: [] });
    const longest = 'a'.repeat(253);
    const names = [
      'system:odd:one',
      'with a space & ünïcode',
      'r'.repeat(1000),
      'line\nfeed',
      'x'.repeat(3990),
    ];
    await kube.create(GVRS.configmaps, LONG, configMap(longest));
    for (const name of names) await kube.create(GVRS.roles, LONG, rbac(name));
    const run = await createBackup(world, 'names', {
      includedNamespaces: [LONG],
      includedResources: ['configmaps', 'roles'],
    });
    const { contents, result, problems } = await stored(world, await planned(world, run));
    expect(result).toMatchObject({ phase: 'PartiallyFailed', errors: 2 });
    expect(errorsOf(problems)).toMatchObject([
      { code: 'ObjectRefused', namespace: LONG, name: 'line\nfeed' },
      { code: 'ObjectRefused', namespace: LONG, name: 'x'.repeat(3990) },
    ]);
    const folder = `resources/roles.rbac.authorization.k8s.io/namespaces/${LONG}`;
    for (const name of names.slice(0, 3)) expect(contents.has(`${folder}/${name}.json`)).toBe(true);
    expect(contents.has(`resources/configmaps/namespaces/${LONG}/${longest}.json`)).toBe(true);
    expect(contents.has(`resources/configmaps/v1-preferredversion/namespaces/${LONG}/${longest}.json`)).toBe(
      true,
    );
  });

  it('for their size do not fill the memory', async () => {
    const { kube } = world;
    const limit = pLimit(8);
    const count = 120;
    await Promise.all(
      Array.from({ length: count }, (_, at) =>
        limit(() =>
          kube.create(
            GVRS.configmaps,
            OTHER,
            configMap(`large-${at}`, { text: `${at}`.repeat(1_000_000 / `${at}`.length) }),
          ),
        ),
      ),
    );
    const run = await createBackup(world, 'large', {
      includedNamespaces: [OTHER],
      includedResources: ['configmaps'],
    });
    const ref = await planned(world, run);
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    let peak = 0;
    const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20);
    const { items, problems } = await exported(world, ref);
    clearInterval(timer);
    expect(problems).toEqual([]);
    expect(items.filter((item) => item.includes('/large-'))).toHaveLength(count);
    expect((peak - before) / 2 ** 20).toBeLessThan(400);
  });
});

describe('ten thousand objects of one type', () => {
  const COUNT = 10_000;

  beforeAll(async () => {
    await define(world.kube, definition('things', 'Thing', ['v1']));
    const limit = pLimit(16);
    await Promise.all(
      Array.from({ length: COUNT }, (_, at) =>
        limit(() =>
          world.kube.create(THINGS, THIRD, object(`${GROUP}/v1`, 'Thing', `t${at}`, { spec: { at } })),
        ),
      ),
    );
  });

  const spec = { includedNamespaces: [THIRD], includedResources: ['things'] };
  const expected = Array.from({ length: COUNT }, (_, at) => `things.${GROUP}/${THIRD}/t${at}`).sort();

  it('are all in the backup', async () => {
    const { items, problems } = await select(world, spec);
    expect(problems).toEqual([]);
    expect(items).toEqual(expected);
  });

  it('are read on from the last page when the worker was killed', async () => {
    const run = await createBackup(world, 'killed', spec);
    const ref = await planned(world, run);
    const asked: (string | undefined)[] = [];
    const kube = new Proxy(world.kube, {
      get(target, key) {
        const own = Reflect.get(target, key) as unknown;
        if (key !== 'pages') return typeof own === 'function' ? (own.bind(target) as unknown) : own;
        return (gvr: Gvr, options: ListOptions & { continue?: string }) => {
          asked.push(options.continue);
          return target.pages(gvr, options);
        };
      },
    });
    const attempt = async (details: unknown, pages: number) => {
      const environment = new MockActivityEnvironment({ heartbeatDetails: details });
      const heard: unknown[] = [details];
      environment.on('heartbeat', (beat: unknown) => {
        heard.push(beat);
        if (heard.length > pages) environment.cancel();
      });
      const deps = { ...depsOf(world), kube };
      const work = () =>
        exportShard(deps, { ...ref, shard: 0 }, Context.current().cancellationSignal, { details }, 0);
      const ended = (await environment.run(work).catch((error: unknown) => error)) as Counted | Error;
      return { ended, last: heard.at(-1) };
    };
    const first = await attempt(undefined, 5);
    expect(first.ended).toBeInstanceOf(Error);
    const second = await attempt(first.last, 7);
    expect(second.ended).toBeInstanceOf(Error);
    const third = await attempt(second.last, 1_000);
    expect(asked).toHaveLength(3);
    expect(asked[0]).toBeUndefined();
    expect(asked[1]).toBeTruthy();
    expect(asked[2]).toBeTruthy();
    const { items, doc } = third.ended as Counted;
    expect(items).toBe(COUNT);
    const { names } = await getDoc<ShardIndex>(world.store, doc);
    expect(names[`${GROUP}/v1/Thing`]?.map((name) => `things.${GROUP}/${name}`).sort()).toEqual(expected);
  });
});
