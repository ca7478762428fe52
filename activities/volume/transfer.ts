import { Context } from '@temporalio/activity';
import type { TransferSummary, VolumeRef } from '../../contracts/activities.ts';
import {
  dataMoverSource,
  LABELS,
  moverPodName,
  moverSecretName,
  operationId,
  volumeObjectName,
} from '../../contracts/ids.ts';
import { MOVER_VOLUME_PATH } from '../../contracts/mover.ts';
import type { MoverEvent, MoverSpec, TransferResult } from '../../contracts/mover.ts';
import type { RunRef } from '../../contracts/run.ts';
import { LIMITS, PROGRESS_INTERVAL, TIMEOUTS } from '../../contracts/settings.ts';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import type { VolumeCut } from '../../core/model.ts';
import { moverPod } from '../../core/volume/mover-pod.ts';
import type { MoverData, MoverPodSettings } from '../../core/volume/mover-pod.ts';
import { moverPlacement } from '../../core/volume/mover-settings.ts';
import { NO_SETTINGS } from '../../core/volume/node-agent.ts';
import type { Gvr } from '../../platform/kube/types.ts';
import { allowance } from '../support/allowance.ts';
import type { Deps } from '../support/deps.ts';
import { recoveryPlan, volumePlan } from '../support/context.ts';
import { repositoryOf } from '../support/location.ts';
import type { Beat } from '../support/step.ts';
import { backupClaim, exposeRecovery, exposeSnapshot, volumeMarks } from './expose.ts';
import { repositoryAt, showFault } from './backup-repository.ts';
import type { RepositoryAt } from './backup-repository.ts';
import { followMover } from './follow-mover.ts';
import { MOVEMENT_GVR, showMovement } from './movement.ts';
import { transferBegins } from './proof.ts';
import { snapshotFacts } from './snapshot-facts.ts';
import type { MovementStatus } from './movement.ts';
import { now } from '../run/status.ts';

/** What a later attempt of the step must know of an earlier one. */
interface TransferBeat {
  /** Number of the mover pod last seen. */
  attempt: number;
  startedAt: string;
  bytesDone: number;
  bytesTotal: number;
}

interface Transfer {
  run: RunRef;
  name: string;
  /** Resource that shows it. */
  shown: Gvr;
  repository: RepositoryAt;
  spec: MoverSpec;
  data: MoverData;
  placement: Record<string, unknown>;
  settings?: MoverPodSettings;
  timeoutMs: number;
  /** What sets the time. */
  limit: string;
}

const OPERATION_TIMEOUT = 'spec.itemOperationTimeout';

export async function transferUp(
  deps: Deps,
  ref: VolumeRef & { cut: VolumeCut },
  signal: AbortSignal,
  beat: Beat,
): Promise<TransferSummary> {
  const { volume, context, location } = await volumePlan(deps, ref);
  const { nodeAgent: settings = NO_SETTINGS } = context;
  const { spec } = context.resource;
  const name = volumeObjectName(ref.run, volume.namespace, volume.claim);
  const { readOnly, spcNoRelabeling } = backupClaim(context, volume);
  await exposeSnapshot(deps, ref);
  const result = await transfer(deps, beat, signal, {
    run: ref.run,
    name,
    spec: {
      ...common(deps),
      direction: 'backup',
      runUid: ref.run.uid,
      volumeMode: volume.volumeMode,
      repository: repositoryOf(location, volume.namespace),
      source: dataMoverSource(volume.namespace, volume.claim),
      tags: {
        'snapshot-requester': 'snapshot-data-upload-download',
        'snapshot-uploader': 'kopia',
        [LABELS.operationId]: operationId('backup', ref.run.uid, volume.claimUid),
      },
      parallel: spec.uploaderConfig?.parallelFilesUpload || LIMITS.parallelUp,
      blockEntry: `/${name}`,
      policyWritten: true,
    },
    data: { claim: name, readOnly, noRelabeling: readOnly && spcNoRelabeling },
    shown: MOVEMENT_GVR.backup,
    repository: repositoryAt(ref.run, location, volume.namespace),
    placement: moverPlacement(settings, volume.storageClass),
    settings,
    timeoutMs: allowance(spec.itemOperationTimeout, TIMEOUTS.itemOperation),
    limit: OPERATION_TIMEOUT,
  });
  return summary(result);
}

export async function transferDown(
  deps: Deps,
  ref: VolumeRef,
  signal: AbortSignal,
  beat: Beat,
): Promise<TransferSummary> {
  const { volume, context, location } = await recoveryPlan(deps, ref);
  const { nodeAgent: settings = NO_SETTINGS } = context;
  const { spec } = context.resource;
  const name = volumeObjectName(ref.run, volume.namespace, volume.claim);
  const [facts] = await Promise.all([snapshotFacts(deps, ref, volume), exposeRecovery(deps, ref)]);
  const result = await transfer(deps, beat, signal, {
    run: ref.run,
    name,
    spec: {
      ...common(deps),
      direction: 'restore',
      runUid: ref.run.uid,
      volumeMode: volume.volumeMode,
      repository: repositoryOf(location, volume.repositoryNamespace),
      source: dataMoverSource(volume.repositoryNamespace, volume.claim),
      tags: {},
      parallel: spec.uploaderConfig?.parallelFilesDownload || LIMITS.parallelDown,
      restore: {
        snapshotId: volume.snapshotId,
        sparse: spec.uploaderConfig?.writeSparseFiles ?? true,
        ...(facts && { facts }),
      },
    },
    data: { claim: name },
    shown: MOVEMENT_GVR.restore,
    repository: repositoryAt(ref.run, location, volume.repositoryNamespace),
    placement: volume.placement ?? moverPlacement(settings, volume.storageClass),
    settings,
    timeoutMs: allowance(spec.itemOperationTimeout, TIMEOUTS.itemOperation),
    limit: OPERATION_TIMEOUT,
  });
  return summary(result);
}

