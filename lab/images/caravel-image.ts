import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Binaries, cacheDir } from '../build/binaries.ts';
import { withLock } from '../host/lock.ts';
import type { Lab } from '../layout.ts';
import { baseImages } from './base-images.ts';
import { buildah, imageId } from './builder.ts';
import { importLayout } from './containerd.ts';

const project = join(import.meta.dirname, '../..');
const workingName = 'localhost/caravel:working';

/** Builds the project's image and loads it into the lab; returns its name, which follows from its content. */
export async function buildAndLoadCaravel(
  lab: Lab,
  binaries: Binaries,
  say: (line: string) => void,
): Promise<string> {
  const waiting = (): void => say('another image build is running: waiting for it');
  return withLock(join(cacheDir, 'image-build.lock'), waiting, async () => {
    const base = await baseImages(binaries);
    await buildah([
      ...['bud', '--isolation', 'chroot', '--layers', '--file', join(project, 'deploy/Dockerfile')],
      ...['--build-arg', `NODE_IMAGE=${base.node}`, '--build-arg', `KOPIA_IMAGE=${base.kopia}`],
      ...['--tag', workingName, project],
    ]);
    const id = await imageId(workingName);
    if (!id) throw new Error('the image build ended well, but left no image');
    const tag = id.replace('sha256:', '').slice(0, 12);
    const layout = join(cacheDir, 'images/caravel');
    mkdirSync(layout, { recursive: true });
    // Uncompressed: it never leaves this machine.
    await buildah(['push', '--quiet', '--disable-compression', workingName, `oci:${layout}:${tag}`]);
    await importLayout(lab, layout, tag, 'localhost/caravel');
    return `localhost/caravel:${tag}`;
  });
}
