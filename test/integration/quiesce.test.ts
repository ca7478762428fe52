import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Activities, GroupWindow, PlannedGroup } from '../../contracts/activities.ts';
import { quietClaim } from '../../activities/hooks/request-quiet.ts';
import { askLimiter, isRunning } from '../../activities/engine/slots.ts';
import { limiterWorkflowId, unquiesceWorkflowId } from '../../contracts/ids.ts';
import { SIGNALS } from '../../contracts/messages.ts';
import type { Execution, RunRef } from '../../contracts/run.ts';
import { LIMITS } from '../../contracts/settings.ts';
import { labEnv } from '../../lab/env.ts';
import { until } from '../support/processes.ts';
import { buildBundle } from '../../worker/bundle.ts';

/** The order of a backup around its hooks, on a real Temporal server; the steps only note that they were taken. */

const QUEUE = 'quiesce';
const WINDOW: GroupWindow = { deadlineMs: 60_000, releases: true, patienceMs: 60_000 };
const doc = (key: string) => ({ key, sha256: '', bytes: 0 });
const RESULT = { name: '', uid: '', items: 0, volumes: 0, bytes: 0, warnings: 0, errors: 0 };

interface Asked {
  run: RunRef;
  group: number;
  holder: Execution;
}

type Steps = { [K in keyof Activities]?: (input: never) => Promise<unknown> };

let environment: TestWorkflowEnvironment;
let worker: Worker;
let running: Promise<void>;
/** What was done, in its order: `cut 0`, `pre 0` and the like; `…/` when it ended. */
let done: string[] = [];
let groups: PlannedGroup[] = [];
/** What steps do before they end. */
let during: Steps = {};
let collected: unknown[] = [];
/** Of every group, instead of pods of its own. */
let pods: string[] | undefined;
let name = '';
/** First part of the uid. */
let uid = 'uid';
let runs = 0;

const noted =
  (step: keyof Activities, key: (input: never) => number | string = () => '') =>
  async (input: never) => {
    const what = `${step} ${key(input)}`.trim();
    done.push(what);
    const value = await during[step]?.(input);
    done.push(`${what}/`);
    return value;
  };
const ofGroup = ({ group }: { group: number }) => group;

/** Ends with its run, as real steps do. */
const untilCancelled = async () => {
  const context = Context.current();
  const pulse = setInterval(() => context.heartbeat(), 100);
  try {
    await context.cancelled;
  } finally {
    clearInterval(pulse);
  }
};

const run = () => ({ type: 'backup' as const, cluster: 'c', namespace: 'n', name, uid: `${uid}-${name}` });
const noCut = ApplicationFailure.nonRetryable('no snapshots here', 'SnapshotTimeout');

