import { gunzipSync } from 'node:zlib';
import { MockActivityEnvironment } from '@temporalio/testing';
import { backupActivities } from '../../activities/backup/index.ts';
import type { Deps } from '../../activities/support/deps.ts';
import type { BackupActivities, Counted, RunContextRef } from '../../contracts/activities.ts';
import type { Backup, BackupSpec } from '../../contracts/api/backup.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import { scratchPrefix } from '../../contracts/ids.ts';
import type { DocRef, RunRef, RunResult } from '../../contracts/run.ts';
import { backupKeys } from '../../core/format/keys.ts';
import { parseResults } from '../../core/format/results.ts';
import type { Results } from '../../core/format/results.ts';
import type { BackupPlan, ShardIndex, VolumePlans } from '../../core/model.ts';
import type { Problem } from '../../core/problems.ts';
import { loadConfig } from '../../platform/config/config.ts';
import type { Config } from '../../platform/config/config.ts';
import type { KubeClient } from '../../platform/kube/types.ts';
import { createLog } from '../../platform/log/log.ts';
import { getDoc, putDoc } from '../../platform/store/documents.ts';
import { readTar } from './tar.ts';
import type { World } from './world.ts';

/** Runs the steps of a backup one by one, as its workflow would, without a worker; volumes are left out. */

export interface StepOptions {
  kube?: KubeClient;
  config?: Partial<Config>;
  heartbeatDetails?: unknown;
  /** Sees each heartbeat, and may end the step as a worker that is killed would. */
  onHeartbeat?: (details: unknown, cancel: () => void) => void;
}

export async function createBackup(world: World, name: string, spec: BackupSpec): Promise<RunRef> {
  const { metadata } = await world.kube.create<Backup>(GVR.backups, world.name, {
    apiVersion: 'velero.io/v1',
    kind: 'Backup',
    metadata: { name, namespace: world.name },
    spec,
  });
  return { type: 'backup', cluster: 'local', namespace: world.name, name, uid: metadata.uid ?? '' };
}

export function depsOf(world: World, { kube = world.kube, config = {} }: StepOptions = {}): Deps {
  const settings = { ...loadConfig({ MOVER_IMAGE: 'none', CONTROL_NAMESPACE: world.name }), ...config };
  return { kube, log: createLog({ level: 'error' }), temporal: world.temporal, config: settings };
}

/** One step as a worker runs it. */
export async function step<K extends keyof BackupActivities>(
  world: World,
  name: K,
  input: Parameters<BackupActivities[K]>[0],
  { kube = world.kube, config = {}, heartbeatDetails, onHeartbeat }: StepOptions = {},
): Promise<Awaited<ReturnType<BackupActivities[K]>>> {
  const deps = depsOf(world, { kube, config });
  const environment = new MockActivityEnvironment({ heartbeatDetails });
  environment.on('heartbeat', (details: unknown) => onHeartbeat?.(details, () => environment.cancel()));
  type Result = Awaited<ReturnType<BackupActivities[K]>>;
  const run = backupActivities(deps)[name] as (input: unknown) => Promise<unknown>;
  return (await environment.run<[unknown], unknown, typeof run>(run, input)) as Result;
}

export interface Planned extends RunContextRef {
  plan: DocRef;
  shards: number;
}

/** Up to the plan; throws what validation says. */
export async function planned(world: World, run: RunRef, options: StepOptions = {}): Promise<Planned> {
  const adopted = await step(world, 'adoptBackup', run, options);
  if (adopted.state !== 'ready') throw new Error(JSON.stringify(adopted));
  const ref = { run, context: adopted.context };
  return { ...ref, ...(await step(world, 'planBackup', ref, options)) };
}

export interface Exported {
  plan: BackupPlan;
  shards: ShardIndex[];
  docs: DocRef[];
  problems: Problem[];
  /** `<type>/<ns>/<name>` or `<type>/<name>` of everything, with the type as `pods` or `deployments.apps`. */
  items: string[];
}

export async function exported(world: World, ref: Planned, options: StepOptions = {}): Promise<Exported> {
  const counted: Counted[] = [];
  for (let shard = 0; shard < ref.shards; shard++) {
    counted.push(await step(world, 'exportShard', { ...ref, shard }, options));
  }
  const docs = counted.map(({ doc }) => doc);
  counted.push(await step(world, 'exportRelated', { ...ref, shards: docs }, options));
  const all = counted.map(({ doc }) => doc);
  const plan = await getDoc<BackupPlan>(world.store, ref.plan);
  const shards = await Promise.all(all.map((doc) => getDoc<ShardIndex>(world.store, doc)));
  return {
    plan,
    shards,
    docs: all,
    problems: [...plan.problems, ...shards.flatMap(({ problems }) => problems)],
    items: itemsIn(plan, shards),
  };
}

function itemsIn(plan: BackupPlan, shards: readonly ShardIndex[]): string[] {
  const types = new Map(
    plan.resources.map(({ group, version, kind, resource }) => [
      `${group ? `${group}/` : ''}${version}/${kind}`,
      group ? `${resource}.${group}` : resource,
    ]),
  );
  return shards
    .flatMap(({ names }) =>
      Object.entries(names).flatMap(([kind, own]) => own.map((name) => `${types.get(kind) ?? kind}/${name}`)),
    )
    .sort();
}

export interface StoredBackup extends Exported {
  result: RunResult;
  /** Entries of the tarball in their order; the text of each by its path. */
  contents: Map<string, string>;
  results: Results;
  log: string;
}

/** All that a backup writes but its last file. */
export async function stored(world: World, ref: Planned, options: StepOptions = {}): Promise<StoredBackup> {
  const found = await exported(world, ref, options);
  const none: VolumePlans = { volumes: [], groups: [], problems: [] };
  const volumes = await putDoc(world.store, `${scratchPrefix(ref.run)}volumes`, none);
  const input = { ...ref, shards: found.docs, volumes, outcomes: [], stages: {} };
  const { result } = await step(world, 'assembleBackup', input, options);
  const keys = backupKeys(ref.run.name);
  const text = async (key: string) => gunzipSync(await world.store.get(key)).toString('utf8');
  return {
    ...found,
    result,
    contents: await readTar(await world.store.get(keys.contents)),
    results: parseResults(await text(keys.results)),
    log: await text(keys.logs),
  };
}

let count = 0;

/** Exports what a spec selects. */
export async function select(world: World, spec: BackupSpec, options: StepOptions = {}): Promise<Exported> {
  const run = await createBackup(world, `select-${count++}`, spec);
  const ref = await planned(world, run, options);
  const result = await exported(world, ref, options);
  await world.store.removeAll(scratchPrefix(run));
  return result;
}

/** What validation says of a spec, and the resource afterwards. */
export async function rejected(
  world: World,
  spec: BackupSpec,
  options: StepOptions = {},
): Promise<{ errors: string[]; backup: Backup }> {
  const run = await createBackup(world, `bad-${count++}`, spec);
  const adopted = await step(world, 'adoptBackup', run, options);
  const backup = await world.kube.get<Backup>(GVR.backups, world.name, run.name);
  return { errors: adopted.state === 'rejected' ? adopted.errors : [], backup };
}
