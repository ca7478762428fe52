import { WorkflowFailedError } from '@temporalio/client';
import { ActivityFailure, ApplicationFailure, RetryState } from '@temporalio/common';
import { expect, test } from 'vitest';
import { ensureRepository } from '../../../../activities/volume/repository.ts';
import type { Deps } from '../../../../activities/support/deps.ts';
import type { Location } from '../../../../activities/support/location.ts';
import { CaravelError } from '../../../../core/errors/catalog.ts';

/** A repository is made by a workflow of its own; what that one says of its failure is what the run must say. */
function failingWith(cause: Error | undefined) {
  const workflow = {
    start: async () => undefined,
    getHandle: () => ({
      result: async () => {
        const failure = new ActivityFailure(
          'Activity task failed',
          'initialiseRepository',
          '1',
          RetryState.NON_RETRYABLE_FAILURE,
          'worker',
          cause,
        );
        throw new WorkflowFailedError('Workflow execution failed', failure, RetryState.RETRY_POLICY_NOT_SET);
      },
    }),
  };
  const deps = { temporal: { workflow }, config: { cluster: 'c', taskQueue: 't' } } as unknown as Deps;
  const location = {
    resource: { metadata: { name: 'default' } },
    store: { head: async () => undefined },
  } as unknown as Location;
  return ensureRepository(deps, 'control', location, 'shop').then(
    () => undefined,
    (error: unknown) => error,
  );
}

test('a repository that cannot be made for good ends the step at once, with its cause', async () => {
  const denied = ApplicationFailure.create({
    type: 'StoreAccessDenied',
    message: 'put object: access denied',
    nonRetryable: true,
  });
  const error = await failingWith(denied);
  expect(error).toBeInstanceOf(CaravelError);
  expect(error).toMatchObject({
    code: 'StoreAccessDenied',
    message: 'put object: access denied',
    retryable: false,
  });
});

test('a failure without a word of the catalogue is tried again', async () => {
  expect(await failingWith(new Error('out of luck'))).not.toMatchObject({ retryable: false });
});
