import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow';
import { CATALOG, isErrorCode } from '../../core/errors/catalog.ts';
import type { ErrorCode } from '../../core/errors/catalog.ts';

export interface Cause {
  code: ErrorCode;
  message: string;
  /** Only when it is another one than the catalogue's. */
  hint?: string;
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
    const { type, message } = current;
    if (!isErrorCode(type ?? '')) return { code: 'Internal', message };
    return { code: type as ErrorCode, message, ...ownHint(current) };
  }
  return { code: 'Internal', message: current instanceof Error ? current.message : String(current) };
}

function ownHint({ type, details }: ApplicationFailure): { hint?: string } {
  const hint = (details?.[0] as { hint?: unknown } | undefined)?.hint;
  if (typeof hint !== 'string' || hint === CATALOG[type as ErrorCode].hint) return {};
  return { hint };
}
