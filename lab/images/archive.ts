import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from '../host/command.ts';

export interface SmallImage {
  name: string;
  entrypoint: string[];
  env?: string[];
  user?: string;
  /** A tar file that is the image's only layer. */
  layer: string;
}

/** Packs one layer as an image archive; needs no builder. */
export async function packImage(image: SmallImage, scratch: string, archive: string): Promise<void> {
  const dir = join(scratch, 'packed');
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const hash = createHash('sha256');
  await pipeline(createReadStream(image.layer), hash);
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      Entrypoint: image.entrypoint,
      Env: image.env ?? ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      ...(image.user ? { User: image.user } : {}),
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${hash.digest('hex')}`] },
  };
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
  const manifest = [{ Config: 'config.json', RepoTags: [image.name], Layers: ['layer.tar'] }];
  writeFileSync(join(dir, 'manifest.json'), JSON.stringify(manifest));
  symlinkSync(image.layer, join(dir, 'layer.tar'));
  await run('tar', ['-C', dir, '-chf', archive, 'manifest.json', 'config.json', 'layer.tar']);
  rmSync(dir, { recursive: true, force: true });
}

/** Parts of a folder as a layer: same content, same bytes. */
export async function packFolder(
  folder: string,
  layer: string,
  parts: string[] = ['.'],
  without: string[] = [],
): Promise<void> {
  const stable = ['--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--sort=name'];
  const excluded = without.map((path) => `--exclude=${path}`);
  await run('tar', [...stable, ...excluded, '-C', folder, '-cf', layer, ...parts]);
}
