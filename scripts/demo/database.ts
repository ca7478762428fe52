import type { KubeClient } from '../../platform/kube/types.ts';
import { runIn } from './pods.ts';
import type { Tell } from './screen.ts';

/** The data in the database: three tables, about 330 MB with their indexes. */

interface Table {
  name: string;
  columns: string;
  /** Values of row `n`. */
  values: string;
  rows: number;
}

const DAY = "timestamptz '2025-01-01 00:00:00+00'";

const TABLES: Table[] = [
  {
    name: 'customers',
    columns: 'id bigint PRIMARY KEY, name text, email text, city text, note text',
    values: `n, 'Customer ' || n, md5('mail' || n) || '@example.org', 'Straße ' || n % 977, md5('note' || n)`,
    rows: 200_000,
  },
  {
    name: 'orders',
    columns: 'id bigint PRIMARY KEY, customer bigint, placed timestamptz, total numeric, reference text',
    values: `n, 1 + n % 200000, ${DAY} + n * interval '31 seconds', (n % 99999) / 100.0, md5('order' || n)`,
    rows: 800_000,
  },
  {
    name: 'events',
    columns: 'id bigint PRIMARY KEY, subject bigint, kind text, payload text',
    values: `n, 1 + n % 800000, 'kind-' || n % 13, md5('event' || n) || md5(n || 'event')`,
    rows: 1_200_000,
  },
];

/** Rows in one statement, so that progress can be shown. */
const BATCH = 200_000;

const PSQL = 'psql -X -q -A -t -v ON_ERROR_STOP=1 -U postgres -d shop';

const psql = (kube: KubeClient, namespace: string, sql: string, signal?: AbortSignal): Promise<string> =>
  runIn(kube, namespace, 'database', [...PSQL.split(' '), '-c', sql], { ...(signal && { signal }) });

export async function fillTables(
  kube: KubeClient,
  namespace: string,
  tell: Tell,
  signal: AbortSignal,
): Promise<number> {
  for (const { name, columns, values, rows } of TABLES) {
    await psql(kube, namespace, `CREATE TABLE ${name} (${columns})`, signal);
    for (let from = 1; from <= rows; from += BATCH) {
      const to = Math.min(rows, from + BATCH - 1);
      tell(`${name}: ${from - 1} of ${rows} rows`);
      const select = `SELECT ${values} FROM generate_series(${from}::bigint, ${to}::bigint) AS n`;
      await psql(kube, namespace, `INSERT INTO ${name} ${select}`, signal);
    }
  }
  await psql(kube, namespace, 'VACUUM ANALYZE', signal);
  const bytes = Number(await psql(kube, namespace, "SELECT pg_database_size('shop')", signal));
  tell(`${TABLES.length} tables, ${TABLES.reduce((sum, { rows }) => sum + rows, 0)} rows`);
  return bytes;
}

/** Number of rows and checksum of every table's whole content in the order of its key, computed inside the pod. */
export async function tableSums(
  kube: KubeClient,
  namespace: string,
  tell: Tell,
  signal: AbortSignal,
): Promise<[string, string][]> {
  const sums: [string, string][] = [];
  for (const { name } of TABLES) {
    tell(`table ${name}`);
    const copy = `${PSQL} -c "COPY (SELECT * FROM ${name} ORDER BY id) TO STDOUT" | sha256sum`;
    const output = await runIn(kube, namespace, 'database', ['bash', '-o', 'pipefail', '-c', copy], {
      signal,
    });
    const rows = await psql(kube, namespace, `SELECT count(*) FROM ${name}`, signal);
    sums.push([`table ${name}`, `${rows.trim()} rows, sha256 ${output.slice(0, 64)}`]);
  }
  return sums;
}
