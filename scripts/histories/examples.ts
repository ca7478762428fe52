import { ApplicationFailure } from '@temporalio/common';
import { GVR } from '../../contracts/api/gvr.ts';
import { garbageWorkflowId, limiterWorkflowId, repositoryWorkflowId } from '../../contracts/ids.ts';
import type { RunResult } from '../../contracts/run.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { createApplication, fillVolume } from '../../test/support/application.ts';
import { createHooked, fault, isQuiet } from '../../test/support/hooked.ts';
import { holdsSecret, plainText, readHistory, recordedRuns } from '../../test/support/histories.ts';
import { until } from '../../test/support/processes.ts';
import { dropGroup, dropSnapshots, volumeInfos } from '../../test/support/storage.ts';
import { apply, createWorld, ended, removeNamespace } from '../../test/support/world.ts';
import type { World } from '../../test/support/world.ts';
import { record } from './record.ts';

/** Runs of every kind in the lab, made to be recorded. */

const WORLD = 'rec-histories';
const APP = 'rec-app';
const HOOKED = 'rec-hooked';
const COPIES = ['rec-copy', 'rec-objects', 'rec-cancelled', 'rec-failed'];
const VOLUMES = { data: {}, more: {} };

/** Slow enough to act in the middle of a transfer; one mover at once, so that one volume waits for the other. */
const SETTINGS = {
  CARAVEL_MOVERS: '1',
  CARAVEL_UPLOAD_LIMIT: '3000000',
  CARAVEL_DOWNLOAD_LIMIT: '3000000',
};

type Kind = 'Backup' | 'Restore';
const TYPES = { Backup: 'backup', Restore: 'restore' } as const;
const CHILDREN = { Backup: 'protectVolume', Restore: 'recoverVolume' } as const;

export async function recordExamples(): Promise<void> {
  const began = new Date();
  const world = await createWorld(WORLD, SETTINGS);
  try {
    for (const namespace of COPIES) await removeNamespace(world.kube, namespace);
    await createApplication(world, APP, VOLUMES);
    for (const name of Object.keys(VOLUMES)) await fillVolume(world, APP, name, 6, 2_000_000);
    const worker = await world.startWorker();
    await recordBackups(world);
    await recordRestores(world);
    await recordMaintenance(world);
    await worker.stop();
    await world.startWorker({ MOVER_IMAGE: 'localhost/caravel-of-no-lab:1' });
    await recordFailures(world);
    await recordLimiter(world, began);
    await refuseSecrets(world);
  } finally {
    await world.stop([APP, HOOKED, ...COPIES]);
  }
}

const backupSpec = (more: object = {}) => ({ includedNamespaces: [APP], ...more });
const restoreSpec = (backupName: string, copy: string) => ({ backupName, namespaceMapping: { [APP]: copy } });

const workflowIdOf = (kind: Kind, name: string) => `${TYPES[kind]}/${WORLD}/${WORLD}/${name}`;
const childIdOf = (kind: Kind, uid: string, index: number) => `${CHILDREN[kind]}/${uid}/${index}`;

/** Runs to the end; the uid and the result of the run. */
async function run(world: World, kind: Kind, name: string, spec: object): Promise<string> {
  const { metadata } = await apply(world, kind, name, spec);
  await ended(world, kind, name);
  const phase = await phaseOf(world, kind, name);
  console.log(`${kind} ${name}: ${phase}`);
  return metadata.uid ?? '';
}

async function phaseOf(world: World, kind: Kind, name: string): Promise<string> {
  const result = await world.temporal.workflow.getHandle(workflowIdOf(kind, name)).result();
  return (result as RunResult).phase;
}

/** Acts upon a run as soon as a volume of it is on its way, and waits until it is over. */
async function interrupt(
  world: World,
  kind: Kind,
  name: string,
  spec: object,
  act: (uid: string) => Promise<unknown>,
): Promise<string> {
  const { metadata } = await apply(world, kind, name, spec);
  await until(async () => (await movers(world)) || undefined, `a mover of ${name}`);
  await act(metadata.uid ?? '');
  console.log(`${kind} ${name}: ${await phaseOf(world, kind, name)}`);
  return metadata.uid ?? '';
}

async function movers(world: World): Promise<boolean> {
  const labelSelector = 'app.kubernetes.io/component=mover';
  const pods = await world.kube.list<{ status?: { phase?: string } }>(GVRS.pods, {
    namespace: WORLD,
    labelSelector,
  });
  return pods.some(({ status }) => status?.phase === 'Running');
}

const keep = async (world: World, workflowId: string, example: string) =>
  await record(world.temporal, { workflowId, example });

