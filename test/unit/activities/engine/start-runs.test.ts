import { WorkflowNotFoundError } from '@temporalio/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RunStarts } from '../../../../activities/engine/start-runs.ts';
import type { Deps } from '../../../../activities/support/deps.ts';
import type { RunRef } from '../../../../contracts/run.ts';
import { TIMEOUTS } from '../../../../contracts/settings.ts';

const run: RunRef = { type: 'backup', cluster: 'c', namespace: 'velero', name: 'b', uid: 'u-1' };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A cluster with a Velero in it, or with a run of an earlier resource of the same name. */
function controller({ velero = false, predecessor = false }) {
  const containers = [{ command: ['/velero'], args: ['server'] }];
  const deployment = { metadata: { name: 'velero' }, spec: { template: { spec: { containers } } } };
  const state = { velero, predecessor, status: '', phase: 'InProgress', asked: 0, started: [] as string[] };
  const kube = {
    list: async ({ resource }: { resource: string }) =>
      resource === 'deployments' && state.velero ? [deployment] : [],
    find: async () => ({ metadata: { name: 'b', uid: 'u-1' }, status: { phase: state.phase } }),
    patch: async () => void (state.phase = 'Failed'),
  };
  const describeIt = async () => {
    state.asked += 1;
    if (state.status) return { status: { name: state.status }, memo: { uid: 'u-1' } };
    if (state.predecessor) return { status: { name: 'RUNNING' }, memo: { uid: 'u-0' } };
    throw new WorkflowNotFoundError('not found', 'backup/c/velero/b', undefined);
  };
  const workflow = {
    getHandle: () => ({ describe: describeIt, cancel: async () => undefined }),
    start: async (_type: string, { workflowId }: { workflowId: string }) =>
      void state.started.push(workflowId),
  };
  const log = { info() {}, warn() {} };
  const deps = { kube, temporal: { workflow }, log, config: { taskQueue: 'q' } } as unknown as Deps;
  const ending = new AbortController();
  return { state, ending, starts: new RunStarts(deps, ending.signal) };
}

describe('a run that has to wait', () => {
  it.each([
    ['for a Velero', { velero: true }, TIMEOUTS.besideVelero],
    ['for the run of its predecessor', { predecessor: true }, TIMEOUTS.controllerRetry],
  ])('is asked for by one row of questions, however often it is seen: %s', async (_, world, pause) => {
    const { state, starts } = controller(world);
    for (let seen = 0; seen < 10; seen++) await starts.start(run);
    expect(state.asked).toBe(10);
    await vi.advanceTimersByTimeAsync(3 * pause + 1);
    expect(state.asked).toBe(13);
    expect(state.started).toEqual([]);
  });

  it('begins when the way is free', async () => {
    const { state, starts } = controller({ velero: true });
    await starts.start(run);
    state.velero = false;
    await vi.advanceTimersByTimeAsync(TIMEOUTS.besideVelero);
    expect(state.started).toEqual(['backup/c/velero/b']);
    await vi.advanceTimersByTimeAsync(10 * TIMEOUTS.besideVelero);
    expect(state.started).toHaveLength(1);
  });

  it('is forgotten when the controller ends', async () => {
    const { state, starts, ending } = controller({ velero: true });
    await starts.start(run);
    state.velero = false;
    ending.abort();
    await vi.advanceTimersByTimeAsync(10 * TIMEOUTS.besideVelero);
    expect(state.started).toEqual([]);
  });
});

describe('a run that goes on', () => {
  it('is ended soon when somebody terminates its workflow, and garbage is collected', async () => {
    const { state, starts } = controller({});
    starts.note(run, true);
    state.status = 'RUNNING';
    await starts.again();
    expect(state).toMatchObject({ phase: 'InProgress', started: [] });
    state.status = 'TERMINATED';
    await starts.again();
    expect(state).toMatchObject({ phase: 'Failed', started: ['collectGarbage/c/velero'] });
  });

  it("is nobody's affair when its resource says how it ended, or is gone", async () => {
    const { state, starts } = controller({});
    starts.note(run, true);
    starts.note(run, false);
    state.status = 'TERMINATED';
    await starts.again();
    expect(state).toMatchObject({ asked: 0, started: [] });
  });
});
