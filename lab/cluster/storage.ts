import { existsSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../host/command.ts';
import type { Lab } from '../layout.ts';
import { isMounted } from './namespaces.ts';

const imageBytes = 200 * 1024 ** 3;

export const csiDir = (lab: Lab): string => join(lab.dir, 'csi');
export const storageImage = (lab: Lab): string => join(lab.dir, 'csi.img');

/**
 * Mounts the driver's btrfs, a sparse file. It is mounted on the host, before the lab's mount namespace is made
 * (which inherits it), so that tests on the host can look into the storage.
 */
export async function mountStorage(lab: Lab): Promise<void> {
  if (isMounted(csiDir(lab))) return;
  mkdirSync(csiDir(lab), { recursive: true });
  if (!existsSync(storageImage(lab))) {
    writeFileSync(storageImage(lab), '');
    truncateSync(storageImage(lab), imageBytes);
    await run('mkfs.btrfs', ['--quiet', '--metadata', 'single', '--data', 'single', storageImage(lab)]);
  }
  await run('mount', ['-o', 'loop,noatime,discard=async', storageImage(lab), csiDir(lab)]);
}
