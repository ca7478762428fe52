import type { RunRef, RunResult } from '../../contracts/run.ts';

/** A run that never began because its resource cannot be carried out. */
export const rejected = (run: RunRef, errors: string[]): RunResult => ({
  name: run.name,
  uid: run.uid,
  phase: 'FailedValidation',
  items: 0,
  volumes: 0,
  bytes: 0,
  warnings: 0,
  errors: errors.length,
  ...(errors[0] !== undefined && { reason: errors[0] }),
});