export const common = ({ config }: Deps) => ({
  version: 1 as const,
  attempt: 1,
  checkpointSeconds: config.checkpointSeconds,
  uploadLimit: config.uploadLimit,
  downloadLimit: config.downloadLimit,
});

export const summary = (result: TransferResult): TransferSummary => ({
  snapshotId: result.snapshotId,
  ...(result.root && { root: result.root }),
  ...{ dirs: result.dirs, symlinks: result.symlinks },
  bytesTotal: result.bytesTotal,
  bytesMoved: result.bytesUploaded,
  files: result.files,
  notKept: result.notKept,
  stagesMs: result.stagesMs,
});

export async function transfer(
  deps: Deps,
  beat: Beat,
  outer: AbortSignal,
  work: Transfer,
): Promise<TransferResult> {
  const earlier = Context.current().info.heartbeatDetails as TransferBeat | undefined;
  const state: TransferBeat = earlier ?? { attempt: 0, startedAt: now(), bytesDone: 0, bytesTotal: 0 };
  beat.details = state;
  const left = Date.parse(state.startedAt) + work.timeoutMs - Date.now();
  const deadline = AbortSignal.timeout(Math.max(1, Math.min(left, 2 ** 31 - 1)));
  const show = shower(deps, work);
  const sends = work.spec.direction === 'backup';
  const ended = sends ? transferBegins(work.run, work.repository.namespace) : () => undefined;
  try {
    const result = await followMover({
      kube: deps.kube,
      at: { namespace: work.run.namespace, name: work.name },
      signal: AbortSignal.any([outer, deadline]),
      // A step that was tried before looks for the snapshot that an earlier mover may have finished.
      firstAttempt: Math.max(state.attempt + 1, Context.current().info.attempt),
      podFor: (attempt) => podOf(deps, work, attempt),
      onStart: async (attempt, node) => {
        state.attempt = attempt;
        await show.now({ phase: 'InProgress', startTimestamp: state.startedAt, ...whereabouts(work, node) });
      },
      onProgress: (event) => {
        Object.assign(state, { bytesDone: event.bytesDone, bytesTotal: event.bytesTotal });
        show.soon(event);
      },
    });
    await show.stop();
    return result;
  } catch (error) {
    await show.stop();
    if (deadline.aborted && !outer.aborted) throw timedOut(work);
    if (!outer.aborted) await show.now({ message: messageOf(error) });
    await showFault(deps, work.repository, error);
    throw error;
  } finally {
    ended();
  }
}

/** Where the data is read or written, in the fields that the resource has. */
function whereabouts({ shown }: Transfer, node: string | undefined): MovementStatus {
  if (shown.resource === 'podvolumebackups') return {};
  const upload = { path: MOVER_VOLUME_PATH, nodeOS: 'linux' };
  return { ...(node && { node }), ...(shown.resource === 'datauploads' && upload) };
}

const timedOut = (work: Transfer) =>
  new CaravelError('Timeout', `the transfer of ${work.name} did not end within ${work.limit}`);

function podOf({ config }: Deps, work: Transfer, attempt: number): object {
  const { run, name, spec, data, placement, settings } = work;
  const marks = volumeMarks(run, name, 'mover');
  return moverPod({
    name: moverPodName(name, attempt),
    namespace: run.namespace,
    labels: { ...marks.labels, [LABELS.attempt]: String(attempt) },
    annotations: marks.annotations,
    image: config.moverImage,
    imagePullPolicy: config.moverImagePullPolicy,
    serviceAccount: config.moverServiceAccount,
    data,
    secret: moverSecretName(name),
    spec: { ...spec, attempt },
    graceSeconds: TIMEOUTS.moverGraceSeconds,
    placement,
    ...(settings && { settings }),
  });
}

/** Writes progress to the movement's resource, at most once an interval, one write at a time. */
function shower({ kube, log }: Deps, { run, name, shown }: Transfer) {
  let next: Extract<MoverEvent, { t: 'progress' }> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  const write = (status: object) => {
    writing = writing
      .then(() => showMovement(kube, shown, { namespace: run.namespace, name }, status))
      .catch((error: unknown) => log.debug('progress was not written', { error: messageOf(error) }));
    return writing;
  };
  const flush = () => {
    timer = undefined;
    if (next) void write({ progress: { totalBytes: next.bytesTotal, bytesDone: next.bytesDone } });
    next = undefined;
  };
  return {
    now: write,
    soon: (event: Extract<MoverEvent, { t: 'progress' }>) => {
      next = event;
      timer ??= setTimeout(flush, PROGRESS_INTERVAL);
    },
    stop: async () => {
      clearTimeout(timer);
      await writing;
    },
  };
}
