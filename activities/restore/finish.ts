import type { RestoreActivities, StageTimes } from '../../contracts/activities.ts';
import type { Restore } from '../../contracts/api/restore.ts';
import { operationId } from '../../contracts/ids.ts';
import type { RunRef, RunResult } from '../../contracts/run.ts';
import { renderOperations } from '../../core/format/item-operations.ts';
import { restoreKeys } from '../../core/format/keys.ts';
import { renderResourceList } from '../../core/format/resource-list.ts';
import { renderResults, resultsOf } from '../../core/format/results.ts';
import { renderVolumeInfos } from '../../core/format/volume-info.ts';
import type { ApplyReport, ArchiveIndex, RestorePlan, VolumeOutcome } from '../../core/model.ts';
import { countProblems, explanation, phaseOf } from '../../core/problems.ts';
import type { Problem } from '../../core/problems.ts';
import { addClaim, claimOperation, claimVolumeInfo, restoreLog } from '../../core/restore/outcome.ts';
import type { RecoveredClaim } from '../../core/restore/outcome.ts';
import { countItems, emptyReport } from '../../core/restore/report.ts';
import { getDoc } from '../../platform/store/documents.ts';
import { putGzip } from '../../platform/store/gzip-file.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import { factsAnnotation, now, patchRun, stageFacts } from '../run/status.ts';
import { openRun } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { settleVolumes } from './settle-volumes.ts';

type Input = Parameters<RestoreActivities['finishRestore']>[0];

/** All that the files of the restore are made of. */
interface Material {
  run: RunRef;
  plan: RestorePlan;
  reports: ApplyReport[];
  recovered: RecoveredClaim[];
  problems: Problem[];
}

/** Settles the volumes, writes the files, and then says in the resource how it ended. */
export async function finishRestore(deps: Deps, input: Input, signal: AbortSignal): Promise<RunResult> {
  const { store } = await openRun<Restore>(deps, input);
  const gathered = await gather(store, input);
  const { claims, problems } = await settleVolumes(deps.kube, gathered.recovered, signal);
  const material = { ...gathered, recovered: claims, problems: [...gathered.problems, ...problems] };
  const result = resultOf(material);
  await writeFiles(store, material, input.stages);
  await patchRun(deps.kube, input.run, () => ({
    metadata: factsAnnotation(stageFacts(input.stages, volumeFacts(material))),
    status: finalStatus(material, result),
  }));
  return result;
}

async function gather(store: ObjectStore, input: Input): Promise<Material> {
  const { run } = input;
  const [plan, archive, reports, outcomes] = await Promise.all([
    getDoc<RestorePlan>(store, input.plan),
    getDoc<ArchiveIndex>(store, input.archive),
    Promise.all(input.reports.map((ref) => getDoc<ApplyReport>(store, ref))),
    Promise.all(input.outcomes.map((ref) => getDoc<VolumeOutcome>(store, ref))),
  ]);
  const byIndex = new Map(outcomes.map((outcome) => [outcome.index, outcome]));
  const recovered = plan.recoveries.map((recovery): RecoveredClaim => {
    const outcome = byIndex.get(recovery.index);
    const id = operationId('restore', run.uid, recovery.sourceClaimUid);
    return { plan: recovery, ...(outcome && { outcome }), operationId: id, volume: '' };
  });
  const claims = emptyReport();
  for (const claim of recovered) addClaim(claims, claim);
  const all = [...reports, claims];
  const problems = [archive, plan, ...all].flatMap((part) => part.problems);
  return { run, plan, reports: all, recovered, problems };
}

async function writeFiles(store: ObjectStore, material: Material, stages: StageTimes): Promise<void> {
  const { run, plan, reports, recovered, problems } = material;
  const keys = restoreKeys(run.name);
  const time = now();
  const log = restoreLog({
    restore: `${run.namespace}/${run.name}`,
    time,
    stagesMs: stages,
    names: mergedNames(reports),
    recovered,
    reprovisioned: plan.reprovisioned,
    notes: reports.flatMap(({ notes }) => notes),
    problems,
  });
  const operations = recovered.map((claim) => claimOperation(run, claim));
  await Promise.all([
    putGzip(store, keys.logs, log),
    putGzip(store, keys.results, renderResults(resultsOf(problems))),
    putGzip(store, keys.resourceList, renderResourceList(reports.map(({ names }) => names))),
    putGzip(store, keys.itemOperations, renderOperations(operations)),
    putGzip(store, keys.volumeInfo, renderVolumeInfos(recovered.map(claimVolumeInfo))),
  ]);
}

function mergedNames(reports: readonly ApplyReport[]): Record<string, string[]> {
  const merged: Record<string, string[]> = {};
  for (const { names } of reports) {
    for (const [kind, list] of Object.entries(names)) (merged[kind] ??= []).push(...list);
  }
  return merged;
}

const total = (reports: readonly ApplyReport[]) =>
  reports.reduce((sum, report) => sum + countItems(report), 0);

function resultOf({ run, reports, recovered, problems }: Material): RunResult {
  const counts = countProblems(problems);
  const filled = recovered.filter(({ outcome }) => outcome?.ok);
  const first = problems.find(({ severity }) => severity === 'error');
  return {
    name: run.name,
    uid: run.uid,
    phase: phaseOf(counts),
    items: total(reports),
    volumes: filled.length,
    bytes: filled.reduce((sum, { outcome }) => sum + (outcome?.bytes ?? 0), 0),
    ...counts,
    ...(first && { reason: `${first.code}: ${first.message}` }),
  };
}

function finalStatus({ recovered }: Material, { phase, items, warnings, errors, volumes }: RunResult) {
  const failed = recovered.length - volumes;
  return {
    phase,
    completionTimestamp: now(),
    progress: { totalItems: items, itemsRestored: items },
    ...(warnings > 0 && { warnings }),
    ...(errors > 0 && { errors }),
    ...(recovered.length > 0 && {
      restoreItemOperationsAttempted: recovered.length,
      restoreItemOperationsCompleted: volumes,
      ...(failed > 0 && { restoreItemOperationsFailed: failed }),
    }),
    hookStatus: {},
  };
}

/** The volumes shown with the resource; the whole list is in the volume info file. */
const SHOWN_VOLUMES = 20;

function volumeFacts({ recovered }: Material) {
  const volumes = recovered.slice(0, SHOWN_VOLUMES).map(({ plan, outcome }) => ({
    claim: `${plan.namespace}/${plan.claim}`,
    ok: outcome?.ok === true,
    ...(outcome && { bytes: outcome.bytes, moved: outcome.bytesMoved, stagesMs: outcome.stagesMs }),
    ...(outcome?.problem && { error: explanation(outcome.problem) }),
  }));
  return { volumes };
}
