import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Backup } from '../../contracts/api/backup.ts';
import { loadTestImages } from '../../lab/image-commands.ts';
import { requireLab } from '../../lab/layout.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { podRuns } from '../support/application.ts';
import { annotated, fault, hookFactsOf, shell } from '../support/hooked.ts';
import { leftovers } from '../support/leftovers.ts';
import { scaled } from '../support/scale.ts';
import { until } from '../support/processes.ts';
import { apply, createWorld, ended, namespaceObject, removeNamespace, runToEnd } from '../support/world.ts';
import type { World } from '../support/world.ts';

/**
 * A database whose data and whose write-ahead log lie on two volumes, which the storage cuts three seconds apart, under
 * a load of writes: only the hooks make one state of the two.
 */

const APP = 'e2e-hdb-app';
const COPY = 'e2e-hdb-copy';
const CLIENTS = 8;

/** Holds still whatever could write, as freezing the file system would. */
const signalAll = (name: string) =>
  `for d in /proc/[0-9]*; do [ "$(cat $d/comm 2>/dev/null)" != postgres ] || kill -${name} \${d#/proc/}; done`;
const PRE = `psql -qc CHECKPOINT; ${signalAll('STOP')}; date +%s.%6N > /state/quiesced`;
const POST = `date +%s.%6N > /state/released; ${signalAll('CONT')}`;

/** What pgbench does by default, with the client in the history. */
const TRANSACTION = `\\set aid random(1, 100000 * :scale)
\\set bid random(1, 1 * :scale)
\\set tid random(1, 10 * :scale)
\\set delta random(-5000, 5000)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = :bid;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime, filler) VALUES (:tid, :bid, :aid, :delta, now(), :client_id);
END;
`;

const START = `
set -e
mkdir -p /var/run/postgresql; chown postgres:postgres /data /wal /var/run/postgresql
as="setpriv --reuid=postgres --regid=postgres --init-groups"
if [ ! -s $PGDATA/PG_VERSION ]; then
  $as initdb --waldir=/wal/pg_wal --data-checksums --username=postgres --auth=trust --locale=C.UTF-8 > /dev/null
fi
exec $as postgres -c listen_addresses= -c jit=off -c max_wal_size=128MB
`;

let world: World;

const sh = async (namespace: string, script: string, timeoutMs = 60_000) => {
  const result = await world.kube.exec(namespace, 'db', 'postgres', shell(script), { timeoutMs });
  if (result.exitCode !== 0) throw new Error(`${script}: ${result.stderr}`);
  return result.stdout.trim();
};
const query = (namespace: string, sql: string) => sh(namespace, `psql -XqAt -d bench -c '${sql}'`);

function pod(annotations: Record<string, string>) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'db', annotations },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'postgres',
          image: 'localhost/lab-postgres:15',
          imagePullPolicy: 'Never',
          command: shell(START),
          env: [{ name: 'PGDATA', value: '/data/pg' }],
          volumeMounts: ['data', 'wal', 'state'].map((name) => ({ name, mountPath: `/${name}` })),
        },
      ],
      volumes: [
        { name: 'data', persistentVolumeClaim: { claimName: 'pgdata' } },
        { name: 'wal', persistentVolumeClaim: { claimName: 'pgwal' } },
        { name: 'state', emptyDir: {} },
      ],
    },
  };
}

const claim = (name: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'caravel-csi',
    resources: { requests: { storage: '1Gi' } },
  },
});

const answers = async (namespace: string) =>
  await until(
    async () =>
      await sh(namespace, 'pg_isready -q').then(
        () => true,
        () => undefined,
      ),
    'the database answers',
  );

beforeAll(async () => {
  world = await createWorld('e2e-hdb');
  await loadTestImages(requireLab(world.env.CARAVEL_LAB), () => undefined);
  await removeNamespace(world.kube, APP);
  await world.kube.create(GVRS.namespaces, undefined, namespaceObject(APP));
  for (const name of ['pgdata', 'pgwal'])
    await world.kube.create(GVRS.persistentvolumeclaims, APP, claim(name));
  await world.kube.create(GVRS.pods, APP, pod({}));
  await podRuns(world, APP, 'db');
  await answers(APP);
  await sh(APP, `createdb bench && pgbench -q -i -s ${scaled(30, 5)} bench`);
  await world.startWorker();
});

afterAll(async () => {
  await fault(world, 'clear');
  await world?.stop([APP, COPY]);
});

/** Writes for so long; what was committed stands in files of pgbench, with the time at which it said so. */
async function beginLoad(seconds: number): Promise<void> {
  await sh(APP, `cat > /state/script <<'END'\n${TRANSACTION}END`);
  const bench = `pgbench -n -c ${CLIENTS} -j 2 -T ${seconds} -l --log-prefix=/state/tx -f /state/script bench`;
  await sh(APP, `rm -f /state/tx.* /state/quiesced /state/released; nohup ${bench} > /state/out 2>&1 &`);
  await delay(2_000);
}

