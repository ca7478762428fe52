import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDir } from '../build/binaries.ts';
import { pauseImage } from '../cluster/configs.ts';
import { packImage } from './archive.ts';

/** The image that holds a pod's namespaces; returns its archive. */
export async function pauseArchive(): Promise<string> {
  const archive = join(cacheDir, 'images', `lab-pause-1-${process.arch}.tar`);
  if (existsSync(archive)) return archive;
  mkdirSync(join(cacheDir, 'images'), { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), 'lab-pause-'));
  const root = join(scratch, 'root');
  mkdirSync(join(root, 'bin'), { recursive: true });
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  const entrypoint = ['/bin/busybox', 'sleep', '2147483647'];
  await packImage({ name: pauseImage, entrypoint, root }, scratch, `${archive}.partial`);
  renameSync(`${archive}.partial`, archive);
  rmSync(scratch, { recursive: true });
  return archive;
}
