import type { PreviewActivities, PreviewOpened, PreviewStart } from '../../contracts/activities.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import type { DataUpload } from '../../contracts/api/data-movement.ts';
import { readResource } from '../../contracts/api/meta.ts';
import type { PodVolumeBackup } from '../../contracts/api/pod-volume.ts';
import { LABELS, previewWorkflowId } from '../../contracts/ids.ts';
import type { BackupPreview, PreviewInput } from '../../contracts/preview.ts';
import type { RunRef } from '../../contracts/run.ts';
import { LIMITS } from '../../contracts/settings.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { backupKeys } from '../../core/format/keys.ts';
import type { GroupHooks } from '../../core/hooks/hook.ts';
import type { BackupPlan, ShardIndex, VolumePlans } from '../../core/model.ts';
import { boundedPreview, previewOf, rejectedPreview } from '../../core/plan/preview.ts';
import { getDoc } from '../../platform/store/documents.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import { checkBackup } from '../backup/check-spec.ts';
import { now } from '../run/status.ts';
import { openRun, storeContext } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { activity } from '../support/step.ts';

/** Planning a backup without a Backup: the steps of a backup up to the decision about volumes, in scratch alone. */
export function previewActivities(deps: Deps): PreviewActivities {
  return {
    openPreview: activity((input: PreviewStart) => openPreview(deps, input)),
    reportPreview: activity((input: Parameters<PreviewActivities['reportPreview']>[0]) =>
      reportPreview(deps, input),
    ),
  };
}

async function openPreview(deps: Deps, input: PreviewStart): Promise<PreviewOpened> {
  if (typeof input.spec !== 'object' || input.spec === null)
    throw new CaravelError('InvalidInput', 'spec: the spec of a Backup must be given');
  const { uid, namespace = deps.config.namespace, startedAs } = input;
  // A part of keys and ids. Somebody may have typed it in the Temporal UI.
  if (!/^[\w-]{1,64}$/.test(uid))
    throw new CaravelError('InvalidInput', 'uid: up to 64 letters, digits, dashes and underscores');
  const { cluster } = deps.config;
  const workflowId = previewWorkflowId(cluster, namespace, uid);
  if (startedAs !== workflowId) return { state: 'elsewhere', workflowId };
  // Its scratch lies where that of a backup of this name would.
  const run: RunRef = { type: 'backup', cluster, namespace, name: `plan-${uid}`, uid };
  const backup = backupFor(run, input);
  const { spec, location, errors: faults, ...settings } = await checkBackup(deps, run, backup);
  const errors = [...faults, ...(location ? await nameErrors(location.store, input.name) : [])];
  if (!location || errors.length > 0) {
    return { state: 'rejected', preview: rejectedPreview(spec, spec.storageLocation ?? '', errors) };
  }
  const context = {
    resource: { ...backup, spec },
    location: location.resource.metadata.name,
    startedAt: now(),
    cluster: await deps.kube.version(),
    ...settings,
  };
  return { state: 'ready', run, context: await storeContext(deps, location.store, run, context, workflowId) };
}

function backupFor({ name, namespace, uid }: RunRef, { spec, annotations = {} }: PreviewInput): Backup {
  const metadata = { name, namespace, uid, annotations };
  return readResource<Backup>({ apiVersion: 'velero.io/v1', kind: 'Backup', metadata, spec });
}

async function nameErrors(store: ObjectStore, name: string | undefined): Promise<string[]> {
  if (!name || !(await store.head(backupKeys(name).metadata))) return [];
  return [`BackupExists: a backup named ${name} is already in the bucket; choose another name`];
}

async function reportPreview(
  deps: Deps,
  input: Parameters<PreviewActivities['reportPreview']>[0],
): Promise<BackupPreview> {
  const { context, store } = await openRun<Backup>(deps, input);
  const [plan, volumes, shards, hooks] = await Promise.all([
    getDoc<BackupPlan>(store, input.plan),
    getDoc<VolumePlans>(store, input.volumes),
    Promise.all(input.shards.map((ref) => getDoc<ShardIndex>(store, ref))),
    input.hooks ? getDoc<GroupHooks[]>(store, input.hooks) : [],
  ]);
  const { spec } = context.resource;
  const lastBytes = await lastTransfers(deps, input.run.namespace);
  const preview = previewOf({ spec, location: context.location, plan, volumes, shards, hooks, lastBytes });
  // Half of what a payload may have: the workflow and its activity both carry it.
  return boundedPreview(preview, LIMITS.payloadBytes - 1024);
}

/** Bytes of the newest finished transfer of each claim, by its uid: the best guess at the next one. */
async function lastTransfers({ kube }: Deps, namespace: string): Promise<Map<string, number>> {
  const options = { namespace, labelSelector: LABELS.pvcUid };
  const lists = await Promise.all(
    [GVR.dataUploads, GVR.podVolumeBackups].map((gvr) => kube.list(gvr, options)),
  );
  const done = lists
    .flat()
    .map((raw) => readResource<Moved>(raw))
    .filter(({ status }) => status?.phase === 'Completed')
    .sort((a, b) => (endOf(a) < endOf(b) ? -1 : 1));
  // The last of a claim wins.
  return new Map(done.map((moved) => [moved.metadata.labels?.[LABELS.pvcUid] ?? '', bytesOf(moved)]));
}

type Moved = DataUpload | PodVolumeBackup;
const endOf = ({ status }: Moved) => status?.completionTimestamp ?? '';
const bytesOf = ({ status }: Moved) => status?.progress?.totalBytes ?? 0;
