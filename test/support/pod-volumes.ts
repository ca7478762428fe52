import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GVR } from '../../contracts/api/gvr.ts';
import type { PodVolumeBackup } from '../../contracts/api/pod-volume.ts';
import type { RepositorySpec } from '../../contracts/mover.ts';
import { snapshotRestore } from '../../platform/kopia/commands.ts';
import { openKopia } from '../../platform/kopia/kopia.ts';
import { listRunSnapshots } from '../../platform/kopia/snapshots.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { podRuns, volumeTree } from './application.ts';
import { describeTree } from './tree.ts';
import type { World } from './world.ts';

/** Pods whose volumes are read while they run. */

export interface PodOptions {
  annotations?: Record<string, string>;
  /** Volumes by name, as they stand in the pod. */
  volumes: Record<string, object>;
  /** Names of volumes that no container mounts. */
  unused?: string[];
}

export async function createPod(
  world: World,
  namespace: string,
  name: string,
  { annotations = {}, volumes, unused = [] }: PodOptions,
): Promise<void> {
  const mounts = Object.keys(volumes).filter((volume) => !unused.includes(volume));
  await world.kube.create(GVRS.pods, namespace, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name }, annotations },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'main',
          image: world.env.CARAVEL_IMAGE ?? '',
          imagePullPolicy: 'Never',
          command: ['sleep', 'infinity'],
          volumeMounts: mounts.map((volume) => ({ name: volume, mountPath: `/${volume}` })),
        },
      ],
      volumes: Object.entries(volumes).map(([volume, source]) => ({ name: volume, ...source })),
    },
  });
  await podRuns(world, namespace, name);
}

export async function createClaim(world: World, namespace: string, name: string): Promise<void> {
  await world.kube.create(GVRS.persistentvolumeclaims, namespace, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
}

/** Where the kubelet keeps an emptyDir, as seen inside the lab. */
export async function emptyDirPath(
  world: World,
  namespace: string,
  pod: string,
  volume: string,
): Promise<string> {
  const { metadata } = await world.kube.get<KubeObject>(GVRS.pods, namespace, pod);
  return `/var/lib/kubelet/pods/${metadata.uid}/volumes/kubernetes.io~empty-dir/${volume}`;
}

export const describeFolder = async (world: World, path: string): Promise<string[]> =>
  JSON.parse(await volumeTree(world, 'describe', path)) as string[];

/** By pod and volume, `web/tmp`. */
export async function podVolumeBackupsOf(
  world: World,
  backup: string,
): Promise<Record<string, PodVolumeBackup>> {
  const list = await world.kube.list<PodVolumeBackup>(GVR.podVolumeBackups, {
    namespace: world.name,
    labelSelector: `velero.io/backup-name=${backup}`,
  });
  return Object.fromEntries(list.map((each) => [`${each.spec.pod.name}/${each.spec.volume}`, each]));
}

async function kopiaOf(world: World, namespace: string, dir: string) {
  const { env } = world;
  const secret = await world.kube.get<{ data: Record<string, string> }>(
    GVRS.secrets,
    world.name,
    'velero-repo-credentials',
  );
  const spec: RepositorySpec = {
    bucket: env.S3_BUCKET,
    prefix: `${world.name}/kopia/${namespace}/`,
    endpoint: new URL(env.S3_ENDPOINT).host,
    region: env.S3_REGION,
    tls: false,
    skipTlsVerify: false,
  };
  const kopiaPath = env.LAB_PATH.split(':')
    .map((folder) => join(folder, 'kopia'))
    .find((path) => existsSync(path));
  return openKopia({
    ...{ spec, dir, kopiaPath: kopiaPath ?? 'kopia', readonly: true },
    credentials: {
      accessKeyId: env.S3_ACCESS_KEY_ID,
      secretAccessKey: env.S3_SECRET_ACCESS_KEY,
      password: Buffer.from(secret.data['repository-password'] ?? '', 'base64').toString(),
    },
  });
}

/** What the kopia program restores from a snapshot, in the words of `describeTree`. */
export async function restoredByKopia(
  world: World,
  namespace: string,
  snapshotId: string,
): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'caravel-kopia-'));
  try {
    const kopia = await kopiaOf(world, namespace, join(dir, 'kopia'));
    const target = join(dir, 'target');
    const options = { parallel: 4, sparse: false, skipExisting: false, ignorePermissions: false };
    await kopia.run(snapshotRestore({ snapshotId, target, ...options }));
    return describeTree(target);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Sources of all snapshots that a run has in the repository of a namespace. */
export async function snapshotsOfRun(world: World, namespace: string, runUid: string): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'caravel-kopia-'));
  try {
    const found = await listRunSnapshots(await kopiaOf(world, namespace, dir), runUid);
    return found.map(({ source }) => source.path).sort();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
