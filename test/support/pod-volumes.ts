import { join } from 'node:path';
import { GVR } from '../../contracts/api/gvr.ts';
import type { PodVolumeBackup } from '../../contracts/api/pod-volume.ts';
import { snapshotRestore } from '../../platform/kopia/commands.ts';
import { listRunSnapshots } from '../../platform/kopia/snapshots.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { podRuns, volumeTree } from './application.ts';
import { withKopia } from './repository.ts';
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

/** What the kopia program restores from a snapshot, in the words of `describeTree`. */
export const restoredByKopia = (world: World, namespace: string, snapshotId: string): Promise<string[]> =>
  withKopia(world, namespace, async (kopia) => {
    const target = join(kopia.dir, 'target');
    const options = { parallel: 4, sparse: false, skipExisting: false, ignorePermissions: false };
    await kopia.run(snapshotRestore({ snapshotId, target, ...options }));
    return describeTree(target);
  });

/** Sources of all snapshots that a run has in the repository of a namespace, and how far broken-off ones came. */
export const snapshotsOfRun = (world: World, namespace: string, runUid: string): Promise<string[]> =>
  withKopia(world, namespace, async (kopia) => {
    const found = await listRunSnapshots(kopia, runUid);
    return found.map(({ source, incomplete = '' }) => `${source.path} ${incomplete}`.trim()).sort();
  });
