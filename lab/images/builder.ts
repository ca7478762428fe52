import { join } from 'node:path';
import { cacheDir } from '../build/binaries.ts';
import { run, tryRun } from '../host/command.ts';

/** The builder's own store, so that it never mixes with that of the machine's user. */
const storage = [
  ...['--root', join(cacheDir, 'buildah/storage')],
  ...['--runroot', '/run/caravel-lab-buildah'],
  ...['--storage-driver', process.env.CARAVEL_LAB_STORAGE_DRIVER ?? 'overlay'],
];

export function buildah(args: string[], onOutput?: (text: string) => void): Promise<string> {
  return run('buildah', [...storage, ...args], onOutput ? { onOutput } : {});
}

export async function hasImage(name: string): Promise<boolean> {
  const { code } = await tryRun('buildah', [...storage, 'inspect', '--type', 'image', name]);
  return code === 0;
}
