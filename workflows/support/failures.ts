import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  isCancellation,
} from '@temporalio/workflow';
import { isErrorCode } from '../../core/errors/catalog.ts';
import type { ErrorCode } from '../../core/errors/catalog.ts';

export interface Cause {
  code: ErrorCode;
  message: string;
}

/** The catalogue code and the words of the innermost failure. */
export function causeOf(error: unknown): Cause {
  if (isCancellation(error)) return { code: 'Canceled', message: 'cancelled' };
  let current: unknown = error;
  while ((current instanceof ActivityFailure || current instanceof ChildWorkflowFailure) && current.cause) {
    current = current.cause;
  }
  if (current instanceof ApplicationFailure) {
    const code = current.type ?? '';
    return { code: isErrorCode(code) ? code : 'Internal', message: current.message };
  }
  return { code: 'Internal', message: current instanceof Error ? current.message : String(current) };
}