async function recordBackups(world: World): Promise<void> {
  await run(world, 'Backup', 'objects', backupSpec({ snapshotVolumes: false }));
  await keep(world, workflowIdOf('Backup', 'objects'), 'without-volumes');

  const uid = await run(world, 'Backup', 'volumes', backupSpec());
  await keep(world, workflowIdOf('Backup', 'volumes'), 'with-volumes');
  await keep(world, childIdOf('Backup', uid, 0), 'completed');
  await keep(world, repositoryWorkflowId(WORLD, 'default', APP), 'created');

  await run(world, 'Backup', 'refused', backupSpec({ ttl: 'for ever' }));
  await keep(world, workflowIdOf('Backup', 'refused'), 'refused');

  const cancelled = await interrupt(world, 'Backup', 'cancelled', backupSpec(), () =>
    world.kube.remove(GVR.backups, WORLD, 'cancelled'),
  );
  await keep(world, workflowIdOf('Backup', 'cancelled'), 'cancelled');
  await keepCancelled(world, 'Backup', cancelled);

  await interrupt(world, 'Backup', 'broken', backupSpec(), async (owner) => {
    for (const index of Object.keys(VOLUMES).keys())
      await world.temporal.workflow.getHandle(childIdOf('Backup', owner, index)).terminate('to be recorded');
  });
  await keep(world, workflowIdOf('Backup', 'broken'), 'volumes-terminated');
  await recordMethods(world);
  await recordDoor(world);
  await recordHooks(world);
}

/** Volumes that the storage cuts together, snapshots that stay there, and files that are read through pods. */
async function recordMethods(world: World): Promise<void> {
  await label({ 'velero.io/volume-group': 'db' });
  await run(world, 'Backup', 'group', backupSpec());
  await keep(world, workflowIdOf('Backup', 'group'), 'group-snapshot');
  await run(world, 'Backup', 'kept-group', backupSpec({ snapshotMoveData: false }));
  await keep(world, workflowIdOf('Backup', 'kept-group'), 'kept-group');
  const members = (await volumeInfos(world, 'kept-group')).map(({ csiSnapshotInfo }) => csiSnapshotInfo);
  await dropGroup(world, 'csi.caravel.dev', {
    group: members[0]?.volumeGroupSnapshotHandle ?? '',
    handles: members.flatMap((info) => info?.snapshotHandle ?? []),
  });
  await label({ 'velero.io/volume-group': null });

  await run(world, 'Backup', 'kept', backupSpec({ snapshotMoveData: false }));
  await keep(world, workflowIdOf('Backup', 'kept'), 'kept-snapshots');
  const infos = await volumeInfos(world, 'kept');
  const handles = infos.flatMap(({ csiSnapshotInfo }) => csiSnapshotInfo?.snapshotHandle ?? []);
  await dropSnapshots(world, 'csi.caravel.dev', handles);

  const files = backupSpec({ snapshotVolumes: false, defaultVolumesToFsBackup: true });
  const uid = await run(world, 'Backup', 'files', files);
  await keep(world, workflowIdOf('Backup', 'files'), 'file-system');
  await keep(world, childIdOf('Backup', uid, 0), 'file-system');

  async function label(labels: Record<string, string | null>): Promise<void> {
    for (const name of Object.keys(VOLUMES))
      await world.kube.patch(
        GVRS.persistentvolumeclaims,
        APP,
        name,
        { metadata: { labels } },
        { type: 'merge' },
      );
  }
}

/** The run is told that its volumes are cut; of a terminated one nobody tells anything. */
async function recordHooks(world: World): Promise<void> {
  await createHooked(world, HOOKED, { app: { claims: ['data'] } });
  const spec = { includedNamespaces: [HOOKED] };
  const uid = await run(world, 'Backup', 'hooks', spec);
  await keep(world, workflowIdOf('Backup', 'hooks'), 'with-hooks');
  await keep(world, unquiesceIdOf(uid), 'told');

  await fault(world, 'set', '{"call":"CreateSnapshot","delayMs":60000}');
  const { metadata } = await apply(world, 'Backup', 'quiesced', spec);
  await until(async () => (await isQuiet(world, HOOKED, 'app')) || undefined, 'the application is quiesced');
  await world.temporal.workflow.getHandle(workflowIdOf('Backup', 'quiesced')).terminate('to be recorded');
  const lost = unquiesceIdOf(metadata.uid ?? '');
  await world.temporal.workflow.getHandle(lost).result();
  await fault(world, 'clear');
  await keep(world, lost, 'run-ended');
}

const unquiesceIdOf = (uid: string) => `unquiesce/${uid}/0`;

/** A backup that was started as a workflow, under an id of the user's own. */
async function recordDoor(world: World): Promise<void> {
  const workflowId = `door-${WORLD}`;
  const metadata = { name: 'door', namespace: WORLD };
  await world.temporal.workflow.execute('backup', {
    workflowId,
    taskQueue: WORLD,
    args: [
      { apiVersion: 'velero.io/v1', kind: 'Backup', metadata, spec: backupSpec({ snapshotVolumes: false }) },
    ],
  });
  await keep(world, workflowId, 'door');
}

