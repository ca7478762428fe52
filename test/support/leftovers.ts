import { setTimeout as delay } from 'node:timers/promises';
import { LABELS } from '../../contracts/ids.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { lab } from './lab-command.ts';
import type { World } from './world.ts';

/** Invariant 2, counted where it can be broken: in the cluster, in the storage driver, in the bucket. */

const KINDS = [
  GVRS.pods,
  GVRS.secrets,
  GVRS.persistentvolumeclaims,
  GVRS.persistentvolumes,
  GVRS.volumesnapshots,
  GVRS.volumesnapshotcontents,
  { group: 'groupsnapshot.storage.k8s.io', version: 'v1', resource: 'volumegroupsnapshots' },
  { group: 'groupsnapshot.storage.k8s.io', version: 'v1', resource: 'volumegroupsnapshotcontents' },
] as const;

async function labelled(world: World): Promise<string[]> {
  const lists = await Promise.all(
    KINDS.map(async (gvr) => {
      const objects = await world.kube.list<KubeObject>(gvr, { labelSelector: LABELS.runUid });
      return objects
        .filter(({ metadata }) =>
          (metadata.annotations?.['caravel.dev/workflow-id'] ?? world.name).includes(world.name),
        )
        .map(({ metadata }) => `${gvr.resource} ${metadata.namespace ?? ''}/${metadata.name}`);
    }),
  );
  return lists.flat();
}

interface Storage {
  volumes: { id: string }[];
  snapshots: { id: string }[];
}

/** Volumes that no PersistentVolume stands for, and snapshots that no content stands for. */
export async function orphans(world: Pick<World, 'env' | 'kube'>): Promise<string[]> {
  const storage = JSON.parse(await lab(world, 'storage', '--output', 'json')) as Storage;
  const volumes = await world.kube.list<KubeObject & { spec: { csi?: { volumeHandle: string } } }>(
    GVRS.persistentvolumes,
  );
  const contents = await world.kube.list<KubeObject & { status?: { snapshotHandle?: string } }>(
    GVRS.volumesnapshotcontents,
  );
  const handles = new Set(volumes.map((volume) => volume.spec.csi?.volumeHandle));
  const snapshots = new Set(contents.map((content) => content.status?.snapshotHandle));
  return [
    ...storage.volumes.filter(({ id }) => !handles.has(id)).map(({ id }) => `volume ${id} in the storage`),
    ...storage.snapshots
      .filter(({ id }) => !snapshots.has(id))
      .map(({ id }) => `snapshot ${id} in the storage`),
  ];
}

async function scratch(world: World): Promise<string[]> {
  const keys: string[] = [];
  for (const top of ['backups/', 'restores/']) {
    for await (const { key } of world.store.list(top))
      if (key.includes('/.caravel/')) keys.push(`object ${key}`);
  }
  return keys;
}

/** Everything of Caravel that is left besides restore points; empty when a run cleaned up after itself. */
export async function leftovers(world: World): Promise<string[]> {
  const found = (await Promise.all([labelled(world), orphans(world), scratch(world)])).flat();
  // What was lost before this world began is not its doing.
  return found.filter((entry) => !world.foreign.includes(entry));
}

/** Waits until nothing is left, also by these further looks; else says what is. */
export async function nothingLeft(
  world: World,
  { timeoutMs = 120_000, also = async () => [] as string[] } = {},
): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const left = [...(await leftovers(world)), ...(await also())];
    if (left.length === 0) return;
    if (Date.now() > end) throw new Error(`after ${timeoutMs} ms there is left: ${left.join(', ')}`);
    await delay(200);
  }
}
