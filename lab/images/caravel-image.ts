import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Binaries, cacheDir } from '../build/binaries.ts';
import { showProgress } from '../build/progress.ts';
import { withLock } from '../host/lock.ts';
import type { Lab } from '../layout.ts';
import { packFolder } from './archive.ts';
import { type BaseImages, baseImages } from './base-images.ts';
import { buildah, hasImage, removeImage, tidyBuilder } from './builder.ts';
import { importLayout } from './containerd.ts';
import { addLayer } from './oci-layout.ts';

const project = join(import.meta.dirname, '../..');
const dockerfile = join(project, 'deploy/Dockerfile');
const repository = 'localhost/caravel';

/**
 * Builds the project's image and loads it into the lab; returns its name, which follows from its content.
 * The dependencies are an image of their own, made anew only when they change, so that a change of code
 * costs one small layer.
 */
export async function buildAndLoadCaravel(
  lab: Lab,
  binaries: Binaries,
  say: (line: string) => void,
): Promise<string> {
  const waiting = (): void => say('another image build is running: waiting for it');
  return withLock(join(cacheDir, 'image-build.lock'), waiting, async () => {
    try {
      return await buildLocked(lab, binaries);
    } finally {
      await tidyBuilder();
    }
  });
}

async function buildLocked(lab: Lab, binaries: Binaries): Promise<string> {
  const base = await baseImages(binaries);
  const runtime = await buildRuntime(base);
  await buildah([
    ...build(base),
    '--build-arg',
    `RUNTIME=${runtime.image}`,
    '-t',
    `${repository}:working`,
    project,
  ]);
  const tag = await withScratch((scratch) => exportApp(runtime, scratch));
  await removeImage(`${repository}:working`);
  await importLayout(lab, runtime.layout, tag, repository);
  return `${repository}:${tag}`;
}

const build = (base: BaseImages): string[] => [
  ...['bud', '--isolation', 'chroot', '--file', dockerfile],
  ...['--build-arg', `NODE_IMAGE=${base.node}`, '--build-arg', `KOPIA_IMAGE=${base.kopia}`],
];

interface Runtime {
  image: string;
  /** The same as OCI layout: the folder to which application layers are added. */
  layout: string;
}

async function buildRuntime(base: BaseImages): Promise<Runtime> {
  const hash = createHash('sha256').update(JSON.stringify(base));
  hash.update(readFileSync(join(project, 'package-lock.json')));
  hash.update(readFileSync(dockerfile));
  const tag = hash.digest('hex').slice(0, 12);
  const image = `localhost/caravel-runtime:${tag}`;
  const layout = join(cacheDir, 'images', `caravel-runtime-${tag}`);
  if (existsSync(layout) && (await hasImage(image))) return { image, layout };
  await forgetRuntimes();
  await showProgress({ title: `making image ${image}`, typicalSeconds: 60, secondsAhead: 60 }, async () => {
    await buildah([...build(base), '--layers', '--target', 'runtime', '-t', image, project]);
    rmSync(layout, { recursive: true, force: true });
    await withScratch(async (scratch) => {
      await buildah(['push', '--quiet', image, `oci:${join(scratch, 'layout')}:runtime`]);
      mkdirSync(join(cacheDir, 'images'), { recursive: true });
      renameSync(join(scratch, 'layout'), layout);
    });
  });
  return { image, layout };
}

/** Earlier ones are half a gigabyte each. */
async function forgetRuntimes(): Promise<void> {
  const dir = join(cacheDir, 'images');
  if (!existsSync(dir)) return;
  for (const name of readdirSync(dir).filter((each) => each.startsWith('caravel-runtime-'))) {
    rmSync(join(dir, name), { recursive: true });
    await removeImage(`localhost/caravel-runtime:${name.replace('caravel-runtime-', '')}`);
  }
}

/** Adds what the build put into /app beside the dependencies to the runtime's layout, as one layer. */
async function exportApp(runtime: Runtime, scratch: string): Promise<string> {
  const container = (await buildah(['from', '--pull-never', `${repository}:working`])).trim();
  try {
    const root = (await buildah(['mount', container])).trim();
    const layer = join(scratch, 'app.tar');
    await packFolder(root, layer, ['app'], ['app/node_modules']);
    return addLayer(runtime.layout, 'runtime', layer);
  } finally {
    await buildah(['rm', container]);
  }
}

async function withScratch<T>(work: (scratch: string) => Promise<T>): Promise<T> {
  mkdirSync(join(cacheDir, 'scratch'), { recursive: true });
  const scratch = mkdtempSync(join(cacheDir, 'scratch', 'image-'));
  try {
    return await work(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
