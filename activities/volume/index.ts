import type {
  GroupRef,
  ProtectActivities,
  RecoverActivities,
  RepositoryActivities,
  RunContextRef,
  VolumeRef,
} from '../../contracts/activities.ts';
import { protectionName, scratchPrefix, volumeObjectName } from '../../contracts/ids.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import type { DocRef } from '../../contracts/run.ts';
import type { VolumeCut, VolumeOutcome } from '../../core/model.ts';
import { explanation } from '../../core/problems.ts';
import type { Problem } from '../../core/problems.ts';
import { putDoc } from '../../platform/store/documents.ts';
import type { Deps } from '../support/deps.ts';
import { openRun, recoveryPlan, volumePlan } from '../support/context.ts';
import { activity } from '../support/step.ts';
import { removeClaim, removeCredentials, removeMovers, removeSnapshots, sourceOf } from './clean-up.ts';
import { cutVolume } from './cut.ts';
import { cleanUpGroup, cutGroup } from './group-snapshot.ts';
import { handOverSnapshot } from './hand-over-snapshot.ts';
import { cleanUpRecovery, handOverVolume, releaseVolume, withholdClaim } from './hand-over-volume.ts';
import { keepGroup } from './keep-group.ts';
import { keepSnapshot } from './keep-snapshot.ts';
import { MOVEMENT_GVR, showMovement } from './movement.ts';
import { acceptPodVolume, transferPodVolume } from './pod-volume.ts';
import { provenOutcome } from './proof.ts';
import { initialiseRepository, prepareRepositories, prepareRepository } from './repository.ts';
import { settleKeptOf } from './settle-kept.ts';
import { readSnapshots } from './snapshot-facts.ts';
import { transferDown, transferUp } from './transfer.ts';

/** The verbs of one volume, backup and restore. */
export function volumeActivities(deps: Deps): ProtectActivities & RecoverActivities & RepositoryActivities {
  return {
    cutVolume: activity((ref: VolumeRef, signal) => cutVolume(deps, ref, signal)),
    cutGroup: activity((ref: GroupRef, signal) => cutGroup(deps, ref, signal)),
    cleanUpGroup: activity((ref: GroupRef, signal) => cleanUpGroup(deps, ref, signal)),
    handOverSnapshot: activity((ref: VolumeRef & { cut: VolumeCut }, signal) =>
      handOverSnapshot(deps, ref, signal),
    ),
    keepSnapshot: activity((ref: VolumeRef & { cut: VolumeCut }, signal) => keepSnapshot(deps, ref, signal)),
    keepGroup: activity((ref: GroupRef & { cuts: VolumeCut[] }, signal) => keepGroup(deps, ref, signal)),
    settleKept: activity((ref: RunContextRef, signal) => settleKeptOf(deps, ref, signal)),
    prepareRepository: activity((ref: VolumeRef) => prepareRepository(deps, ref)),
    prepareRepositories: activity((ref: RunContextRef & { volumes: DocRef }) =>
      prepareRepositories(deps, ref),
    ),
    transferUp: activity((ref: VolumeRef & { cut: VolumeCut }, signal, beat) =>
      transferUp(deps, ref, signal, beat),
    ),
    acceptPodVolume: activity((ref: VolumeRef & { failedPods?: string[] }) => acceptPodVolume(deps, ref)),
    transferPodVolume: activity((ref: VolumeRef, signal, beat) => transferPodVolume(deps, ref, signal, beat)),
    cleanUpProtection: activity((ref: VolumeRef & { cut?: VolumeCut }, signal) =>
      cleanUpProtection(deps, ref, signal),
    ),
    recordOutcome: activity((ref: OutcomeRef, signal) => recordOutcome(deps, ref, signal)),
    readSnapshots: activity((ref: RunContextRef & { plan: DocRef }) => readSnapshots(deps, ref)),
    transferDown: activity((ref: VolumeRef, signal, beat) => transferDown(deps, ref, signal, beat)),
    releaseVolume: activity((ref: VolumeRef, signal) => releaseVolume(deps, ref, signal)),
    handOverVolume: activity((ref: VolumeRef, signal) => handOverVolume(deps, ref, signal)),
    withholdClaim: activity((ref: VolumeRef & { reason: string }) => withholdClaim(deps, ref)),
    cleanUpRecovery: activity((ref: VolumeRef, signal) => cleanUpRecovery(deps, ref, signal)),
    initialiseRepository: activity(
      (input: Parameters<RepositoryActivities['initialiseRepository']>[0], signal) =>
        initialiseRepository(deps, input, signal),
    ),
  };
}

