import { ApplicationFailure, CompleteAsyncError, Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { toCaravelError } from '../../platform/kube/errors.ts';

/**
 * The edge between Caravel's code and Temporal: errors leave as ApplicationFailures whose type is the catalogue code,
 * and every step heartbeats by itself, which is also how it learns that it was cancelled.
 */

function asFailure(error: unknown): unknown {
  if (
    error instanceof ApplicationFailure ||
    error instanceof CancelledFailure ||
    error instanceof CompleteAsyncError
  ) {
    return error;
  }
  const known = toCaravelError(error);
  if (!(known instanceof CaravelError)) {
    return ApplicationFailure.create({
      type: 'Internal',
      message: known.message,
      nonRetryable: false,
      cause: known,
    });
  }
  const { code, message, retryable, hint } = known;
  return ApplicationFailure.create({
    type: code,
    message,
    nonRetryable: !retryable,
    details: [{ code, hint }],
    cause: known,
  });
}

/** Details of the next heartbeat. A step finds in them what an earlier attempt noted last. */
export interface Beat {
  details: unknown;
}

export type Step<I, O> = (input: I, signal: AbortSignal, beat: Beat) => Promise<O>;

/** Turns a step into an activity. */
export function activity<I, O>(step: Step<I, O>): (input: I) => Promise<O> {
  return async (input) => {
    const context = Context.current();
    // An attempt that dies early must not lose what the one before it had noted.
    const beat: Beat = { details: context.info.heartbeatDetails };
    const pulse = () => context.heartbeat(beat.details);
    // Not at once: most steps end before the first interval, and each heartbeat is a write of the server.
    const timer = setInterval(pulse, TIMEOUTS.heartbeatInterval);
    try {
      if (beat.details !== undefined) pulse();
      return await step(input, context.cancellationSignal, beat);
    } catch (error) {
      if (context.cancellationSignal.aborted) throw context.cancellationSignal.reason ?? error;
      context.log.warn('step failed', { error: messageOf(error) });
      throw asFailure(error);
    } finally {
      clearInterval(timer);
    }
  };
}