async function recordRestores(world: World): Promise<void> {
  const uid = await run(world, 'Restore', 'volumes', restoreSpec('volumes', 'rec-copy'));
  await keep(world, workflowIdOf('Restore', 'volumes'), 'with-volumes');
  await keep(world, childIdOf('Restore', uid, 0), 'completed');

  await run(world, 'Restore', 'objects', restoreSpec('objects', 'rec-objects'));
  await keep(world, workflowIdOf('Restore', 'objects'), 'without-volumes');

  await run(world, 'Restore', 'refused', restoreSpec('no-such-backup', 'rec-copy'));
  await keep(world, workflowIdOf('Restore', 'refused'), 'refused');

  const cancelled = await interrupt(
    world,
    'Restore',
    'cancelled',
    restoreSpec('volumes', 'rec-cancelled'),
    () => world.kube.remove(GVR.restores, WORLD, 'cancelled'),
  );
  await keep(world, workflowIdOf('Restore', 'cancelled'), 'cancelled');
  await keepCancelled(world, 'Restore', cancelled);
}

/** Movers that never start: a volume fails, and the run says so. */
async function recordFailures(world: World): Promise<void> {
  const backup = await run(world, 'Backup', 'failed', backupSpec());
  await keep(world, workflowIdOf('Backup', 'failed'), 'volumes-failed');
  await keep(world, childIdOf('Backup', backup, 0), 'failed');

  const restore = await run(world, 'Restore', 'failed', restoreSpec('volumes', 'rec-failed'));
  await keep(world, workflowIdOf('Restore', 'failed'), 'volumes-failed');
  await keep(world, childIdOf('Restore', restore, 0), 'failed');
}

async function recordMaintenance(world: World): Promise<void> {
  const { workflow, activity } = world.temporal;
  const workflowId = garbageWorkflowId(WORLD, WORLD);
  const scope = { cluster: WORLD, namespace: WORLD };
  await workflow.execute('collectGarbage', {
    workflowId,
    taskQueue: WORLD,
    args: [scope],
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  await keep(world, workflowId, 'completed');

  // The watch of the controller fails for good, which it does only when a right is missing.
  const controller = workflow.getHandle(`controller/${WORLD}/${WORLD}`);
  const { runId, raw } = await controller.describe();
  const activityId = raw.pendingActivities?.[0]?.activityId ?? '';
  await activity.fail(
    { workflowId: controller.workflowId, runId, activityId },
    ApplicationFailure.nonRetryable('backups.velero.io is forbidden', 'KubeForbidden'),
  );
  await until(async () => {
    const now = await controller.describe();
    return now.runId === runId ? undefined : now;
  }, 'the controller begins anew');
  await record(world.temporal, { workflowId: controller.workflowId, runId, example: 'continued-as-new' });
}

/** The limiter ends when it has been idle for a while, so there may have been several; the longest tells most. */
async function recordLimiter(world: World, began: Date): Promise<void> {
  const workflowId = limiterWorkflowId(WORLD);
  const { workflow } = world.temporal;
  await until(async () => {
    const { status } = await workflow.getHandle(workflowId).describe();
    return status.name === 'RUNNING' ? undefined : status;
  }, 'the limiter has ended');
  const query = `WorkflowId = '${workflowId}' AND StartTime > '${began.toISOString()}'`;
  let longest = { runId: '', length: 0 };
  for await (const { runId, historyLength: length = 0 } of workflow.list({ query }))
    if (length > longest.length) longest = { runId, length };
  await record(world.temporal, { workflowId, runId: longest.runId, example: 'completed' });
}

/** The last moment at which the secrets of the world are known. */
async function refuseSecrets(world: World): Promise<void> {
  const { data } = await world.kube.get<{ data: Record<string, string> }>(
    GVRS.secrets,
    WORLD,
    'velero-repo-credentials',
  );
  const passwords = Object.values(data).map((value) => Buffer.from(value, 'base64').toString('utf8'));
  const { S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } = world.env;
  const keys = { ids: [S3_ACCESS_KEY_ID], secrets: [S3_SECRET_ACCESS_KEY, ...passwords] };
  for (const run of recordedRuns()) {
    if (holdsSecret(plainText(readHistory(run)), keys))
      throw new Error(`the history ${run.type}/${run.example} holds a secret: do not commit it`);
  }
}

/** Names of the activities that a run began. */
async function stepsOf(world: World, workflowId: string, runId?: string): Promise<Set<string>> {
  const { events } = await world.temporal.workflow.getHandle(workflowId, runId).fetchHistory();
  const names = (events ?? []).map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name);
  return new Set(names.filter((name) => typeof name === 'string'));
}

/** One volume was on its way when the run was cancelled, the other waited for its slot. */
async function keepCancelled(world: World, kind: Kind, uid: string): Promise<void> {
  for (const index of Object.keys(VOLUMES).keys()) {
    const steps = await stepsOf(world, childIdOf(kind, uid, index));
    const moving = steps.has('transferUp') || steps.has('transferDown');
    await keep(world, childIdOf(kind, uid, index), moving ? 'cancelled' : 'cancelled-waiting');
  }
}
