import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { collectGarbage } from '../../activities/engine/collect-garbage.ts';
import { storeContext } from '../../activities/support/context.ts';
import { scratchOwner } from '../../activities/support/scratch-owner.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import { runWorkflowId, SCRATCH_OWNER, scratchPrefix } from '../../contracts/ids.ts';
import type { RunRef, RunType } from '../../contracts/run.ts';
import { formatScratchOwner } from '../../core/format/scratch-owner.ts';
import { depsOf } from '../support/deps.ts';
import { createWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** What is left in a bucket of runs that no longer run, as a real Temporal tells of them. */

let world: World;

beforeAll(async () => {
  world = await createWorld('it-garbage');
});

afterAll(() => world.stop());

afterEach(async () => {
  for (const top of ['backups/', 'restores/']) await world.store.removeAll(top);
});

const runOf = (name: string, uid: string, type: RunType = 'backup'): RunRef => ({
  type,
  cluster: world.name,
  namespace: world.name,
  name,
  uid,
});

/** What a run writes first. */
async function begin(run: RunRef): Promise<void> {
  await storeContext(depsOf(world).deps, world.store, run, {
    resource: {
      apiVersion: 'velero.io/v1',
      kind: 'Backup',
      metadata: { name: run.name, namespace: world.name, uid: run.uid },
      spec: {},
    },
    location: 'default',
    startedAt: new Date().toISOString(),
    cluster: await world.kube.version(),
  });
}

/** A workflow that runs, since nobody asks this queue for work. */
const running = ({ type, ...run }: RunRef) =>
  world.temporal.workflow.start(type, {
    workflowId: runWorkflowId({ type, ...run }),
    taskQueue: 'nobody',
    args: [{ namespace: run.namespace, name: run.name, uid: run.uid }],
    memo: { uid: run.uid },
  });

async function removed(): Promise<string[]> {
  const scope = { cluster: world.name, namespace: world.name };
  const collected = await collectGarbage(depsOf(world).deps, scope, AbortSignal.timeout(60_000));
  return collected.removed.filter((name) => name.includes('/.caravel/'));
}

test('the scratch of a run goes while its successor of the same name runs, whose own stays', async () => {
  const [old, fresh] = [runOf('again', 'old'), runOf('again', 'new')];
  await begin(old);
  const first = await running(old);
  expect(await removed()).toEqual([]);
  await first.terminate('by the test');
  const second = await running(fresh);
  await begin(fresh);
  expect(await removed()).toEqual([scratchPrefix(old)]);
  expect(await world.store.folders('backups/again/.caravel/')).toEqual(['new']);
  await second.terminate('by the test');
  expect(await removed()).toEqual([scratchPrefix(fresh)]);
});

test('the scratch of another cluster of the same name stays', async () => {
  const run = runOf('foreign', 'there');
  await begin(run);
  const owner = await scratchOwner(depsOf(world).deps, runWorkflowId(run));
  const foreign = formatScratchOwner({ ...owner, clusterUid: 'another' });
  await world.store.put(`${scratchPrefix(run)}${SCRATCH_OWNER}`, foreign);
  await begin(runOf('ours', 'here'));
  expect(await removed()).toEqual([scratchPrefix(runOf('ours', 'here'))]);
  expect(await world.store.head(`${scratchPrefix(run)}${SCRATCH_OWNER}`)).toBeDefined();
});

test('in a location that is ReadOnly only restores leave scratch', async () => {
  const [backup, restore] = [runOf('b', 'u-1'), runOf('r', 'u-2', 'restore')];
  await begin(backup);
  await begin(restore);
  const spec = (accessMode: string | null) =>
    world.kube.patch(
      GVR.backupStorageLocations,
      world.name,
      'default',
      { spec: { accessMode } },
      { type: 'merge' },
    );
  await spec('ReadOnly');
  expect(await removed()).toEqual([scratchPrefix(restore)]);
  await spec(null);
  expect(await removed()).toEqual([scratchPrefix(backup)]);
});
