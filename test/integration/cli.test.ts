import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { GVR, type Backup } from '../../contracts/api/index.ts';
import { labEnv } from '../../lab/env.ts';
import type { KubeClient } from '../../platform/kube/types.ts';
import { applyCrds, connectKube, kubeconfig, makeNamespace, removeNamespace } from '../support/cluster.ts';

const MAIN = join(import.meta.dirname, '../../client/main.ts');
/** Nobody listens there. */
const NOWHERE = '127.0.0.1:1';

let kube: KubeClient;
let namespace: string;
const children: ChildProcess[] = [];
const scratch = mkdtempSync(join(tmpdir(), 'caravel-cli-'));

beforeAll(async () => {
  kube = connectKube();
  await applyCrds(kube);
  namespace = await makeNamespace(kube, 'caravel-cli');
});

afterAll(async () => {
  await removeNamespace(kube, namespace);
  await kube.close();
  rmSync(scratch, { recursive: true });
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** The command line as users have it: a process of its own. */
class Caravel {
  out = '';
  err = '';
  readonly #child: ChildProcess;
  readonly exit: Promise<number | null>;

  constructor(args: string[], environment: Record<string, string> = {}) {
    const defaults = { KUBECONFIG: kubeconfig(), CONTROL_NAMESPACE: namespace, TEMPORAL_ADDRESS: '' };
    this.#child = spawn(process.execPath, [MAIN, ...args], {
      // CI would have colours in what no terminal shows.
      env: { ...process.env, NO_COLOR: '1', ...defaults, ...environment },
    });
    this.#child.stdout!.on('data', (data: Buffer) => (this.out += data.toString()));
    this.#child.stderr!.on('data', (data: Buffer) => (this.err += data.toString()));
    this.exit = new Promise((resolve) => this.#child.on('close', resolve));
    children.push(this.#child);
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  async said(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.err)) {
      if (this.#child.exitCode !== null) throw new Error(`ended without ${pattern}: ${this.err}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function caravel(args: string[], environment: Record<string, string> = {}) {
  const run = new Caravel(args, environment);
  const code = await run.exit;
  return { code, out: run.out, err: run.err };
}

const report = (name: string, status: Backup['status']) =>
  kube.patch(GVR.backups, namespace, name, { status }, { type: 'merge' });

const upload = (backup: string, status: object) =>
  kube.create(GVR.dataUploads, namespace, {
    apiVersion: 'velero.io/v2alpha1',
    kind: 'DataUpload',
    metadata: { name: `${backup}-data`, namespace, labels: { 'velero.io/backup-name': backup } },
    spec: {
      snapshotType: 'CSI',
      sourcePVC: 'data',
      sourceNamespace: 'app',
      backupStorageLocation: 'default',
      operationTimeout: '10m0s',
    },
    status,
  });

describe('caravel against a real API server', () => {
  it('creates, lists and describes a backup; the controller starts it without Temporal', async () => {
    const args = ['backup', 'create', 'one', '--include-namespaces', 'app', '-l', 'tier in (a,b)'];
    const made = await caravel(args, { TEMPORAL_ADDRESS: NOWHERE });
    expect(made).toMatchObject({ code: 0, out: '' });
    expect(made.err).toContain('the controller starts it');
    const list = await caravel(['backup', 'get', '-o', 'json']);
    expect(JSON.parse(list.out)).toMatchObject({
      kind: 'List',
      items: [{ metadata: { name: 'one' }, spec: { includedNamespaces: ['app'], snapshotMoveData: true } }],
    });
    const described = await caravel(['backup', 'describe', 'one']);
    expect(described.out).toMatch(/Name: +one[^]*Phase: +New[^]*Label selector: +tier in \(a,b\)/);
    expect(await caravel(['backup', 'create', 'one'])).toMatchObject({ code: 3 });
  });

  it('waits on watches until the end and says what came of it', async () => {
    const run = new Caravel(['backup', 'create', 'two', '--wait']);
    await run.said(/backup two: New/);
    await report('two', { phase: 'InProgress', progress: { totalItems: 4 } });
    await run.said(/backup two: InProgress, 0 of 4 items/);
    await upload('two', { phase: 'InProgress', progress: { totalBytes: 2048, bytesDone: 1024 } });
    await run.said(/volume app\/data: InProgress 1\.0 KiB of 2\.0 KiB \(50%\)/);
    await report('two', {
      phase: 'PartiallyFailed',
      errors: 1,
      progress: { totalItems: 4, itemsBackedUp: 4 },
    });
    expect(await run.exit).toBe(2);
    expect(run.out).toMatch(
      /^backup two PartiallyFailed after .*: 4 items, 1 volume \(1\.0 KiB\), 0 warnings, 1 error\n$/,
    );
  });

  it('prints only JSON when asked to', async () => {
    const run = new Caravel(['backup', 'create', 'three', '--wait', '-o', 'json']);
    const test = (backup: object | undefined) => backup && true;
    await kube.waitFor(GVR.backups, namespace, 'three', test, { timeoutMs: 20_000 });
    await report('three', { phase: 'Completed' });
    expect(await run.exit).toBe(0);
    expect(run.err).toBe('');
    expect(JSON.parse(run.out)).toMatchObject({ kind: 'Backup', status: { phase: 'Completed' } });
  });

  it('leaves the run alone at Ctrl-C', async () => {
    const run = new Caravel(['backup', 'create', 'four', '--wait']);
    await run.said(/backup four: New/);
    run.interrupt();
    expect(await run.exit).toBe(130);
    expect(run.err).toContain('backup four goes on in the cluster');
    expect(await kube.find(GVR.backups, namespace, 'four')).toBeDefined();
  });

  it('restores a backup that exists', async () => {
    const args = ['restore', 'create', 'r', '--from-backup', 'one', '--namespace-mappings', 'app:copy'];
    expect(await caravel(args)).toMatchObject({ code: 0 });
    const list = await caravel(['restore', 'get']);
    expect(list.out).toMatch(/NAME +BACKUP +STATUS[^]*r +one +New/);
    const described = await caravel(['restore', 'describe', 'r', '-o', 'yaml']);
    expect(described.out).toContain('app: copy');
    const missing = await caravel(['restore', 'create', 'r2', '--from-backup', 'none']);
    expect(missing).toMatchObject({ code: 3 });
    expect(missing.err).toContain('--from-backup: there is no backup "none"');
  });

  it('tells an unreachable cluster', async () => {
    const file = join(scratch, 'kubeconfig');
    const cluster = { name: 'c', cluster: { server: 'https://127.0.0.1:1' } };
    const context = { name: 'c', context: { cluster: 'c', user: 'u' } };
    const config = {
      kind: 'Config',
      clusters: [cluster],
      contexts: [context],
      users: [{ name: 'u', user: {} }],
    };
    writeFileSync(file, JSON.stringify({ ...config, 'current-context': 'c' }));
    const there = await caravel(['backup', 'get', '--kubeconfig', file]);
    expect(there.code).toBe(4);
    expect(there.err).toMatch(/cannot reach the cluster: .*Check --kubeconfig/);
    expect(await caravel(['backup', 'get', '--kubeconfig', '/nowhere'])).toMatchObject({ code: 4 });
  });

  it('starts the canonical run, once, when Temporal answers', async () => {
    const binaries = labEnv().LAB_PATH.split(':');
    const path = join(
      binaries.find((folder) => folder.includes('temporal'))!,
      'temporal',
    );
    const temporal = await TestWorkflowEnvironment.createLocal({
      server: { executable: { type: 'existing-path', path } },
    });
    try {
      const environment = { TEMPORAL_ADDRESS: temporal.address, CARAVEL_CLUSTER: 'test' };
      const made = await caravel(['backup', 'create', 'five'], environment);
      expect(made.err).toContain(`workflow backup/test/${namespace}/five`);
      const handle = temporal.client.workflow.getHandle(`backup/test/${namespace}/five`);
      const { type, taskQueue, runId } = await handle.describe();
      expect({ type, taskQueue }).toEqual({ type: 'backup', taskQueue: 'caravel' });
      const { uid } = (await kube.get(GVR.backups, namespace, 'five')).metadata;
      // The other door, a moment later.
      await temporal.client.workflow.start('backup', {
        workflowId: `backup/test/${namespace}/five`,
        taskQueue: 'caravel',
        args: [{ namespace, name: 'five', uid }],
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
      expect((await handle.describe()).runId).toBe(runId);
      const version = await caravel(['version', '-o', 'json'], environment);
      expect(JSON.parse(version.out)).toMatchObject({ client: '0.1.0', workers: 0 });
    } finally {
      await temporal.teardown();
    }
  });
});
