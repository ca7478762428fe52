import type { BackupActivities, StageTimes } from '../../contracts/activities.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import type { PodVolumeBackup } from '../../contracts/api/pod-volume.ts';
import { FACTS_ANNOTATION, operationId, scratchPrefix, volumeObjectName } from '../../contracts/ids.ts';
import type { RunRef, RunResult } from '../../contracts/run.ts';
import { markedClaim } from '../../core/backup/items.ts';
import { keptOperation, keptVolumes } from '../../core/backup/kept-snapshot.ts';
import { backupLog } from '../../core/backup/log.ts';
import { renderPodVolumeBackups } from '../../core/backup/pod-volume-backup.ts';
import {
  isListed,
  volumeInfo,
  volumeName,
  volumeOperation,
  volumeProblems,
} from '../../core/backup/report.ts';
import type { ReportedVolume } from '../../core/backup/report.ts';
import type { HookReport } from '../../core/hooks/report.ts';
import { HookSummary } from '../../core/hooks/summary.ts';
import { renderOperations } from '../../core/format/item-operations.ts';
import { backupKeys } from '../../core/format/keys.ts';
import { renderResourceList } from '../../core/format/resource-list.ts';
import { renderResults, resultsOf } from '../../core/format/results.ts';
import { renderVolumeInfos } from '../../core/format/volume-info.ts';
import type {
  BackupPlan,
  ShardIndex,
  VolumeMethod,
  VolumeOutcome,
  VolumePlan,
  VolumePlans,
} from '../../core/model.ts';
import { countProblems, explanation, phaseOf } from '../../core/problems.ts';
import type { Problem } from '../../core/problems.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { writeTarball } from '../../platform/archive/tar-writer.ts';
import { itemOf, objectOf, withObject } from '../../platform/archive/item.ts';
import type { ArchiveItem } from '../../platform/archive/item.ts';
import { getDoc, putDoc } from '../../platform/store/documents.ts';
import { putGzip } from '../../platform/store/gzip-file.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import { now, stageFacts } from '../run/status.ts';
import { podVolumeBackups } from '../volume/pod-volume.ts';
import type { RunContext } from '../support/context.ts';
import { openRun } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { KeptFiles } from './kept-files.ts';

type Input = Parameters<BackupActivities['assembleBackup']>[0];

/** All that the files of the backup are made of. */
interface Material {
  run: RunRef;
  context: RunContext<Backup>;
  shards: ShardIndex[];
  volumes: ReportedVolume[];
  hooks: HookSummary;
  problems: Problem[];
}

/** Writes every file of the backup but the last, velero-backup.json, whose text it prepares. */
export async function assembleBackup(deps: Deps, input: Input, signal: AbortSignal) {
  const { context, store } = await openRun<Backup>(deps, input);
  const material = await gather(store, input, context);
  const uploads = await dataUploads(deps, material);
  const kept = new KeptFiles(input.run.name, material.volumes, material.shards);
  const keys = backupKeys(input.run.name);
  await Promise.all([
    writeContents(store, keys.contents, { ...material, uploads, kept }, signal),
    kept.write(store),
    putGzip(store, keys.results, renderResults(resultsOf(material.problems))),
    putGzip(
      store,
      keys.resourceList,
      renderResourceList([...material.shards.map((shard) => shard.names), uploads.names, kept.names]),
    ),
    putGzip(
      store,
      keys.volumeInfo,
      renderVolumeInfos(
        material.volumes.filter(isListed).map((volume) => volumeInfo(volume, context.startedAt)),
      ),
    ),
    putGzip(store, keys.itemOperations, renderOperations(operations(material))),
    putGzip(store, keys.podVolumeBackups, renderPodVolumeBackups(await readVolumes(deps, material))),
    putGzip(store, keys.volumeSnapshots, 'null\n'),
    putGzip(store, keys.logs, logText(material, input.stages)),
  ]);
  const result = resultOf(material);
  const manifest = await putDoc(store, `${scratchPrefix(input.run)}manifest`, {
    ...context.resource,
    metadata: sealedMetadata(context.resource, stageFacts(input.stages, furtherFacts(material))),
    status: { ...context.resource.status, ...finalStatus(material, result) },
  });
  return { manifest, result };
}

