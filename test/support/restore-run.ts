import { MockActivityEnvironment } from '@temporalio/testing';
import { restoreActivities } from '../../activities/restore/index.ts';
import type { Counted, RestoreActivities, RunContextRef } from '../../contracts/activities.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import type { Restore, RestoreSpec } from '../../contracts/api/restore.ts';
import type { DocRef, RunRef, RunResult } from '../../contracts/run.ts';
import { renderBackup } from '../../core/format/backup-file.ts';
import { backupKeys } from '../../core/format/keys.ts';
import type { BackupVolumeInfo } from '../../core/format/volume-info.ts';
import { renderVolumeInfos } from '../../core/format/volume-info.ts';
import { itemOf } from '../../platform/archive/item.ts';
import { SegmentWriter } from '../../platform/archive/segments.ts';
import { writeTarball } from '../../platform/archive/tar-writer.ts';
import { groupVersionOf } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { putGzip } from '../../platform/store/gzip-file.ts';
import { depsOf } from './deps.ts';
import type { World } from './world.ts';

/** Runs the steps of a restore one by one, as its workflow would, without a worker. */

/** Objects by plural name without group; the group and version are the object's own. */
export type StoredObjects = [plural: string, object: KubeObject][];

export interface StoredBackupOptions {
  phase?: string;
  labels?: Record<string, string>;
  volumes?: BackupVolumeInfo[];
}

/** Puts a backup of these objects into the bucket, as another Caravel or Velero would have. */
export async function storeBackup(
  world: World,
  name: string,
  objects: StoredObjects,
  { phase = 'Completed', labels = {}, volumes }: StoredBackupOptions = {},
): Promise<void> {
  const keys = backupKeys(name);
  const writer = new SegmentWriter(world.store, { keyOf: (n) => `${keys.folder}.test/${n}` });
  for (const [plural, object] of objects) {
    const { group, version } = groupVersionOf(object.apiVersion);
    const { namespace } = object.metadata;
    const id = { groupResource: group ? `${plural}.${group}` : plural, version, name: object.metadata.name };
    await writer.add(itemOf({ ...id, ...(namespace !== undefined && { namespace }) }, object));
  }
  await writeTarball(world.store, keys.contents, { segments: await writer.close() });
  await world.store.removeAll(`${keys.folder}.test/`);
  if (volumes) await putGzip(world.store, keys.volumeInfo, renderVolumeInfos(volumes));
  const metadata = { name, namespace: world.name, uid: `uid-of-${name}`, labels };
  const status = { phase, formatVersion: '1.1.0' };
  await world.store.put(keys.metadata, renderBackup({ metadata, spec: {}, status }));
}

export async function createRestore(world: World, name: string, spec: RestoreSpec): Promise<RunRef> {
  const { metadata } = await world.kube.create<Restore>(GVR.restores, world.name, {
    apiVersion: 'velero.io/v1',
    kind: 'Restore',
    metadata: { name, namespace: world.name },
    spec,
  });
  return { type: 'restore', cluster: 'local', namespace: world.name, name, uid: metadata.uid ?? '' };
}

export const readRestore = (world: World, name: string): Promise<Restore> =>
  world.kube.get<Restore>(GVR.restores, world.name, name);

export interface CallOptions {
  kube?: KubeClient;
  heartbeatDetails?: unknown;
  /** Sees each heartbeat, and may end the step as a worker that is killed would. */
  onHeartbeat?: (details: unknown, cancel: () => void) => void;
}

/** One step as a worker runs it. */
export async function call<K extends keyof RestoreActivities>(
  world: World,
  step: K,
  input: Parameters<RestoreActivities[K]>[0],
  { kube = world.kube, heartbeatDetails, onHeartbeat }: CallOptions = {},
): Promise<Awaited<ReturnType<RestoreActivities[K]>>> {
  const deps = { ...depsOf(world).deps, kube };
  const environment = new MockActivityEnvironment({ heartbeatDetails });
  environment.on('heartbeat', (details: unknown) => onHeartbeat?.(details, () => environment.cancel()));
  type Result = Awaited<ReturnType<RestoreActivities[K]>>;
  const run = restoreActivities(deps)[step] as (input: unknown) => Promise<unknown>;
  return (await environment.run<[unknown], unknown, typeof run>(run, input)) as Result;
}

export interface Planned extends RunContextRef {
  archive: DocRef;
  plan: DocRef;
  waves: { name: string; chunks: number }[];
  items: number;
  recoveries: number;
}

/** Up to the plan; throws what validation says. */
export async function planned(world: World, run: RunRef): Promise<Planned> {
  const adopted = await call(world, 'adoptRestore', run);
  if (adopted.state !== 'ready') throw new Error(JSON.stringify(adopted));
  const ref = { run, context: adopted.context };
  const { doc: archive } = await call(world, 'fetchBackup', ref);
  return { ...ref, archive, ...(await call(world, 'planRestore', { ...ref, archive })) };
}

/** Every chunk of every wave. */
export async function applied(world: World, plan: Planned, outcomes: DocRef[] = []): Promise<Counted[]> {
  const reports: Counted[] = [await call(world, 'ensureNamespaces', plan)];
  for (const [wave, { chunks }] of plan.waves.entries()) {
    for (let chunk = 0; chunk < chunks; chunk++) {
      reports.push(await call(world, 'applyChunk', { ...plan, wave, chunk, outcomes }));
    }
  }
  return reports;
}

export async function finished(
  world: World,
  plan: Planned,
  reports: Counted[],
  outcomes: DocRef[] = [],
): Promise<RunResult> {
  const docs = reports.map(({ doc }) => doc);
  return await call(world, 'finishRestore', { ...plan, reports: docs, outcomes, stages: { adopt: 1 } });
}

/** The whole restore. */
export async function restored(world: World, run: RunRef): Promise<RunResult> {
  const plan = await planned(world, run);
  return await finished(world, plan, await applied(world, plan));
}
