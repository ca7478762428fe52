import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow';
import { isErrorCode } from '../../core/errors/catalog.ts';
import type { ErrorCode } from '../../core/errors/catalog.ts';

export interface Cause {
  code: ErrorCode;
  message: string;
}

/** Failures that say where something failed, not what; a step that was out of time carries its last failure. */
const WRAPPERS = [ActivityFailure, ChildWorkflowFailure, TimeoutFailure];

/** The catalogue code and the words of the innermost failure. */
export function causeOf(error: unknown): Cause {
  if (isCancellation(error)) return { code: 'Canceled', message: 'cancelled' };
  let current: unknown = error;
  while (WRAPPERS.some((wrapper) => current instanceof wrapper) && (current as Error).cause) {
    current = (current as Error).cause;
  }
  if (current instanceof ApplicationFailure) {
    const code = current.type ?? '';
    return { code: isErrorCode(code) ? code : 'Internal', message: current.message };
  }
  return { code: 'Internal', message: current instanceof Error ? current.message : String(current) };
}
