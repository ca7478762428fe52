import { gunzipSync } from 'node:zlib';
import { backupKeys } from '../../core/format/keys.ts';
import { parseVolumeInfos } from '../../core/format/volume-info.ts';
import type { BackupVolumeInfo } from '../../core/format/volume-info.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { removeGroup } from '../../activities/volume/group-snapshot.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { lab } from './lab-command.ts';
import type { World } from './world.ts';

/** The storage of the lab, and snapshots that it holds on its own. */

/** Handles of the storage's snapshots. */
export async function storageSnapshots(world: World): Promise<string[]> {
  const storage = JSON.parse(await lab(world, 'storage', '--output', 'json')) as {
    snapshots: { id: string }[];
  };
  return storage.snapshots.map(({ id }) => id).sort();
}

export async function volumeInfos(world: World, backup: string): Promise<BackupVolumeInfo[]> {
  const file = await world.store.get(backupKeys(backup).volumeInfo);
  return parseVolumeInfos(gunzipSync(file).toString('utf8'));
}

/** A claim with the content of a snapshot that Kubernetes knows nothing of; the snapshot goes with the objects. */
export async function claimFromHandle(
  world: World,
  { namespace, name, handle, driver }: { namespace: string; name: string; handle: string; driver: string },
): Promise<void> {
  const { kube } = world;
  const content = `${world.name}-${name}`;
  await kube.create(GVRS.volumesnapshotcontents, undefined, {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshotContent',
    metadata: { name: content },
    spec: {
      driver,
      deletionPolicy: 'Delete',
      source: { snapshotHandle: handle },
      volumeSnapshotRef: { namespace, name },
    },
  });
  await kube.create(GVRS.volumesnapshots, namespace, {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: { name },
    spec: { source: { volumeSnapshotContentName: content } },
  });
  await kube.create(GVRS.persistentvolumeclaims, namespace, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'caravel-csi',
      resources: { requests: { storage: '1Gi' } },
      dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name },
    },
  });
}

/** Removes snapshots of the storage that no object stands for any more, by way of the driver. */
export async function dropSnapshots(world: World, driver: string, handles: readonly string[]): Promise<void> {
  for (const [at, handle] of handles.entries()) {
    const name = `${world.name}-drop-${at}`;
    await world.kube.create(GVRS.volumesnapshotcontents, undefined, {
      apiVersion: 'snapshot.storage.k8s.io/v1',
      kind: 'VolumeSnapshotContent',
      metadata: { name },
      spec: {
        driver,
        deletionPolicy: 'Delete',
        source: { snapshotHandle: handle },
        volumeSnapshotRef: { namespace: world.name, name },
      },
    });
    await world.kube.create(GVRS.volumesnapshots, world.name, {
      apiVersion: 'snapshot.storage.k8s.io/v1',
      kind: 'VolumeSnapshot',
      metadata: { name },
      spec: { source: { volumeSnapshotContentName: name } },
    });
    await world.kube.waitFor<{ status?: { readyToUse?: boolean } }, true>(
      GVRS.volumesnapshots,
      world.name,
      name,
      (found) => (found?.status?.readyToUse ? true : undefined),
      { timeoutMs: 60_000 },
    );
    await world.kube.remove(GVRS.volumesnapshots, world.name, name);
  }
}

/** The same for snapshots of one group, which only go together. */
export async function dropGroup(
  world: World,
  driver: string,
  { group, handles }: { group: string; handles: readonly string[] },
): Promise<void> {
  const name = `${world.name}-drop-group`;
  const api = { group: 'groupsnapshot.storage.k8s.io', version: 'v1' };
  const groups = { ...api, resource: 'volumegroupsnapshots' };
  const contents = { ...api, resource: 'volumegroupsnapshotcontents' };
  await world.kube.create(contents, undefined, {
    apiVersion: `${api.group}/${api.version}`,
    kind: 'VolumeGroupSnapshotContent',
    metadata: { name },
    spec: {
      driver,
      deletionPolicy: 'Delete',
      source: { groupSnapshotHandles: { volumeGroupSnapshotHandle: group, volumeSnapshotHandles: handles } },
      volumeGroupSnapshotRef: { namespace: world.name, name },
    },
  });
  await world.kube.create(groups, world.name, {
    apiVersion: `${api.group}/${api.version}`,
    kind: 'VolumeGroupSnapshot',
    metadata: { name },
    spec: { source: { volumeGroupSnapshotContentName: name } },
  });
  await world.kube.waitFor<{ status?: { readyToUse?: boolean } }, true>(
    groups,
    world.name,
    name,
    (found) => (found?.status?.readyToUse ? true : undefined),
    { timeoutMs: 60_000 },
  );
  const object = await world.kube.get<KubeObject>(groups, world.name, name);
  // Deletions are sometimes overlooked, and this knows how to remind of them.
  const found = { version: api.version, object };
  await removeGroup(world.kube, found, () => 'Delete', AbortSignal.timeout(120_000));
}
