import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { cacheDir } from '../build/binaries.ts';
import { showProgress } from '../build/progress.ts';
import { withLock } from '../host/lock.ts';

export interface ImageRecipe {
  name: string;
  typicalSeconds: number;
  /** All that the result depends on; another text makes another file in the cache. */
  recipe: unknown;
  make: (scratch: string, archive: string) => Promise<void>;
}

/** The archive of an image, made when the cache does not hold it. */
export async function imageArchive(image: ImageRecipe): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([image.recipe, process.arch]));
  const prefix = `${image.name.replace(/^.*\//, '').replace(':', '-')}-`;
  const archive = join(cacheDir, 'images', `${prefix}${hash.digest('hex').slice(0, 12)}.tar`);
  if (existsSync(archive)) return archive;
  const waiting = (): void => void process.stderr.write(`waiting for another maker of ${image.name}\n`);
  await withLock(`${archive}.lock`, waiting, async () => {
    if (existsSync(archive)) return;
    await make(image, archive);
    removeOlder(prefix, archive);
  });
  return archive;
}

async function make(image: ImageRecipe, archive: string): Promise<void> {
  const dir = join(cacheDir, 'scratch');
  mkdirSync(dir, { recursive: true });
  const scratch = mkdtempSync(join(dir, 'image-'));
  const { name, typicalSeconds } = image;
  try {
    await showProgress({ title: `making image ${name}`, typicalSeconds, secondsAhead: typicalSeconds }, () =>
      image.make(scratch, `${archive}.partial`),
    );
    renameSync(`${archive}.partial`, archive);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function removeOlder(prefix: string, archive: string): void {
  for (const name of readdirSync(dirname(archive))) {
    const isArchive = name.startsWith(prefix) && name.endsWith('.tar');
    if (isArchive && name !== basename(archive)) rmSync(join(dirname(archive), name));
  }
}
