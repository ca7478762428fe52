import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { readHistory, recordedRuns } from '../support/histories.ts';
import type { RecordedRun } from '../support/histories.ts';

/** Runs that began under earlier code must go on under this one: real histories are replayed without a server. */

const runs = recordedRuns();

const replay = async (run: RecordedRun, history: unknown) =>
  await Worker.runReplayHistory(
    { workflowBundle: { codePath: inject('workflowBundle') } },
    history,
    run.workflowId,
  );

interface Event {
  eventType: string;
  activityTaskScheduledEventAttributes?: { activityType: { name: string } };
}

beforeAll(() => {
  const filter = { core: 'ERROR', other: 'ERROR' } as const;
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter, forward: {} } },
  });
});

describe('the workflow code goes the way of the recorded run', () => {
  it.each(runs.map((run) => [run.type, run.example, run] as const))(
    '%s: %s',
    async (_type, _example, run) => {
      await replay(run, JSON.parse(readHistory(run)));
    },
  );
});

it('every workflow type has a recorded run', async () => {
  const types = Object.keys(await import('../../workflows/index.ts'));
  expect(new Set(runs.map(({ type }) => type))).toEqual(new Set(types));
});

it('another way than the recorded one is noticed', async () => {
  const run = runs.find(({ type, example }) => type === 'backup' && example === 'with-volumes')!;
  const history = JSON.parse(readHistory(run)) as { events: Event[] };
  for (const { activityTaskScheduledEventAttributes: step } of history.events)
    if (step?.activityType.name === 'planVolumes') step.activityType.name = 'planOtherwise';
  await expect(replay(run, history)).rejects.toBeInstanceOf(DeterminismViolationError);
});
