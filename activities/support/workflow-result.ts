import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { CaravelError, isErrorCode } from '../../core/errors/catalog.ts';
import type { Deps } from './deps.ts';

/** The result of another workflow; its failure is thrown in its own words, so that what is permanent stays so. */
export async function resultOfWorkflow<T>(temporal: Deps['temporal'], workflowId: string): Promise<T> {
  try {
    return (await temporal.workflow.getHandle(workflowId).result()) as T;
  } catch (error) {
    throw innermost(error) ?? error;
  }
}

function innermost(error: unknown): CaravelError | undefined {
  if (!(error instanceof WorkflowFailedError)) return undefined;
  for (let cause: Error | undefined = error.cause; cause; cause = cause.cause as Error | undefined) {
    if (!(cause instanceof ApplicationFailure)) continue;
    const { type, message, nonRetryable } = cause;
    if (type && isErrorCode(type)) return new CaravelError(type, message, { retryable: !nonRetryable });
  }
  return undefined;
}
