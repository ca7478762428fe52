import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir } from '../build/binaries.ts';
import { run, tryRun } from '../host/command.ts';

/** The builder's own store, so that it never mixes with that of the machine's user. */
const root = join(cacheDir, 'buildah/storage');
const runRoot = '/run/caravel-lab-buildah';
const storage = [
  ...['--root', root],
  ...['--runroot', runRoot],
  ...['--storage-driver', process.env.CARAVEL_LAB_STORAGE_DRIVER ?? 'overlay'],
];

export function buildah(args: string[], onOutput?: (text: string) => void): Promise<string> {
  return run('buildah', [...storage, ...args], onOutput ? { onOutput } : {});
}

export async function hasImage(name: string): Promise<boolean> {
  const { code } = await tryRun('buildah', [...storage, 'inspect', '--type', 'image', name]);
  return code === 0;
}

export async function removeImage(name: string): Promise<void> {
  await tryRun('buildah', [...storage, 'rmi', name]);
}

/** Removes what builds, failed ones included, leave beside the named images: containers, layers, mounts. */
export async function tidyBuilder(): Promise<void> {
  await tryRun('buildah', [...storage, 'rm', '--all']);
  await tryRun('buildah', [...storage, 'rmi', '--prune', '--force']);
  await tryRun('umount', [join(root, 'overlay')]);
  rmSync(runRoot, { recursive: true, force: true });
}