async function gather(store: ObjectStore, input: Input, context: RunContext<Backup>): Promise<Material> {
  const [plan, plans, shards, outcomes, reports] = await Promise.all([
    getDoc<BackupPlan>(store, input.plan),
    getDoc<VolumePlans>(store, input.volumes),
    Promise.all(input.shards.map((ref) => getDoc<ShardIndex>(store, ref))),
    Promise.all(input.outcomes.map((ref) => getDoc<VolumeOutcome>(store, ref))),
    Promise.all((input.hooks ?? []).map((ref) => getDoc<HookReport>(store, ref))),
  ]);
  const hooks = new HookSummary(reports);
  const byIndex = new Map(outcomes.map((outcome) => [outcome.index, outcome]));
  const volumes = plans.volumes.map((volume) => reported(input.run, volume, byIndex.get(volume.index)));
  const problems = [
    ...plan.problems,
    ...shards.flatMap((shard) => shard.problems),
    ...plans.problems,
    ...hooks.problems,
    ...volumes.flatMap(volumeProblems),
  ];
  const kept = shards.map((shard) => hooks.kept(shard));
  return { run: input.run, context, shards: kept, volumes, hooks, problems };
}

const reported = (run: RunRef, plan: VolumePlan, outcome: VolumeOutcome | undefined): ReportedVolume => ({
  plan,
  operationId: operationId('backup', run.uid, plan.claimUid),
  ...(outcome && { outcome }),
});

interface Uploads {
  items: ArchiveItem[];
  names: Record<string, string[]>;
}

/** The DataUploads as they ended; a restore finds the data by them alone. */
async function dataUploads(deps: Deps, { run, volumes }: Material): Promise<Uploads> {
  const moved = byMethod(volumes, 'data-mover');
  const objects = await Promise.all(
    moved.map(({ plan }) =>
      deps.kube.find<KubeObject>(
        GVR.dataUploads,
        run.namespace,
        volumeObjectName(run, plan.namespace, plan.claim),
      ),
    ),
  );
  const found = objects.filter((object) => object !== undefined);
  const items = found.map((object) => {
    const { namespace, name } = { namespace: run.namespace, name: object.metadata.name };
    return itemOf({ groupResource: 'datauploads.velero.io', version: 'v2alpha1', namespace, name }, object);
  });
  const names = found.map((object) => `${run.namespace}/${object.metadata.name}`);
  return { items, names: names.length > 0 ? { 'velero.io/v2alpha1/DataUpload': names } : {} };
}

/** Volumes of this method that were dealt with. */
const byMethod = (volumes: readonly ReportedVolume[], method: VolumeMethod) =>
  volumes.flatMap((volume) => {
    const { plan, outcome } = volume;
    return outcome && plan.method === method ? [{ ...volume, outcome }] : [];
  });

async function readVolumes(deps: Deps, { run, context, volumes }: Material): Promise<PodVolumeBackup[]> {
  const { resource: backup, location } = context;
  return await podVolumeBackups(deps, { run, backup, location }, byMethod(volumes, 'fs-backup'));
}

async function writeContents(
  store: ObjectStore,
  key: string,
  contents: Material & { uploads: Uploads; kept: KeptFiles },
  signal: AbortSignal,
) {
  const { run, volumes, shards, hooks, uploads, kept } = contents;
  const moved = new Set(byMethod(volumes, 'data-mover').map(({ plan }) => volumeName(plan)));
  const edit = (item: ArchiveItem) => {
    const named = `${item.namespace ?? ''}/${item.name}`;
    if (item.groupResource === 'pods' && hooks.leftOut.has(named)) return undefined;
    if (item.groupResource !== 'persistentvolumeclaims') return item;
    if (!moved.has(named)) return kept.edited(item) ?? item;
    const name = volumeObjectName(run, item.namespace ?? '', item.name);
    const marks = { backup: run.name, snapshot: name, dataUpload: `${run.namespace}/${name}` };
    return withObject(item, markedClaim(objectOf(item), marks) as object);
  };
  const segments = shards.flatMap((shard) => shard.segments);
  await writeTarball(store, key, { segments, edit, extra: [...uploads.items, ...kept.items] }, { signal });
}

