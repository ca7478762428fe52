import { chmodSync, copyFileSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Binaries } from '../build/binaries.ts';
import { packFolder, packImage } from '../images/archive.ts';
import type { ImageRecipe } from '../images/cached-image.ts';
import { awsPluginImage, veleroImage } from './names.ts';

interface ProgramsImage {
  name: string;
  /** Where a program lies in the image, and its name in the build group. */
  programs: Record<string, string>;
  entrypoint: string[];
  user: string;
}

const home = '/home/cnb';
const users = `root:x:0:0:root:/root:/sbin/nologin\ncnb:x:1002:1000::${home}:/sbin/nologin\n`;

/** Laid out as the published images are: programs, the users that they run as, and no shell. */
function programsImage(binaries: Binaries, image: ProgramsImage): ImageRecipe {
  const { name, entrypoint, user } = image;
  const programs = Object.entries(image.programs).map(([path, program]) => {
    const source = binaries.program('velero', program);
    return { path, source, size: statSync(source).size };
  });
  return {
    name,
    typicalSeconds: 2,
    recipe: [name, entrypoint, user, programs, users, 1],
    make: async (scratch, archive) => {
      const root = join(scratch, 'root');
      for (const { path, source } of programs) {
        mkdirSync(dirname(join(root, path)), { recursive: true });
        copyFileSync(source, join(root, path));
      }
      for (const folder of ['/etc', '/root', '/tmp', home])
        mkdirSync(join(root, folder), { recursive: true });
      // The layer's files all belong to root.
      for (const folder of ['/tmp', home]) chmodSync(join(root, folder), 0o1777);
      writeFileSync(join(root, 'etc/passwd'), users);
      const layer = join(scratch, 'layer.tar');
      await packFolder(root, layer);
      await packImage({ name, entrypoint, user, layer }, scratch, archive);
    },
  };
}

/** Server, node agent, data movers and the init container of restored pods. */
const serverRecipe = (binaries: Binaries): ImageRecipe =>
  programsImage(binaries, {
    name: veleroImage,
    programs: { '/velero': 'velero', '/velero-restore-helper': 'velero-restore-helper' },
    entrypoint: ['/velero'],
    user: '1002:1000',
  });

/** An init container that copies the plugin to where the server looks for it. */
const pluginRecipe = (binaries: Binaries): ImageRecipe => {
  const plugin = 'velero-plugin-for-aws';
  return programsImage(binaries, {
    name: awsPluginImage,
    programs: { [`/plugins/${plugin}`]: plugin, '/bin/cp-plugin': 'cp-plugin' },
    entrypoint: ['/bin/cp-plugin', `/plugins/${plugin}`, `/target/${plugin}`],
    user: '65532:65532',
  });
};

export const veleroImages = (binaries: Binaries): ImageRecipe[] => [
  serverRecipe(binaries),
  pluginRecipe(binaries),
];
