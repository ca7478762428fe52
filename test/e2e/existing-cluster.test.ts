import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { labEnv } from '../../lab/env.ts';
import { createKubeClient } from '../../platform/kube/client.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { lab } from '../support/lab-command.ts';
import { emptyStore, openStore, removeNamespace } from '../support/world.ts';

/** Caravel and its demonstration in a cluster that is only known by its kubeconfig, here that of the lab. */

const NAMESPACE = 'e2e-existing';
const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const env = labEnv();
const folder = mkdtempSync(join(tmpdir(), 'caravel-existing-'));
const kubeconfig = join(folder, 'kubeconfig');

let kube: KubeClient;

interface Said {
  code: number;
  text: string;
}

/** With these variables, and none of the lab's. */
async function node(args: string[], variables: Record<string, string> = {}): Promise<Said> {
  const names = new Set([...Object.keys(env), 'CARAVEL_IMAGE']);
  const rest = Object.fromEntries(Object.entries(process.env).filter(([name]) => !names.has(name)));
  const options = { cwd: ROOT, env: { ...rest, ...variables }, maxBuffer: 64 * 2 ** 20 };
  try {
    const { stdout, stderr } = await run(process.execPath, args, options);
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    const {
      code = 1,
      stdout = '',
      stderr = '',
    } = error as { code?: number; stdout?: string; stderr?: string };
    return { code, text: stdout + stderr };
  }
}

const variables = {
  CARAVEL_IMAGE: env.CARAVEL_IMAGE ?? '',
  TEMPORAL_ADDRESS: env.TEMPORAL_ADDRESS,
  S3_ENDPOINT: env.S3_ENDPOINT,
  S3_ACCESS_KEY_ID: env.S3_ACCESS_KEY_ID,
  S3_SECRET_ACCESS_KEY: env.S3_SECRET_ACCESS_KEY,
  S3_BUCKET: env.S3_BUCKET_2,
  STORE_CIDR: env.STORE_CIDR,
  STORE_PORT: env.STORE_PORT,
  CONTROL_NAMESPACE: NAMESPACE,
  CARAVEL_CLUSTER: NAMESPACE,
  CARAVEL_TASK_QUEUE: NAMESPACE,
};

async function clean(): Promise<void> {
  await removeNamespace(kube, NAMESPACE);
  for (const { metadata } of await kube.list<KubeObject>(GVRS.clusterrolebindings))
    if (metadata.name.endsWith(`-${NAMESPACE}`))
      await kube.remove(GVRS.clusterrolebindings, undefined, metadata.name);
  const store = openStore(env, env.S3_BUCKET_2, '');
  await emptyStore(store);
  store.close();
}

beforeAll(async () => {
  copyFileSync(env.KUBECONFIG, kubeconfig);
  kube = createKubeClient({ kubeconfigPath: kubeconfig });
  await clean();
  await lab({ env }, 'images');
});

afterAll(async () => {
  await clean();
  await kube.close();
  rmSync(folder, { recursive: true });
});

test('everything that is missing is named at once', async () => {
  const { code, text } = await node(['lab/main.ts', 'deploy', '--kubeconfig', kubeconfig], {
    TEMPORAL_ADDRESS: 'temporal:7233',
  });
  expect(code).toBe(1);
  for (const name of ['CARAVEL_IMAGE', 'S3_ENDPOINT', 'S3_SECRET_ACCESS_KEY', 'STORE_PORT'])
    expect(text).toContain(name);
  expect(text).not.toContain('TEMPORAL_ADDRESS');
  const nowhere = await node(['lab/main.ts', 'env', '--kubeconfig', '/no/such/file'], variables);
  expect(nowhere).toMatchObject({ code: 1, text: expect.stringContaining('there is no file /no/such/file') });
});

test('the environment of a cluster can be read by a shell', async () => {
  const odd = { ...variables, S3_SECRET_ACCESS_KEY: "it's $HOME" };
  const { text } = await node(['lab/main.ts', 'env', '--kubeconfig', kubeconfig], odd);
  const script = `eval "$1"; printf '%s\\n' "$KUBECONFIG" "$S3_SECRET_ACCESS_KEY" "$TEMPORAL_NAMESPACE"`;
  const { stdout } = await run('bash', ['-c', script, 'bash', text]);
  expect(stdout.trim().split('\n')).toEqual([kubeconfig, "it's $HOME", 'default']);
});

test('Caravel is deployed there, and the demonstration restores its application identically', async () => {
  const deployed = await node(['lab/main.ts', 'deploy', '--kubeconfig', kubeconfig], variables);
  expect(deployed).toMatchObject({ code: 0 });
  const found = await kube.get<KubeObject & { status: { readyReplicas: number } }>(
    GVRS.deployments,
    NAMESPACE,
    'caravel',
  );
  expect(found.status.readyReplicas).toBe(2);
  const images = { DEMO_POSTGRES_IMAGE: 'localhost/lab-postgres:15', DEMO_WEB_IMAGE: 'localhost/lab-web:1' };
  const demo = await node(['scripts/demo.ts', '--kubeconfig', kubeconfig], {
    ...variables,
    ...images,
    DEMO_STORAGE_CLASS: 'caravel-csi',
  });
  expect(demo).toMatchObject({ code: 0, text: expect.stringContaining('is identical to the one') });
  expect(demo.text).toMatch(/hooks of shop\/database-0 +1 run, 0 failed/);
  for (const name of ['shop', 'shop-restored'])
    expect(await kube.find(GVRS.namespaces, undefined, name)).toBeUndefined();
});
