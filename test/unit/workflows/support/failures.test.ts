import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  RetryState,
  TimeoutFailure,
} from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { CATALOG } from '../../../../core/errors/catalog.ts';
import { causeOf } from '../../../../workflows/support/failures.ts';

const activity = (cause?: Error) =>
  new ActivityFailure(
    'Activity task failed',
    'transferUp',
    '1',
    RetryState.NON_RETRYABLE_FAILURE,
    'w',
    cause,
  );
const child = (cause?: Error) =>
  new ChildWorkflowFailure(
    'default',
    { workflowId: 'protectVolume/u/0', runId: 'r' },
    'protectVolume',
    RetryState.NON_RETRYABLE_FAILURE,
    cause,
  );
const failure = (type: string, message: string) => ApplicationFailure.nonRetryable(message, type);

describe('the cause of a failure', () => {
  it.each<[string, unknown, { code: string; message: string }]>([
    [
      'of a step',
      activity(failure('StoreAccessDenied', 'denied')),
      { code: 'StoreAccessDenied', message: 'denied' },
    ],
    [
      'of a step of a child',
      child(activity(failure('MoverImagePull', 'no image'))),
      { code: 'MoverImagePull', message: 'no image' },
    ],
    ['of a child', child(failure('Timeout', 'too long')), { code: 'Timeout', message: 'too long' }],
    [
      'of an unknown type',
      activity(failure('TypeError', 'x is not y')),
      { code: 'Internal', message: 'x is not y' },
    ],
    ['of an inherited name', activity(failure('toString', 'odd')), { code: 'Internal', message: 'odd' }],
    ['without a cause', activity(), { code: 'Internal', message: 'Activity task failed' }],
    ['by cancellation', new CancelledFailure('asked to'), { code: 'Canceled', message: 'cancelled' }],
    [
      'by cancellation of a step',
      activity(new CancelledFailure('x')),
      { code: 'Canceled', message: 'cancelled' },
    ],
    [
      'by cancellation of a child',
      child(new CancelledFailure('x')),
      { code: 'Canceled', message: 'cancelled' },
    ],
    ['of the workflow itself', new TypeError('bug'), { code: 'Internal', message: 'bug' }],
    ['that is no error', 'thrown', { code: 'Internal', message: 'thrown' }],
  ])('%s', (_name, error, cause) => expect(causeOf(error)).toEqual(cause));

  it('has a hint only when it is another one than the catalogue has', () => {
    const hinted = (hint: string) =>
      activity(ApplicationFailure.create({ type: 'StoreUnavailable', message: 'x509', details: [{ hint }] }));
    const cause = { code: 'StoreUnavailable', message: 'x509' };
    expect(causeOf(hinted('Give the CA.'))).toEqual({ ...cause, hint: 'Give the CA.' });
    expect(causeOf(hinted(CATALOG.StoreUnavailable.hint))).toEqual(cause);
  });

  it('of a step that was out of time is its last failure', () => {
    const last = failure('StoreUnavailable', 'no answer');
    const timeout = new TimeoutFailure('activity ScheduleToClose timeout', undefined, 'SCHEDULE_TO_CLOSE');
    expect(causeOf(activity(timeout))).toEqual({
      code: 'Internal',
      message: 'activity ScheduleToClose timeout',
    });
    Object.assign(timeout, { cause: last });
    expect(causeOf(activity(timeout))).toEqual({ code: 'StoreUnavailable', message: 'no answer' });
  });
});