const activities = {
  openDoor: async () => ({ run: run(), workflowId: Context.current().info.workflowExecution?.workflowId }),
  adoptBackup: async () => ({ state: 'ready', context: doc('context'), startedAt: '', movers: 1 }),
  planBackup: async () => ({ plan: doc('plan'), shards: 0 }),
  exportRelated: async () => ({ doc: doc('related'), items: 0, errors: 0, warnings: 0 }),
  planVolumes: async () => {
    const hooked = groups.some(({ hooks }) => hooks);
    const count = groups.flatMap(({ volumes }) => volumes).length;
    return { volumes: doc('volumes'), groups, ...(hooked && { hooks: doc('hooks') }), count };
  },
  prepareRepositories: async () => undefined,
  reportStage: async () => undefined,
  recordOutcome: async ({ index }: { index: number }) => doc(`outcome ${index}`),
  cleanUpProtection: noted('cleanUpProtection', ({ index }: { index: number }) => index),
  assembleBackup: noted('assembleBackup'),
  sealBackup: async () => {
    await noted('sealBackup')(undefined as never);
    return { ...RESULT, phase: 'Completed' };
  },
  endRun: async ({ phase, reason }: { phase: string; reason: string }) => {
    done.push('endRun');
    return { ...RESULT, phase, reason };
  },
  removeScratch: async () => undefined,
  requestQuiet: async (asked: Asked) => {
    const names = pods ?? [`${asked.run.name}/${asked.group}`];
    const claim = quietClaim(
      asked,
      names.map((pod) => ({ namespace: 'n', name: pod })),
    );
    await askLimiter(
      { temporal: environment.client, config: { taskQueue: QUEUE } as never },
      'c',
      SIGNALS.requestLock,
      claim,
    );
    await during.requestQuiet?.(asked as never);
  },
  endedWorkflows: async (executions: Execution[]) => {
    const running = await Promise.all(executions.map((each) => isRunning(environment.client, each)));
    return executions.filter((_, at) => !running[at]);
  },
  prepareHooks: noted('prepareHooks', ofGroup),
  runPreHooks: async (input: { group: number }) => {
    await noted('runPreHooks', ofGroup)(input as never);
    return { failedPods: [] };
  },
  cutVolume: async (input: { index: number }) => {
    await noted('cutVolume', ({ index }: { index: number }) => index)(input as never);
    throw noCut;
  },
  runPostHooks: noted('runPostHooks', ofGroup),
  collectHooks: async (input: { group: number }) => {
    collected.push(input);
    await noted('collectHooks', ofGroup)(input as never);
    return doc('report');
  },
  dropHooks: noted('dropHooks', ofGroup),
  executionEnded: async ({ workflowId, runId }: { workflowId: string; runId: string }) => {
    const { status } = await environment.client.workflow.getHandle(workflowId, runId).describe();
    return status.name !== 'RUNNING';
  },
};

beforeAll(async () => {
  const filter = { core: 'ERROR', other: 'ERROR' } as const;
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter, forward: {} } },
  });
  const folder =
    labEnv()
      .LAB_PATH.split(':')
      .find((each) => each.includes('temporal')) ?? '';
  environment = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path: join(folder, 'temporal') } },
  });
  worker = await Worker.create({
    connection: environment.nativeConnection,
    taskQueue: QUEUE,
    workflowBundle: {
      codePath: await buildBundle(join(import.meta.dirname, '../../.cache/quiesce-bundle.js')),
    },
    activities,
    defaultHeartbeatThrottleInterval: 100,
    maxHeartbeatThrottleInterval: 100,
  });
  running = worker.run();
});

afterAll(async () => {
  worker.shutdown();
  await running;
  await environment.teardown();
});

beforeEach(() => {
  [done, groups, during, collected, pods, uid] = [[], [], {}, [], undefined, 'uid'];
  name = `run-${runs++}`;
});

