import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../host/command.ts';
import { pauseImage } from '../cluster/configs.ts';
import { packFolder, packImage } from './archive.ts';
import type { ImageRecipe } from './cached-image.ts';

interface BusyboxImage {
  name: string;
  entrypoint: string[];
  folders: string[];
}

/** An image of nothing but a static busybox with all its commands. */
function busyboxImage({ name, entrypoint, folders }: BusyboxImage): ImageRecipe {
  return {
    name,
    typicalSeconds: 1,
    recipe: [name, entrypoint, folders, 2],
    make: async (scratch, archive) => {
      const root = join(scratch, 'root');
      for (const folder of ['bin', 'usr', 'tmp', ...folders])
        mkdirSync(join(root, folder), { recursive: true });
      // busybox makes its links to where it lies on the host, which is either of the two.
      symlinkSync('../bin', join(root, 'usr/bin'));
      copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
      await run('/bin/busybox', ['--install', '-s', join(root, 'bin')]);
      await packFolder(root, join(scratch, 'layer.tar'));
      await packImage({ name, entrypoint, layer: join(scratch, 'layer.tar') }, scratch, archive);
    },
  };
}

/** Holds the namespaces of a pod. */
export const pauseRecipe = busyboxImage({
  name: pauseImage,
  entrypoint: ['/bin/busybox', 'sleep', '2147483647'],
  folders: [],
});

/** Serves the pages in /www on port 8080; also the shell for small test pods. */
export const webRecipe = busyboxImage({
  name: 'localhost/lab-web:1',
  entrypoint: ['/bin/busybox', 'httpd', '-f', '-p', '8080', '-h', '/www'],
  folders: ['www'],
});