type OutcomeRef = Parameters<ProtectActivities['recordOutcome']>[0];

async function cleanUpProtection(
  deps: Deps,
  ref: VolumeRef & { cut?: VolumeCut },
  signal: AbortSignal,
): Promise<void> {
  const { volume } = await volumePlan(deps, ref);
  const at = {
    namespace: ref.run.namespace,
    name: protectionName(ref.run, volume),
  };
  if (volume.method === 'fs-backup') {
    await Promise.all([removeMovers(deps.kube, at, signal), removeCredentials(deps.kube, at)]);
    return;
  }
  const content = ref.cut && !ref.cut.group && { content: ref.cut.content };
  const source = { ...sourceOf(ref, volume), ...content };
  // The cluster keeps what must go in order: a claim outlives its pod, and holds on to nothing of the snapshot once it
  // is provisioned.
  await Promise.all([
    removeMovers(deps.kube, at, signal),
    removeCredentials(deps.kube, at),
    removeClaim(deps.kube, at, signal),
    removeSnapshots(deps.kube, at, source, signal),
  ]);
}

/** The movement's resource tells the end, and a document keeps it for the run's own files. */
async function recordOutcome(deps: Deps, ref: OutcomeRef, signal: AbortSignal) {
  const { run, sent } = ref;
  const { store } = await openRun(deps, ref);
  const outcome = sent ? await provenOutcome(deps, { ...ref, sent }, signal) : ref.outcome;
  const { gvr, name } = await movementOf(deps, ref);
  await showMovement(deps.kube, gvr, { namespace: run.namespace, name }, movementEnd({ run, outcome }));
  return await putDoc(store, `${scratchPrefix(run)}outcomes/${ref.index}.json`, { ...outcome, object: name });
}

/** The resource that shows the volume's transfer. */
async function movementOf(deps: Deps, ref: VolumeRef) {
  const { run } = ref;
  if (run.type === 'restore') {
    const { namespace, claim } = (await recoveryPlan(deps, ref)).volume;
    return { gvr: MOVEMENT_GVR.restore, name: volumeObjectName(run, namespace, claim) };
  }
  const { volume } = await volumePlan(deps, ref);
  const gvr = volume.method === 'fs-backup' ? GVR.podVolumeBackups : MOVEMENT_GVR.backup;
  return { gvr, name: protectionName(run, volume) };
}

function movementEnd({ run, outcome }: { run: VolumeRef['run']; outcome: VolumeOutcome }) {
  const completionTimestamp = outcome.completedAt.replace(/\.\d+Z$/, 'Z');
  if (!outcome.ok) {
    const canceled = outcome.problem?.code === 'Canceled';
    return {
      phase: canceled ? 'Canceled' : 'Failed',
      message: outcome.problem ? wordsOf(outcome.problem) : '',
      completionTimestamp,
    };
  }
  const progress = { totalBytes: outcome.bytes, bytesDone: outcome.bytes };
  const upload = { snapshotID: outcome.snapshotId ?? '', incrementalBytes: outcome.bytesMoved };
  return {
    phase: 'Completed',
    message: '',
    completionTimestamp,
    progress,
    ...(run.type === 'backup' && upload),
  };
}

const wordsOf = (problem: Problem) => (problem.code === 'Canceled' ? problem.message : explanation(problem));