afterEach(async () => {
  const query = `TaskQueue = '${QUEUE}' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId } of environment.client.workflow.list({ query }))
    await environment.client.workflow
      .getHandle(workflowId)
      .terminate()
      .catch(() => undefined);
});

const group = (id: number, volumes: number[], hooks?: GroupWindow): PlannedGroup => ({
  id,
  volumes,
  kept: [],
  files: [],
  ...(hooks && { hooks }),
});
const start = async () =>
  await environment.client.workflow.start('backup', {
    workflowId: `backup/c/n/${name}`,
    taskQueue: QUEUE,
    args: [{ namespace: 'n', name }],
  });
const unquiesce = (id = 0) => environment.client.workflow.getHandle(unquiesceWorkflowId(run(), id));
const happened = async (what: string) =>
  await until(() => (done.includes(what) ? true : undefined), `${what}: ${done.join(', ')}`, 20_000);
const inOrder = (...steps: string[]) => {
  const places = steps.map((step) => done.indexOf(step));
  expect(places, done.join(', ')).not.toContain(-1);
  expect(places, done.join(', ')).toEqual([...places].sort((a, b) => a - b));
};
const times = (what: string) => done.filter((step) => step === what).length;

describe('a backup with hooks', () => {
  it('quiesces, cuts all volumes, releases, and only then undoes what failed', async () => {
    groups = [group(0, [0, 1], WINDOW)];
    await (await start()).result();
    inOrder(
      'prepareHooks 0/',
      'runPreHooks 0',
      'runPreHooks 0/',
      'cutVolume 0',
      'cutVolume 0/',
      'runPostHooks 0',
    );
    inOrder('runPreHooks 0/', 'cutVolume 1', 'cutVolume 1/', 'runPostHooks 0');
    inOrder('runPostHooks 0/', 'cleanUpProtection 0');
    inOrder('runPostHooks 0/', 'collectHooks 0/', 'dropHooks 0');
    inOrder('collectHooks 0/', 'assembleBackup');
    expect(times('runPostHooks 0')).toBe(1);
    expect(collected).toMatchObject([{ group: 0, released: 'told' }]);
    expect(await unquiesce().result()).toEqual({ cause: 'told' });
  });

  it('runs them around nothing for a group without volumes', async () => {
    groups = [group(5, [], WINDOW)];
    await (await start()).result();
    inOrder('runPreHooks 5/', 'runPostHooks 5', 'collectHooks 5', 'dropHooks 5');
  });

  it('needs nobody to release what has no post-hooks', async () => {
    groups = [group(0, [0], { ...WINDOW, releases: false })];
    await (await start()).result();
    inOrder('runPreHooks 0/', 'cutVolume 0', 'collectHooks 0', 'dropHooks 0');
    expect(done).not.toContain('runPostHooks 0');
    await expect(unquiesce().describe()).rejects.toThrow(/not found/);
  });

  it('goes on without them, and says why, when they cannot be prepared', async () => {
    groups = [group(0, [0], WINDOW)];
    during.prepareHooks = async () => {
      throw ApplicationFailure.nonRetryable('exceeded quota', 'QuotaExceeded');
    };
    await (await start()).result();
    inOrder('cutVolume 0/', 'collectHooks 0');
    expect(done).not.toContain('runPreHooks 0');
    expect(collected).toMatchObject([{ fault: { code: 'QuotaExceeded', message: 'exceeded quota' } }]);
  });

  it('keeps only so many applications quiesced at once', async () => {
    groups = Array.from({ length: LIMITS.quiescedGroups + 4 }, (_, id) => group(id, [], WINDOW));
    let [now, most] = [0, 0];
    during.runPreHooks = async () => {
      most = Math.max(most, ++now);
      await delay(100);
    };
    during.runPostHooks = async () => void (now -= 1);
    await (await start()).result();
    expect(times('assembleBackup')).toBe(1);
    expect(collected).toHaveLength(groups.length);
    // One may take its turn while the result of the release before it is on its way.
    expect(most).toBeLessThanOrEqual(LIMITS.quiescedGroups);
    expect(most).toBeGreaterThan(1);
  });

  it('does not wait for ever for a release that goes on; garbage collection gets what is left', async () => {
    groups = [group(0, [], { ...WINDOW, patienceMs: 1_000 })];
    let end: () => void = () => {};
    during.runPostHooks = () => new Promise<void>((resolve) => (end = resolve));
    await (await start()).result();
    expect(done).not.toContain('dropHooks 0');
    expect(collected).toHaveLength(1);
    expect(collected[0]).not.toHaveProperty('released');
    end();
    expect(await unquiesce().result()).toEqual({ cause: 'told' });
  });
});

describe('two backups of the same pods', () => {
  const begin = async () => {
    const handle = await start();
    await until(
      () => (done.some((step) => step.endsWith('/')) ? true : undefined),
      'the run has begun',
      20_000,
    );
    return handle;
  };

  it('quiesce them one after the other, and the later one says how long it waited', async () => {
    [groups, pods] = [[group(0, [], WINDOW)], ['shared']];
    during.runPostHooks = () => delay(2_000);
    const first = await begin();
    name = `run-${runs++}`;
    const second = await start();
    await Promise.all([first.result(), second.result()]);
    const order = done.filter((step) => /^run(Pre|Post)Hooks 0/.test(step));
    const window = ['runPreHooks 0', 'runPreHooks 0/', 'runPostHooks 0', 'runPostHooks 0/'];
    expect(order).toEqual([...window, ...window]);
    expect(collected[0]).not.toHaveProperty('waitedMs');
    expect((collected[1] as { waitedMs: number }).waitedMs).toBeGreaterThan(1_000);
  });

  it('do not wait for one that was terminated, once the application is released', async () => {
    [groups, pods] = [[group(0, [0], WINDOW)], ['shared']];
    during.cutVolume = untilCancelled;
    const first = await start();
    await happened('cutVolume 0');
    const released = unquiesce();
    await first.terminate();
    during.cutVolume = async () => undefined;
    name = `run-${runs++}`;
    const second = await start();
    await second.result();
    expect(await released.result()).toEqual({ cause: 'runEnded' });
    expect(done.indexOf('runPostHooks 0/')).toBeLessThan(done.lastIndexOf('runPreHooks 0'));
  });

  it('do so also when one has the name of the other, which was made again', async () => {
    [groups, pods] = [[group(0, [0], WINDOW)], ['shared']];
    during.cutVolume = untilCancelled;
    during.runPostHooks = () => delay(2_000);
    const first = await start();
    await happened('cutVolume 0');
    const released = unquiesce();
    await first.terminate();
    during.cutVolume = async () => undefined;
    uid = 'next';
    const second = await start();
    await second.result();
    expect(await released.result()).toEqual({ cause: 'runEnded' });
    const order = done.filter((step) => /^run(Pre|Post)Hooks 0/.test(step));
    const window = ['runPreHooks 0', 'runPreHooks 0/', 'runPostHooks 0', 'runPostHooks 0/'];
    expect(order).toEqual([...window, ...window]);
    expect((collected[0] as { waitedMs: number }).waitedMs).toBeGreaterThan(1_000);
  });

  it('do so also when the limiter begins a new history meanwhile', async () => {
    [groups, pods] = [[group(0, [0], WINDOW)], ['shared']];
    // One promise for all attempts: a worker ends only when each of them has.
    const { promise: blocked, resolve: cut } = Promise.withResolvers<void>();
    during.cutVolume = () => blocked;
    const first = await start();
    await happened('cutVolume 0');
    const limiter = environment.client.workflow.getHandle(limiterWorkflowId('c'));
    const { runId } = await limiter.describe();
    // The server asks for a new history after 4,096 events.
    for (let sent = 0; sent < 4_200; sent += 100)
      await Promise.all(
        Array.from({ length: 100 }, () => limiter.signal(SIGNALS.releaseSlot, { holder: '-' })),
      );
    await until(
      async () => ((await limiter.describe()).runId === runId ? undefined : true),
      'the limiter has begun anew',
      60_000,
    );
    name = `run-${runs++}`;
    const second = await start();
    await delay(3_000);
    expect(times('runPreHooks 0')).toBe(1);
    during.cutVolume = async () => undefined;
    cut();
    await Promise.all([first.result(), second.result()]);
    expect(times('runPreHooks 0')).toBe(2);
    // The reports come beside the runs, in any order.
    expect(collected.filter((report) => (report as { waitedMs?: number }).waitedMs)).toHaveLength(1);
  });

  it('leave the place in the queue when they are cancelled', async () => {
    [groups, pods] = [[group(0, [0], WINDOW)], ['shared']];
    let cut: () => void = () => {};
    during.cutVolume = () => new Promise<void>((resolve) => (cut = resolve));
    const first = await start();
    await happened('cutVolume 0');
    name = `run-${runs++}`;
    const second = await start();
    await delay(1_000);
    await second.cancel();
    expect(await second.result()).toMatchObject({ phase: 'Canceled' });
    cut();
    await first.result();
    expect(times('runPreHooks 0')).toBe(1);
  });
});

it('a backup without hooks takes no step for them', async () => {
  groups = [group(0, [0, 1])];
  await (await start()).result();
  expect(done.filter((step) => step.includes('Hooks'))).toEqual([]);
  await expect(unquiesce().describe()).rejects.toThrow(/not found/);
});

describe('the application is released', () => {
  it('at once when the run is cancelled while it cuts, before the cut has ended', async () => {
    groups = [group(0, [0], WINDOW)];
    during.cutVolume = untilCancelled;
    const handle = await start();
    await happened('cutVolume 0');
    await handle.cancel();
    expect(await handle.result()).toMatchObject({ phase: 'Canceled' });
    inOrder('runPostHooks 0/', 'dropHooks 0/');
    expect(times('runPostHooks 0')).toBe(1);
    expect(done).not.toContain('collectHooks 0');
  });

  it('not before the pre-hooks have ended, when the run is cancelled meanwhile', async () => {
    groups = [group(0, [0], WINDOW)];
    during.runPreHooks = async () => {
      await untilCancelled().catch(() => undefined);
      await delay(1_000);
    };
    const handle = await start();
    await happened('runPreHooks 0');
    await handle.cancel();
    await handle.result();
    inOrder('runPreHooks 0/', 'runPostHooks 0', 'dropHooks 0');
    expect(done).not.toContain('cutVolume 0');
  });

  it('when the run is terminated', async () => {
    groups = [group(0, [0], WINDOW)];
    during.cutVolume = untilCancelled;
    const handle = await start();
    await happened('cutVolume 0');
    await handle.terminate();
    expect(await unquiesce().result()).toEqual({ cause: 'runEnded' });
    inOrder('runPostHooks 0/', 'dropHooks 0/');
  });

  it('when another run of the same name has begun since', async () => {
    groups = [group(0, [0], WINDOW)];
    during.cutVolume = untilCancelled;
    const handle = await start();
    await happened('cutVolume 0');
    const [first, released] = [name, unquiesce()];
    await handle.terminate();
    name = `${first}-next`;
    await environment.client.workflow.start('backup', {
      workflowId: `backup/c/n/${first}`,
      taskQueue: QUEUE,
      args: [{ namespace: 'n', name }],
    });
    expect(await released.result()).toEqual({ cause: 'runEnded' });
  });

  it('at its deadline when nobody tells anything, and the backup says that its volumes were cut too late', async () => {
    groups = [group(0, [0], { ...WINDOW, deadlineMs: 1_500 })];
    during.cutVolume = () => delay(4_000);
    await (await start()).result();
    inOrder('cutVolume 0', 'runPostHooks 0/', 'cutVolume 0/', 'collectHooks 0');
    expect(times('runPostHooks 0')).toBe(1);
    expect(collected).toMatchObject([{ released: 'deadline' }]);
  });

  it('when the workflow that does it is cancelled by hand', async () => {
    groups = [group(0, [0], WINDOW)];
    during.cutVolume = () => delay(3_000);
    const handle = await start();
    await happened('cutVolume 0');
    await unquiesce().cancel();
    await handle.result();
    inOrder('runPostHooks 0/', 'cutVolume 0/');
    expect(collected).toMatchObject([{ released: 'cancelled' }]);
  });

  it('by the run itself when that workflow is terminated by hand', async () => {
    groups = [group(0, [0], WINDOW)];
    during.cutVolume = () => delay(2_000);
    const handle = await start();
    await happened('cutVolume 0');
    await unquiesce().terminate();
    await handle.result();
    inOrder('cutVolume 0/', 'runPostHooks 0/', 'collectHooks 0', 'dropHooks 0');
    expect(times('runPostHooks 0')).toBe(1);
  });
});

it('a cancellation while the backup is sealed waits until it is known whether that exists', async () => {
  groups = [group(0, [0])];
  during.sealBackup = () => delay(2_000);
  const handle = await start();
  await happened('sealBackup');
  await handle.cancel();
  expect(await handle.result()).toMatchObject({ phase: 'Completed' });
  expect(done).not.toContain('endRun');
});

it('clean-ups of volumes follow the backup, but for those that would leave too much meanwhile', async () => {
  const count = LIMITS.uncleaned + 4;
  groups = [group(0, [...Array(count).keys()])];
  await (await start()).result();
  const begun = (steps: string[]) => steps.filter((step) => /^cleanUpProtection \d+$/.test(step));
  expect(begun(done)).toHaveLength(count);
  expect(begun(done.slice(0, done.indexOf('sealBackup')))).toHaveLength(4);
});
