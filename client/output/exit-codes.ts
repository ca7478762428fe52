import { CaravelError, type ErrorCode } from '../../core/errors/catalog.ts';

/** What the process says to a script. */
export const EXIT = {
  completed: 0,
  /** The run ended Failed or FailedValidation, or the command itself failed. */
  failed: 1,
  partiallyFailed: 2,
  /** The command line, or what it asks for, is wrong; nothing was changed. */
  usage: 3,
  /** The cluster cannot be reached. */
  unreachable: 4,
  /** Ctrl-C, as shells count it; a run that was waited for goes on. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export function exitCodeOfPhase(phase: string | undefined): ExitCode {
  if (phase === 'Completed') return EXIT.completed;
  return phase === 'PartiallyFailed' ? EXIT.partiallyFailed : EXIT.failed;
}

const USAGE: ReadonlySet<ErrorCode> = new Set([
  'InvalidInput',
  'KubeInvalid',
  'BackupExists',
  'BackupNotFound',
]);

export function exitCodeOfError(error: unknown): ExitCode {
  if (!(error instanceof CaravelError)) return EXIT.failed;
  if (error.code === 'KubeUnavailable') return EXIT.unreachable;
  return USAGE.has(error.code) ? EXIT.usage : EXIT.failed;
}
