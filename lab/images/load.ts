import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Lab } from '../layout.ts';
import { type ImageRecipe, imageArchive } from './cached-image.ts';
import { importImage } from './containerd.ts';

/** Makes the image when the cache does not hold it, and loads it when the lab does not have it. */
export async function loadImageOf(lab: Lab, recipe: ImageRecipe): Promise<void> {
  const archive = await imageArchive(recipe);
  // The archive's name tells its content, the image's does not.
  const loaded = join(lab.dir, 'loaded-images');
  const mark = join(loaded, basename(archive));
  if (existsSync(mark)) return;
  await importImage(lab, archive);
  mkdirSync(loaded, { recursive: true });
  writeFileSync(mark, '');
}
