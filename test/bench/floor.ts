import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { RepositoryCredentials, RepositorySpec } from '../../contracts/mover.ts';
import { LIMITS } from '../../contracts/settings.ts';
import { GLOBAL_FLAGS, snapshotCreate, snapshotRestore } from '../../platform/kopia/commands.ts';
import { kopiaEnvironment, memoryLimit, repositoryConfig } from '../../platform/kopia/config.ts';
import { ensureRepositoryPolicies, initialiseRepository } from '../../platform/kopia/repository.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { findKopia } from '../support/kopia-lab.ts';
import type { World } from '../support/world.ts';
import { watchLoad } from './machine.ts';
import type { Load } from './machine.ts';

/**
 * The floor: the fewest steps by hand that move the same data, in the same cluster, with the same image, kopia flags
 * and repository settings. Nobody retries, proves, records or cleans up here.
 */

export interface FloorRun {
  ms: number;
  load: Load;
  /** From the start: snapshot ready, pod scheduled and started, kopia ended. */
  stages: Record<string, number>;
}

export interface Floor {
  backup(): Promise<FloorRun>;
  restore(): Promise<FloorRun>;
}

const WORK = '/work';
const VOLUME = '/data/volume';
const CONFIG = `${WORK}/repository.config`;
const SOURCE = 'default@default:snapshot-data-upload-download/kopia/floor/data';

interface Setting {
  world: World;
  namespace: string;
  claim: string;
  environment: { name: string; value: string }[];
  snapshotId: string;
  count: number;
}

/** The repository and its policy are there before the first measurement, as they are for Caravel. */
export async function openFloor(world: World, namespace: string, claim: string): Promise<Floor> {
  const { env } = world;
  process.env['PATH'] = [env.LAB_PATH, process.env['PATH']].join(delimiter);
  const spec: RepositorySpec = {
    ...{ bucket: env.S3_BUCKET, prefix: `${world.name}/kopia/${namespace}/`, region: env.S3_REGION },
    ...{ endpoint: new URL(env.S3_ENDPOINT).host, tls: false, skipTlsVerify: false },
  };
  const credentials = {
    accessKeyId: env.S3_ACCESS_KEY_ID,
    secretAccessKey: env.S3_SECRET_ACCESS_KEY,
    password: randomBytes(12).toString('hex'),
  };
  const access = {
    spec,
    credentials,
    kopiaPath: findKopia(),
    workDir: mkdtempSync(join(tmpdir(), 'bench-')),
  };
  await initialiseRepository(access);
  await ensureRepositoryPolicies(access, [{ source: SOURCE, volumeMode: 'Filesystem' }]);
  const environment = podEnvironment(spec, credentials);
  const setting: Setting = { world, namespace, claim, environment, snapshotId: '', count: 0 };
  return { backup: () => backup(setting), restore: () => restore(setting) };
}

function podEnvironment(spec: RepositorySpec, credentials: RepositoryCredentials) {
  const variables = {
    ...kopiaEnvironment({}, credentials, {
      ...{ config: CONFIG, logDir: `${WORK}/log` },
      memoryLimit: memoryLimit({ readers: LIMITS.parallelUp }),
    }),
    CONFIG: JSON.stringify(repositoryConfig(spec, { cacheDir: `${WORK}/cache` })),
    HOME: WORK,
    TMPDIR: WORK,
  };
  return Object.entries(variables).map(([name, value]) => ({ name, value: value ?? '' }));
}

async function backup(setting: Setting): Promise<FloorRun> {
  const { world, namespace, claim } = setting;
  const name = `floor-${setting.count++}`;
  const clock = startClock();
  await world.kube.create(GVRS.volumesnapshots, namespace, {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: { name },
    spec: {
      volumeSnapshotClassName: 'caravel-csi',
      source: { persistentVolumeClaimName: claim },
    },
  });
  await world.kube.waitFor<KubeObject & { status?: { readyToUse?: boolean } }, true>(
    GVRS.volumesnapshots,
    namespace,
    name,
    (object) => (object?.status?.readyToUse ? true : undefined),
    { timeoutMs: 60_000 },
  );
  clock.lap('snapshot');
  const dataSource = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name };
  const args = snapshotCreate({
    ...{ path: VOLUME, stdin: false, source: SOURCE, runUid: name, tags: {} },
    ...{ parallel: LIMITS.parallelUp, checkpointSeconds: LIMITS.checkpointSeconds },
  });
  await runPod(setting, name, args, { dataSource }, clock);
  const run = clock.stop();
  setting.snapshotId = await idOf(setting, name);
  await removeAll(setting, name);
  return run;
}

