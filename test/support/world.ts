import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import type { Backup } from '../../contracts/api/backup.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import type { Restore } from '../../contracts/api/restore.ts';
import { FACTS_ANNOTATION } from '../../contracts/ids.ts';
import { labEnv } from '../../lab/env.ts';
import type { LabEnvironment } from '../../lab/env.ts';
import { createKubeClient } from '../../platform/kube/client.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { createS3Store } from '../../platform/store/s3-store.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import { applyCrds } from './cluster.ts';
import { dyingWithUs } from './dying.ts';
import { orphans } from './leftovers.ts';

/**
 * A Caravel of its own in the lab: a control namespace, a place in the bucket, and workers as processes of this
 * machine that a test may kill. Worlds do not see each other, nor what `lab deploy` installed.
 */
export interface World {
  name: string;
  env: LabEnvironment;
  kube: KubeClient;
  temporal: Client;
  /** Below the world's prefix, as Caravel sees it. */
  store: ObjectStore;
  workers: WorkerProcess[];
  /** What the storage held without an owner when the world began. */
  foreign: string[];
  startWorker(env?: Record<string, string>): Promise<WorkerProcess>;
  /** Ends the workers and removes the world and these namespaces. */
  stop(namespaces?: string[]): Promise<void>;
}

export interface WorkerProcess {
  pid: number;
  log: string;
  /** SIGKILL, and gone when it returns. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

const ROOT = join(import.meta.dirname, '../..');
const CONTROL_LABELS = { 'pod-security.kubernetes.io/enforce': 'privileged' };

export async function createWorld(name: string, workerEnv: Record<string, string> = {}): Promise<World> {
  const env = labEnv();
  const kube = createKubeClient({ kubeconfigPath: env.KUBECONFIG });
  await removeNamespace(kube, name);
  await applyCrds(kube);
  await kube.create(GVRS.namespaces, undefined, namespaceObject(name, CONTROL_LABELS));
  await createControlObjects(kube, name, env);
  const connection = await Connection.connect({ address: env.TEMPORAL_ADDRESS });
  const temporal = new Client({ connection, namespace: env.TEMPORAL_NAMESPACE });
  const store = openStore(env, env.S3_BUCKET, name);
  await emptyStore(store);
  const world: World = {
    name,
    env,
    kube,
    temporal,
    store,
    workers: [],
    foreign: await orphans({ env, kube }),
    startWorker: (extra = {}) => startWorker(world, { ...workerEnv, ...extra }),
    stop: (namespaces = []) => stopWorld(world, connection, namespaces),
  };
  return world;
}

export const openStore = (env: LabEnvironment, bucket: string, prefix: string): ObjectStore =>
  createS3Store({
    bucket,
    prefix: prefix && `${prefix}/`,
    endpoint: env.S3_ENDPOINT,
    region: env.S3_REGION,
    forcePathStyle: true,
    skipTlsVerify: false,
    credentials: { accessKeyId: env.S3_ACCESS_KEY_ID, secretAccessKey: env.S3_SECRET_ACCESS_KEY },
  });

export async function emptyStore(store: ObjectStore): Promise<void> {
  for (const folder of ['backups/', 'restores/', 'kopia/']) await store.removeAll(folder);
}

export const namespaceObject = (name: string, labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});

export async function removeNamespace(kube: KubeClient, name: string): Promise<void> {
  await kube.remove(GVRS.namespaces, undefined, name);
  await kube.waitFor(GVRS.namespaces, undefined, name, (found) => (found ? undefined : true), {
    timeoutMs: 120_000,
  });
}

async function createControlObjects(kube: KubeClient, namespace: string, env: LabEnvironment): Promise<void> {
  await kube.create(GVRS.serviceaccounts, namespace, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'caravel-mover' },
  });
  await createCredentials(kube, namespace, env.S3_ACCESS_KEY_ID, env.S3_SECRET_ACCESS_KEY);
  await kube.create(GVR.backupStorageLocations, namespace, {
    apiVersion: 'velero.io/v1',
    kind: 'BackupStorageLocation',
    metadata: { name: 'default', namespace },
    spec: {
      provider: 'aws',
      default: true,
      objectStorage: { bucket: env.S3_BUCKET, prefix: namespace },
      credential: { name: 'cloud-credentials', key: 'cloud' },
      config: { region: env.S3_REGION, s3Url: env.S3_ENDPOINT, s3ForcePathStyle: 'true' },
    },
  });
}

/** The Secret of the location; made again with other keys to act out wrong ones. */
export async function createCredentials(
  kube: KubeClient,
  namespace: string,
  id: string,
  secret: string,
): Promise<void> {
  await kube.remove(GVRS.secrets, namespace, 'cloud-credentials');
  const cloud = `[default]\naws_access_key_id=${id}\naws_secret_access_key=${secret}\n`;
  await kube.create(GVRS.secrets, namespace, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'cloud-credentials' },
    stringData: { cloud },
  });
}

