import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { findBackup } from '../../../../activities/restore/find-backup.ts';
import type { Deps } from '../../../../activities/support/deps.ts';
import { TIMEOUTS } from '../../../../contracts/settings.ts';
import { renderBackup } from '../../../../core/format/backup-file.ts';
import { backupKeys } from '../../../../core/format/keys.ts';
import { GVRS } from '../../../../platform/kube/gvr.ts';
import type { Gvr } from '../../../../platform/kube/types.ts';

/** A store with one bucket for each location; some do not let anybody in. */

const DENIED = 'denied';
const MUTE = 'mute';
let buckets: Record<string, string[]>;
let server: Server;
let endpoint: string;
/** Somebody has asked the one that never answers. */
const heard = Promise.withResolvers<void>();

beforeAll(async () => {
  server = createServer(({ url = '', method }, response) => {
    const [bucket = '', ...rest] = new URL(url, 'http://store').pathname.slice(1).split('/');
    if (bucket === MUTE) return heard.resolve();
    const stored = buckets[bucket]?.map((name) => [backupKeys(name).metadata, name] as const);
    const name = new Map(stored).get(rest.join('/'));
    response.statusCode = bucket === DENIED ? 403 : name === undefined ? 404 : 200;
    if (name === undefined || bucket === DENIED) return response.end();
    const status = { phase: 'Completed', formatVersion: '1.1.0' };
    const body = renderBackup({ metadata: { name, namespace: 'velero' }, spec: {}, status });
    return response.end(method === 'HEAD' ? undefined : body);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.closeAllConnections());
beforeEach(() => (buckets = {}));

/** Nobody listens there. */
const DEAD = 'http://127.0.0.1:1';

interface Place {
  name: string;
  s3Url?: string;
  phase?: string;
}

function find(places: Place[]) {
  const locations = places.map(({ name, s3Url = endpoint, phase }, at) => ({
    apiVersion: 'velero.io/v1',
    kind: 'BackupStorageLocation',
    metadata: { name, namespace: 'velero' },
    spec: {
      provider: 'aws',
      default: at === 0,
      objectStorage: { bucket: name },
      config: { s3Url, region: 'x', s3ForcePathStyle: 'true' },
      credential: { name: 'keys', key: 'cloud' },
    },
    ...(phase && { status: { phase, message: 'closed for today' } }),
  }));
  const cloud = Buffer.from(
    '[default]\naws_access_key_id=the-key\naws_secret_access_key=the-secret\n',
  ).toString('base64');
  const kube = {
    list: async () => locations,
    find: async ({ resource }: Gvr, _namespace: string, name: string) =>
      resource === GVRS.secrets.resource
        ? { data: { cloud } }
        : locations.find(
            ({ metadata, kind }) => resource.startsWith(kind.toLowerCase()) && metadata.name === name,
          ),
  };
  return findBackup({ kube } as unknown as Deps, 'velero', { backupName: 'shop' });
}

test.each([
  ['first', [{ name: 'dead', s3Url: DEAD }, { name: 'here' }]],
  ['last', [{ name: 'here' }, { name: 'dead', s3Url: DEAD }]],
])('a location that does not answer keeps nobody from the others: it is the %s', async (_at, places) => {
  buckets = { here: ['shop'] };
  const found = await find(places);
  expect(found).toMatchObject({ name: 'shop', location: { resource: { metadata: { name: 'here' } } } });
});

test('found nowhere, while a location does not answer: it is tried again, and says why', async () => {
  const error = await find([{ name: 'empty' }, { name: 'dead', s3Url: DEAD }]).catch(
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: 'StoreUnavailable', retryable: true });
  expect((error as Error).message).toMatch(
    /^can't find backup velero\/shop \(spec\.backupName\) yet: location dead: head dead\/\S+: ECONNREFUSED.*; it is not in empty$/,
  );
  expect((error as { hint: string }).hint).toMatch(/goes on when the location answers/);
});

test('one that hangs is not waited for longer than the step lasts', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const looking = find([{ name: MUTE }]);
    const refused = expect(looking).rejects.toThrow(/location mute: no answer within 30 s/);
    await heard.promise;
    await vi.advanceTimersByTimeAsync(TIMEOUTS.locationAnswer);
    await refused;
  } finally {
    vi.useRealTimers();
  }
});

test('what else is wrong with locations stands beside that', async () => {
  const places = [{ name: 'dead', s3Url: DEAD }, { name: DENIED }];
  await expect(find(places)).rejects.toThrow(
    /location dead: .*; could not look into denied: StoreAccessDenied: /,
  );
});

test('one that is known to be Unavailable is not asked, and not waited for', async () => {
  const found = await find([{ name: 'dead', s3Url: DEAD, phase: 'Unavailable' }, { name: 'empty' }]);
  expect(found.errors).toEqual([
    "Error retrieving backup: can't find backup velero/shop (spec.backupName): not in any location (dead, empty); could not look into dead: The BSL dead is unavailable, cannot retrieve the backup: closed for today",
  ]);
});

test('the first of several that have it is taken', async () => {
  buckets = { one: ['shop'], two: ['shop'] };
  const found = await find([{ name: 'one' }, { name: 'two' }]);
  expect(found).toMatchObject({ location: { resource: { metadata: { name: 'one' } } } });
});
