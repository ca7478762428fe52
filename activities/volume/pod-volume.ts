import type { Backup } from '../../contracts/api/backup.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import { readResource } from '../../contracts/api/meta.ts';
import type { PodVolumeBackup } from '../../contracts/api/pod-volume.ts';
import type { TransferSummary, VolumeRef } from '../../contracts/activities.ts';
import { POD_VOLUME_REQUESTER, podVolumeSource, protectionName } from '../../contracts/ids.ts';
import type { MoverSpec } from '../../contracts/mover.ts';
import type { RunRef } from '../../contracts/run.ts';
import { LIMITS, TIMEOUTS } from '../../contracts/settings.ts';
import { endedPodVolumeBackup, podVolumeBackup } from '../../core/backup/pod-volume-backup.ts';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import type { VolumeOutcome, VolumePlan } from '../../core/model.ts';
import { hostPath } from '../../core/volume/host-path.ts';
import { sourceText } from '../../platform/kopia/output.ts';
import { deleteRepositorySnapshots, readRunSnapshots } from '../../platform/kopia/repository.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { now } from '../run/status.ts';
import { allowance } from '../support/allowance.ts';
import { volumePlan } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { repositoryOf } from '../support/location.ts';
import type { Location } from '../support/location.ts';
import type { Beat } from '../support/step.ts';
import { repositoryAt } from './backup-repository.ts';
import { removeMovers } from './clean-up.ts';
import { ensureCredentials } from './expose.ts';
import { PodWatch, podFault, podOf } from './pod-watch.ts';
import { movementCredentials } from './repository.ts';
import { common, summary, transfer } from './transfer.ts';

/**
 * File-system backup: a volume of a running pod is read on the pod's node, from the folder where the kubelet keeps it,
 * while the pod goes on using it.
 */

const TIMEOUT_ANNOTATION = 'velero.io/pod-volume-timeout';
/** The node is the pod's, whatever its taints say; the mover takes nobody's place there. */
const EVERYWHERE = [{ operator: 'Exists' }];

/** Shows the volume's PodVolumeBackup, and refuses a volume that cannot be read before anything waits for it. */
export async function acceptPodVolume(deps: Deps, ref: VolumeRef & { failedPods?: string[] }): Promise<void> {
  const { volume: plan, context } = await volumePlan(deps, ref);
  const { run, failedPods = [] } = ref;
  const input = { run, backup: context.resource, location: context.location, plan };
  const accepted = podVolumeBackup(input, { phase: 'Accepted', acceptedTimestamp: now() });
  await deps.kube.ensure(GVR.podVolumeBackups, run.namespace, accepted);
  const pod = podOf(plan);
  const name = `${pod.namespace}/${pod.name}`;
  if (failedPods.includes(name))
    throw new CaravelError('HookFailed', `a hook of pod ${name} failed, so the pod is not backed up`);
  const fault = podFault(await deps.kube.find(GVRS.pods, pod.namespace, pod.name), pod);
  if (fault) throw fault;
  await refuseWindows(deps, pod.node);
  const path = hostPath(deps.config.kubeletRoot, plan);
  await deps.kube.patch(
    GVR.podVolumeBackups,
    run.namespace,
    protectionName(run, plan),
    { status: { path } },
    { type: 'merge' },
  );
}

async function refuseWindows(deps: Deps, name: string): Promise<void> {
  const node = await deps.kube.find<KubeObject>(GVRS.nodes, undefined, name);
  if (node?.metadata.labels?.['kubernetes.io/os'] !== 'windows') return;
  throw new CaravelError('WindowsNotSupported', `node ${name} runs Windows`);
}

