/** All custom resources: schemas and types. Workflows import only types from here. */
export * from './backup.ts';
export * from './data-movement.ts';
export * from './gvr.ts';
export * from './location.ts';
export * from './meta.ts';
export * from './pod-volume.ts';
export * from './repository.ts';
export * from './requests.ts';
export * from './restore.ts';
export * from './schedule.ts';
export { LabelSelectorSchema, TRANSFER_PHASES, type LabelSelector, type TransferPhase } from './schema.ts';
