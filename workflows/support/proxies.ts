import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../../contracts/activities.ts';
import { OUTAGE_RETRY, TIMEOUTS } from '../../contracts/settings.ts';
import { PERMANENT_CODES } from '../../core/errors/catalog.ts';

/** The activities as workflows see them; timeouts and retries come from contracts/settings.ts. */

const retry = {
  initialInterval: OUTAGE_RETRY.initialIntervalMs,
  backoffCoefficient: OUTAGE_RETRY.backoffCoefficient,
  maximumInterval: OUTAGE_RETRY.maximumIntervalMs,
  nonRetryableErrorTypes: PERMANENT_CODES,
};

/** A handful of calls; retried through any outage. */
export const short = proxyActivities<Activities>({ startToCloseTimeout: TIMEOUTS.shortStep, retry });

/** Streams or waits, and heartbeats while it does. */
export const long = proxyActivities<Activities>({
  startToCloseTimeout: TIMEOUTS.longStep,
  heartbeatTimeout: TIMEOUTS.heartbeat,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry,
});

/** Undo steps: they go on through outages, but one that can never work must not keep a run open for ever. */
export const cleanup = proxyActivities<Activities>({
  startToCloseTimeout: TIMEOUTS.cleanupStep,
  scheduleToCloseTimeout: TIMEOUTS.cleanup,
  heartbeatTimeout: TIMEOUTS.heartbeat,
  retry,
});

/** Runs for ever; a dead one is replaced within seconds. */
export const watcher = proxyActivities<Activities>({
  startToCloseTimeout: TIMEOUTS.watcher,
  heartbeatTimeout: TIMEOUTS.controllerHeartbeat,
  retry: { initialInterval: 500, backoffCoefficient: 2, maximumInterval: TIMEOUTS.controllerRetry },
});

/** Ahead of everything else that waits for a worker: an application is quiesced meanwhile. */
export const URGENT = { priorityKey: 1 };

/** Steps while an application is quiesced. */
export const urgent = proxyActivities<Activities>({
  startToCloseTimeout: TIMEOUTS.longStep,
  heartbeatTimeout: TIMEOUTS.heartbeat,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  priority: URGENT,
  retry,
});

/** The release of an application. It goes on through outages. */
export const urgentCleanup = proxyActivities<Activities>({
  startToCloseTimeout: TIMEOUTS.longStep,
  scheduleToCloseTimeout: TIMEOUTS.cleanup,
  heartbeatTimeout: TIMEOUTS.heartbeat,
  priority: URGENT,
  retry,
});

/** A question that is asked again anyway; nobody waits long for the answer. */
export const glance = proxyActivities<Activities>({ scheduleToCloseTimeout: TIMEOUTS.glance, retry });