function operations({ run, volumes }: Material) {
  return [
    ...byMethod(volumes, 'data-mover').map((volume) => volumeOperation(run, volume)),
    ...keptVolumes(volumes).map((volume) => keptOperation(run, volume)),
  ];
}

function logText({ run, context, shards, volumes, hooks, problems }: Material, stages: StageTimes): string {
  const backup = `${run.namespace}/${run.name}`;
  const kinds = shards.flatMap((shard) => Object.entries(shard.names));
  return backupLog({
    backup,
    startedAt: context.startedAt,
    stages,
    kinds: kinds.map(([kind, names]) => [kind, names.length]),
    notes: shards.flatMap((shard) => shard.notes),
    volumes,
    problems,
    hookLines: (time) => hooks.lines(time, backup),
    now: now(),
  });
}

function resultOf({ run, shards, volumes, problems }: Material): RunResult {
  const counts = countProblems(problems);
  const done = volumes.filter(({ outcome }) => outcome?.ok);
  const first = problems.find((entry) => entry.severity === 'error');
  return {
    name: run.name,
    uid: run.uid,
    phase: phaseOf(counts),
    items: shards.reduce((sum, shard) => sum + shard.items, 0),
    volumes: done.length,
    bytes: done.reduce((sum, { outcome }) => sum + (outcome?.bytes ?? 0), 0),
    ...counts,
    ...(first && { reason: `${first.code}: ${first.message}` }),
  };
}

function finalStatus({ volumes, hooks }: Material, result: RunResult) {
  const snapshots = byMethod(volumes, 'csi-snapshot');
  const kept = keptVolumes(volumes);
  const tried = [...byMethod(volumes, 'data-mover'), ...kept];
  const completed = tried.filter(({ outcome }) => outcome.ok).length;
  return {
    phase: result.phase,
    completionTimestamp: now(),
    progress: { totalItems: result.items, itemsBackedUp: result.items },
    ...(result.warnings > 0 && { warnings: result.warnings }),
    ...(result.errors > 0 && { errors: result.errors }),
    ...(snapshots.length > 0 && {
      csiVolumeSnapshotsAttempted: snapshots.length,
      csiVolumeSnapshotsCompleted: kept.length,
    }),
    ...(tried.length > 0 && {
      backupItemOperationsAttempted: tried.length,
      backupItemOperationsCompleted: completed,
      ...(completed < tried.length && { backupItemOperationsFailed: tried.length - completed }),
    }),
    hookStatus: hooks.status,
  };
}

/** Volumes, and groups with hooks, that are shown with the resource; all are in the volume info file and the log. */
const SHOWN = 20;

function furtherFacts({ volumes, hooks }: Material) {
  const facts = volumes.slice(0, SHOWN).map(({ plan, outcome }) => ({
    claim: volumeName(plan),
    method: plan.method,
    reason: plan.reason,
    ...(outcome && {
      ...{ ok: outcome.ok, bytes: outcome.bytes, sent: outcome.bytesMoved, stagesMs: outcome.stagesMs },
      ...(outcome.problem && { error: explanation(outcome.problem) }),
    }),
  }));
  const hookFacts = hooks.facts(SHOWN);
  return { volumes: facts, ...(hookFacts.length > 0 && { hooks: hookFacts }) };
}

function sealedMetadata({ metadata }: Backup, facts: object): Backup['metadata'] {
  const { managedFields: _, ...rest } = metadata;
  return { ...rest, annotations: { ...rest.annotations, [FACTS_ANNOTATION]: JSON.stringify(facts) } };
}
