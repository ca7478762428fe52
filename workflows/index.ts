/** The only file given to the bundler: every workflow type, by the name that users see. */
export { backup } from './backup/backup.ts';
export { protectVolume } from './backup/protect-volume.ts';
export { unquiesce } from './backup/unquiesce.ts';
export { previewBackup } from './preview/preview-backup.ts';
export { restore } from './restore/restore.ts';
export { recoverVolume } from './restore/recover-volume.ts';
export { controller } from './engine/controller.ts';
export { limiter } from './engine/limiter.ts';
export { checkLocation, collectGarbage, initRepository } from './engine/maintenance.ts';