/** Creates or re-attaches to the mover beside the pod and follows it to its result, as long as the pod runs. */
export async function transferPodVolume(
  deps: Deps,
  ref: VolumeRef,
  signal: AbortSignal,
  beat: Beat,
): Promise<TransferSummary> {
  const { volume: plan, context, location } = await volumePlan(deps, ref);
  const { run } = ref;
  const pod = podOf(plan);
  const name = protectionName(run, plan);
  await ensureCredentials(deps, run, name, location);
  const watch = new PodWatch(deps.kube, pod);
  try {
    const result = await transfer(deps, beat, AbortSignal.any([signal, watch.gone]), {
      ...{ run, name, shown: GVR.podVolumeBackups },
      spec: moverSpec(deps, run, context.resource, plan, location),
      repository: repositoryAt(run, location, plan.namespace),
      data: { hostPath: hostPath(deps.config.kubeletRoot, plan) },
      placement: { nodeName: pod.node, tolerations: EVERYWHERE },
      ...(context.nodeAgent && { settings: context.nodeAgent }),
      ...timeLimit(context.resource),
    });
    // What the kubelet took away meanwhile is missing in the snapshot.
    const fault = await watch.fault();
    if (fault) throw fault;
    return summary(result);
  } catch (error) {
    if (signal.aborted) throw error;
    const fault = await watch.fault();
    if (!fault) throw error;
    await forget(deps, ref, plan, location, signal);
    throw fault;
  } finally {
    watch.stop();
  }
}

function moverSpec(
  deps: Deps,
  run: RunRef,
  { spec }: Backup,
  plan: VolumePlan,
  location: Location,
): MoverSpec {
  return {
    ...common(deps),
    direction: 'backup',
    live: true,
    runUid: run.uid,
    volumeMode: 'Filesystem',
    repository: repositoryOf(location, plan.namespace),
    source: podVolumeSource(plan),
    tags: tagsOf(plan),
    parallel: spec.uploaderConfig?.parallelFilesUpload || LIMITS.parallelUp,
    policyWritten: true,
  };
}

const tagsOf = (plan: VolumePlan) => ({
  'snapshot-requester': POD_VOLUME_REQUESTER,
  'snapshot-uploader': 'kopia',
  'pod-uid': podOf(plan).uid,
  volume: plan.podVolume ?? '',
});

function timeLimit({ metadata }: Backup): { timeoutMs: number; limit: string } {
  const text = metadata.annotations?.[TIMEOUT_ANNOTATION];
  const limit = `${TIMEOUT_ANNOTATION} (an annotation of the Backup, 4 hours without it)`;
  try {
    return { timeoutMs: allowance(text, TIMEOUTS.podVolume), limit };
  } catch {
    // Velero's answer to one that cannot be read.
    return { timeoutMs: TIMEOUTS.podVolume, limit };
  }
}

/** What was sent of a volume that went away half read is worth nothing, and pinned. */
async function forget(
  deps: Deps,
  { run }: VolumeRef,
  plan: VolumePlan,
  location: Location,
  signal: AbortSignal,
): Promise<void> {
  try {
    await removeMovers(deps.kube, { namespace: run.namespace, name: protectionName(run, plan) }, signal);
    const { kopiaPath, workDir } = deps.config;
    const credentials = await movementCredentials(deps, run.namespace, location);
    const access = { spec: repositoryOf(location, plan.namespace), credentials, kopiaPath, workDir, signal };
    const tags = Object.entries(tagsOf(plan));
    const mine = (await readRunSnapshots(access, run.uid)).filter(
      (manifest) =>
        sourceText(manifest) === podVolumeSource(plan) &&
        tags.every(([key, value]) => manifest.tags?.[`tag:${key}`] === value),
    );
    if (mine.length > 0)
      await deleteRepositorySnapshots(
        access,
        mine.map(({ id }) => id),
      );
  } catch (error) {
    signal.throwIfAborted();
    deps.log.warn('a snapshot that is of no use remains in the repository', { error: messageOf(error) });
  }
}

/** The resources as they ended, whatever became of them in the cluster. */
export async function podVolumeBackups(
  deps: Deps,
  { run, ...at }: { run: RunRef; backup: Backup; location: string },
  volumes: readonly { plan: VolumePlan; outcome?: VolumeOutcome }[],
): Promise<PodVolumeBackup[]> {
  const ended = volumes.map(async ({ plan, outcome }) => {
    if (!outcome) return [];
    const raw = await deps.kube.find(GVR.podVolumeBackups, run.namespace, protectionName(run, plan));
    const shown = raw && readResource<PodVolumeBackup>(raw);
    return [endedPodVolumeBackup({ run, ...at, plan }, outcome, shown)];
  });
  return (await Promise.all(ended)).flat();
}
