import { ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import type { ScheduleOptions } from '@temporalio/client';
import type { BackupStorageLocationSpec } from '../../contracts/api/location.ts';
import { locationWorkflowId } from '../../contracts/ids.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { parseDuration } from '../../core/format/duration.ts';
import type { Deps } from '../support/deps.ts';

/** Milliseconds between two tests of a location; undefined = it is tested only when it is made or changed. */
export function checkInterval({ validationFrequency }: BackupStorageLocationSpec): number | undefined {
  const asked = durationOf(validationFrequency);
  if (asked === 0) return undefined;
  return asked === undefined || asked < 0
    ? TIMEOUTS.locationCheck
    : Math.max(asked, TIMEOUTS.locationCheckShortest);
}

/** A text that is no duration counts as none; there is nobody to tell but the log of each test. */
function durationOf(text: string | undefined): number | undefined {
  if (!text) return undefined;
  try {
    return parseDuration(text);
  } catch {
    return undefined;
  }
}

/** The Temporal Schedule of a location's test is as asked for; without an interval there is none. */
export async function repeatCheck(
  deps: Deps,
  namespace: string,
  location: string,
  every: number | undefined,
): Promise<void> {
  const { cluster, taskQueue } = deps.config;
  const scheduleId = locationWorkflowId(cluster, namespace, location);
  if (every === undefined) return await removeSchedule(deps, scheduleId);
  const options: ScheduleOptions = {
    scheduleId,
    spec: { intervals: [{ every }] },
    // A test that was missed is of no use later.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: TIMEOUTS.locationCheckShortest },
    action: {
      type: 'startWorkflow',
      workflowType: 'checkLocation',
      workflowId: scheduleId,
      taskQueue,
      args: [{ namespace, location }],
    },
  };
  try {
    await deps.temporal.schedule.create(options);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const { spec, policies, action } = options;
    await deps.temporal.schedule
      .getHandle(scheduleId)
      .update(({ state }) => ({ state, spec, policies: policies ?? {}, action }));
  }
}

async function removeSchedule(deps: Deps, scheduleId: string): Promise<void> {
  try {
    await deps.temporal.schedule.getHandle(scheduleId).delete();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}