/** Transactions that each client knew to be committed at that moment. */
async function committed(at: number): Promise<number[]> {
  const lines = (await sh(APP, 'cat /state/tx.*')).split('\n').map((line) => line.split(' ').map(Number));
  const counts = Array.from({ length: CLIENTS }, () => 0);
  for (const [client = 0, , , , seconds = 0, micros = 0] of lines)
    if (seconds + micros / 1e6 <= at) counts[client] = (counts[client] ?? 0) + 1;
  return counts;
}

const loadEnded = async () =>
  await until(
    async () => ((await sh(APP, 'cat /state/out')).includes('tps =') ? true : undefined),
    'the load ends',
  );

/** Between the two cuts a checkpoint: its place in the log is known to the data, which is cut last. */
async function backUp(name: string): Promise<Backup> {
  await fault(world, 'set', '{"call":"CreateSnapshot","match":"pgdata","delayMs":3000}');
  await apply(world, 'Backup', name, { includedNamespaces: [APP] });
  const between = async () => {
    const snapshots = await world.kube.list<{
      spec: { source: { persistentVolumeClaimName?: string } };
      status?: { readyToUse?: boolean };
    }>(GVRS.volumesnapshots, { namespace: APP });
    const wal = snapshots.find(({ spec }) => spec.source.persistentVolumeClaimName === 'pgwal');
    return wal?.status?.readyToUse ? true : undefined;
  };
  await until(between, 'the log is cut');
  await sh(APP, 'timeout 20 psql -qc CHECKPOINT');
  const backup = (await ended(world, 'Backup', name)) as Backup;
  await fault(world, 'clear');
  return backup;
}

async function restore(name: string): Promise<void> {
  await removeNamespace(world.kube, COPY);
  const run = await runToEnd(world, 'Restore', name, { backupName: name, namespaceMapping: { [APP]: COPY } });
  expect(run.status?.phase).toBe('Completed');
}

test('with hooks, the restored database holds every transaction that was committed before it held still, and is sound', async () => {
  const hooks = { ...annotated('pre', PRE, { 'on-error': 'Fail' }), ...annotated('post', POST) };
  await world.kube.patch(GVRS.pods, APP, 'db', { metadata: { annotations: hooks } }, { type: 'merge' });
  const before = await query(APP, 'select count(*) from pgbench_history');
  await beginLoad(45);
  const backup = await backUp('quiet');
  expect(backup.status).toMatchObject({ phase: 'Completed', hookStatus: { hooksAttempted: 2 } });
  expect(hookFactsOf(backup)[0]?.quiescedMs).toBeGreaterThan(3_000);
  await loadEnded();
  const acknowledged = await committed(Number(await sh(APP, 'cat /state/quiesced')));
  // The load went on afterwards: the application was released.
  const later = await committed(Infinity);
  expect(later.every((count, client) => count > (acknowledged[client] ?? 0))).toBe(true);
  expect(await committed(Number(await sh(APP, 'cat /state/released')))).toEqual(acknowledged);

  await restore('quiet');
  await answers(COPY);
  const held = await query(
    COPY,
    `select count(*) from pgbench_history where filler is not null group by trim(filler)::int order by trim(filler)::int`,
  );
  const counts = held.split('\n').map(Number);
  expect(before).toBe('0');
  // What was on its way may have reached the log before anybody was told.
  acknowledged.forEach((count, client) => {
    expect(counts[client]).toBeGreaterThanOrEqual(count);
    expect(counts[client]).toBeLessThanOrEqual(count + 1);
  });
  const sums = await query(
    COPY,
    'select sum(abalance) from pgbench_accounts union all select sum(tbalance) from pgbench_tellers union all select sum(bbalance) from pgbench_branches union all select sum(delta) from pgbench_history',
  );
  expect(new Set(sums.split('\n')).size).toBe(1);
  expect(await query(COPY, 'show data_checksums')).toBe('on');
  // Reads every page of tables and indexes.
  await sh(COPY, 'pg_amcheck -d bench --install-missing --heapallindexed', 120_000);
  expect(await leftovers(world)).toEqual([]);
});

test('without hooks, the same cut makes no database: the test above can fail', async () => {
  const none = Object.fromEntries(
    Object.keys({ ...annotated('pre', '', { 'on-error': '' }), ...annotated('post', '') }).map((key) => [
      key,
      null,
    ]),
  );
  await world.kube.patch(GVRS.pods, APP, 'db', { metadata: { annotations: none } }, { type: 'merge' });
  await beginLoad(15);
  const backup = await backUp('loud');
  expect(backup.status).toMatchObject({ phase: 'Completed', hookStatus: {} });
  await restore('loud');
  const failed = async () => {
    try {
      for await (const line of world.kube.logLines(COPY, 'db', { container: 'postgres' }))
        if (line.includes('could not locate a valid checkpoint record')) return true;
    } catch {
      // The container has not begun yet, or begins again.
    }
    return undefined;
  };
  await until(failed, 'the restored database refuses to start');
});