async function startWorker(world: World, extra: Record<string, string>): Promise<WorkerProcess> {
  const { env, name } = world;
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  const log = join('/tmp', `caravel-worker-${name}-${world.workers.length}.log`);
  const fd = openSync(log, 'w');
  const child = spawn(...dyingWithUs('KILL', join(ROOT, 'node_modules/.bin/node'), ['worker/main.ts']), {
    cwd: ROOT,
    stdio: ['ignore', fd, fd],
    env: {
      ...process.env,
      ...imageEnvironment(),
      ...env,
      PATH: `${env.LAB_PATH}:${process.env['PATH'] ?? ''}`,
      CONTROL_NAMESPACE: name,
      CARAVEL_CLUSTER: name,
      CARAVEL_TASK_QUEUE: name,
      MOVER_IMAGE: env.CARAVEL_IMAGE ?? '',
      MOVER_IMAGE_PULL_POLICY: 'Never',
      CARAVEL_HEALTH_PORT: String(port),
      CARAVEL_LOG_LEVEL: 'info',
      ...extra,
    },
  });
  const worker: WorkerProcess = {
    pid: child.pid ?? 0,
    log,
    kill: () => end(child, 'SIGKILL'),
    stop: () => end(child, 'SIGTERM'),
  };
  world.workers.push(worker);
  await healthy(child, port, log);
  return worker;
}

/** What the image sets for its programs, but for places inside of it. */
function imageEnvironment(): Record<string, string> {
  const text = readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8');
  const lines = /^ENV ((?:.*\\\n)*.*)$/m.exec(text)?.[1] ?? '';
  const pairs = [...lines.matchAll(/([A-Z_]+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]);
  return Object.fromEntries(pairs.filter(([, value = '']) => !value.includes('/')));
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  await gone;
}

async function healthy(child: ChildProcess, port: number, log: string): Promise<void> {
  for (let attempt = 0; attempt < 120; attempt++) {
    if (child.exitCode !== null) throw new Error(`the worker ended with ${child.exitCode}; see ${log}`);
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
    if (answer?.ok) return;
    await delay(250);
  }
  throw new Error(`the worker is not healthy after 30 s; see ${log}`);
}

async function stopWorld(world: World, connection: Connection, namespaces: string[]): Promise<void> {
  await Promise.all(namespaces.map((name) => removeNamespace(world.kube, name)));
  const running = world.temporal.workflow.list({
    query: `TaskQueue = '${world.name}' AND ExecutionStatus = 'Running'`,
  });
  for await (const { workflowId } of running) {
    await world.temporal.workflow
      .getHandle(workflowId)
      .terminate('the test is over')
      .catch(() => undefined);
  }
  await Promise.all(world.workers.map((worker) => worker.stop()));
  await removeSchedules(world);
  await removeNamespace(world.kube, world.name);
  await emptyStore(world.store);
  await connection.close();
  await world.kube.close();
  world.store.close();
}

/** Temporal outlives the world, and would go on starting workflows for it. */
async function removeSchedules({ temporal, name }: World): Promise<void> {
  for await (const { scheduleId } of temporal.schedule.list()) {
    if (!scheduleId.includes(`/${name}/`)) continue;
    await temporal.schedule
      .getHandle(scheduleId)
      .delete()
      .catch(() => undefined);
  }
}

type Run = Backup | Restore;
const GVR_OF = { Backup: GVR.backups, Restore: GVR.restores } as const;
const TERMINAL = ['Completed', 'PartiallyFailed', 'Failed', 'FailedValidation'];

/** Creates the resource as `kubectl apply` would. */
export async function apply<K extends Run['kind']>(
  world: World,
  kind: K,
  name: string,
  spec: object,
): Promise<KubeObject> {
  return await world.kube.create(GVR_OF[kind], world.name, {
    apiVersion: 'velero.io/v1',
    kind,
    metadata: { name, namespace: world.name },
    spec,
  });
}

/** Waits until the resource of a run says how it ended; some cleaning up may still go on. */
export async function settled(
  world: World,
  kind: Run['kind'],
  name: string,
  timeoutMs = 300_000,
): Promise<Run> {
  return await world.kube.waitFor<Run, Run>(
    GVR_OF[kind],
    world.name,
    name,
    (object) => (TERMINAL.includes(object?.status?.phase ?? '') ? object : undefined),
    { timeoutMs },
  );
}

/** Waits until a run is over, its scratch and temporary objects included. */
export async function ended(
  world: World,
  kind: Run['kind'],
  name: string,
  timeoutMs = 300_000,
): Promise<Run> {
  const run = await settled(world, kind, name, timeoutMs);
  const workflowId = `${kind.toLowerCase()}/${world.name}/${world.name}/${name}`;
  // A run that was terminated has no result; its resource says how it ended.
  await world.temporal.workflow
    .getHandle(workflowId)
    .result()
    .catch(() => undefined);
  return run;
}

export async function runToEnd(
  world: World,
  kind: Run['kind'],
  name: string,
  spec: object,
  timeoutMs?: number,
): Promise<Run> {
  await apply(world, kind, name, spec);
  return await ended(world, kind, name, timeoutMs);
}

export interface Facts {
  stagesMs: Record<string, number>;
  volumes: {
    claim: string;
    ok?: boolean;
    bytes?: number;
    sent?: number;
    stagesMs?: Record<string, number>;
  }[];
}

export const factsOf = (run: Run): Facts =>
  JSON.parse(run.metadata.annotations?.[FACTS_ANNOTATION] ?? '{"stagesMs":{},"volumes":[]}') as Facts;
