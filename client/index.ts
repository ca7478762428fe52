/** The typed library: `import { CaravelClient } from 'caravel'`. */
export {
  CaravelClient,
  type ConnectOptions,
  type Created,
  type Description,
  type NewRun,
  type StartedBy,
} from './caravel-client.ts';
export type { RunDetails } from './details.ts';
export type { FileOptions } from './files.ts';
export type { FollowOptions } from './follow.ts';
export { isTerminal, type RunProgress, type VolumeProgress } from './progress.ts';
export type { BackupPreview, PlannedVolume, PreviewInput } from '../contracts/preview.ts';
export { CaravelError } from '../core/errors/catalog.ts';
export type * from '../contracts/api/index.ts';