async function restore(setting: Setting): Promise<FloorRun> {
  const name = `floor-${setting.count++}`;
  const { snapshotId } = setting;
  const clock = startClock();
  const parallel = LIMITS.parallelDown;
  const flags = { sparse: true, skipExisting: false, ignorePermissions: false };
  await runPod(setting, name, snapshotRestore({ snapshotId, target: VOLUME, parallel, ...flags }), {}, clock);
  const run = clock.stop();
  await removeAll(setting, name);
  return run;
}

function startClock() {
  const loadOf = watchLoad();
  const start = Date.now();
  const stages: Record<string, number> = {};
  let last = start;
  const lap = (stage: string) => {
    stages[stage] = Date.now() - last;
    last = Date.now();
  };
  return { lap, stop: (): FloorRun => ({ ms: last - start, load: loadOf(), stages }) };
}

type Pod = KubeObject & { status?: { phase?: string } };

async function runPod(
  setting: Setting,
  name: string,
  args: string[],
  source: object,
  clock: ReturnType<typeof startClock>,
): Promise<void> {
  const { kube } = setting.world;
  await kube.create(GVRS.persistentvolumeclaims, setting.namespace, claimOf(name, source));
  await kube.create(GVRS.pods, setting.namespace, podOf(setting, name, args));
  const reach = (phases: RegExp) =>
    kube.waitFor<Pod, string>(
      GVRS.pods,
      setting.namespace,
      name,
      (pod) => (phases.test(pod?.status?.phase ?? '') ? pod?.status?.phase : undefined),
      { timeoutMs: 300_000 },
    );
  await reach(/Running|Succeeded|Failed/);
  clock.lap('pod');
  const phase = await reach(/Succeeded|Failed/);
  clock.lap('kopia');
  if (phase === 'Failed') throw new Error(`pod ${name} failed: ${(await logOf(setting, name)).join('\n')}`);
}

function claimOf(name: string, source: object) {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'caravel-csi',
      resources: { requests: { storage: '1Gi' } },
      ...source,
    },
  };
}

function podOf({ world, environment }: Setting, name: string, args: string[]) {
  const script = `printf %s "$CONFIG" > ${CONFIG} && chmod 600 ${CONFIG} && exec kopia "$@"`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsUser: 0, runAsGroup: 0 },
      containers: [
        {
          name: 'main',
          image: world.env.CARAVEL_IMAGE ?? '',
          imagePullPolicy: 'Never',
          command: ['sh', '-c', script, 'sh', ...GLOBAL_FLAGS, ...args],
          env: environment,
          volumeMounts: [
            { name: 'around', mountPath: '/data' },
            { name: 'data', mountPath: VOLUME },
            { name: 'work', mountPath: WORK },
          ],
        },
      ],
      volumes: [
        { name: 'data', persistentVolumeClaim: { claimName: name } },
        { name: 'work', emptyDir: {} },
        { name: 'around', emptyDir: {} },
      ],
    },
  };
}

async function logOf({ world, namespace }: Setting, pod: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of world.kube.logLines(namespace, pod, { container: 'main' })) lines.push(line);
  return lines;
}

/** kopia prints the manifest of the new snapshot in one line. */
async function idOf(setting: Setting, pod: string): Promise<string> {
  const lines = await logOf(setting, pod);
  const manifest = lines.findLast((line) => line.startsWith('{"id"'));
  if (!manifest) throw new Error(`pod ${pod} printed no manifest: ${lines.join('\n')}`);
  return (JSON.parse(manifest) as { id: string }).id;
}

/** Not measured: the pod, then its volume, then the snapshot, so that the next run has the storage to itself. */
async function removeAll({ world, namespace }: Setting, name: string): Promise<void> {
  for (const gvr of [GVRS.pods, GVRS.persistentvolumeclaims, GVRS.volumesnapshots]) {
    await world.kube.remove(gvr, namespace, name);
    await world.kube.waitFor(gvr, namespace, name, (object) => (object ? undefined : true), {
      timeoutMs: 120_000,
    });
  }
}
