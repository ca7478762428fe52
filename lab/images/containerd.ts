import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from '../host/command.ts';
import type { Lab } from '../layout.ts';
import { containerdSocket } from '../cluster/configs.ts';
import { insideLab } from '../cluster/namespaces.ts';

function ctr(lab: Lab, ...args: string[]): [string, string[]] {
  const command = ['ctr', '-n', 'k8s.io', '-a', containerdSocket(lab), ...args];
  const [file = '', ...rest] = insideLab(lab, command);
  return [file, rest];
}

/** Imports an image archive into the lab's containerd and returns the names of its images. */
export async function importImage(lab: Lab, archive: string): Promise<string[]> {
  const output = await run(...ctr(lab, 'images', 'import', archive));
  return [...output.matchAll(/^unpacking (\S+)/gm)].map((match) => match[1] ?? '');
}

export async function listImages(lab: Lab): Promise<string[]> {
  return (await run(...ctr(lab, 'images', 'ls', '-q'))).split('\n').filter(Boolean);
}

interface Descriptor {
  digest: string;
  annotations?: Record<string, string>;
}

interface Index {
  manifests: Descriptor[];
}

interface Manifest {
  config: Descriptor;
  layers: Descriptor[];
}

/**
 * Imports one image of an OCI layout folder, and sends only the layers that containerd does not have:
 * after a change of code that is some kilobytes instead of half a gigabyte.
 */
export async function importLayout(lab: Lab, layout: string, tag: string, baseName: string): Promise<void> {
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as Index;
  const entry = index.manifests.find(
    ({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === tag,
  );
  if (!entry) throw new Error(`${layout} holds no image ${tag}`);
  // Only this image stays in the folder.
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ ...index, manifests: [entry] }));
  const manifest = JSON.parse(readFileSync(join(layout, blob(entry)), 'utf8')) as Manifest;
  const parts = [entry, manifest.config, ...manifest.layers].map(blob);
  removeOtherBlobs(layout, parts);
  const store = join(lab.dir, 'containerd/root/io.containerd.content.v1.content');
  const missing = parts.filter((part) => part === blob(entry) || !existsSync(join(store, part)));
  const tar = spawn('tar', ['-C', layout, '-cf', '-', 'oci-layout', 'index.json', ...missing], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [file, args] = ctr(lab, 'images', 'import', '--base-name', baseName, '-');
  const receiver = spawn(file, args, { stdio: ['pipe', 'ignore', 'inherit'] });
  const received = new Promise<number | null>((resolve) => receiver.on('close', resolve));
  await pipeline(tar.stdout, receiver.stdin);
  if ((await received) !== 0) throw new Error(`containerd refused the image ${baseName}:${tag}`);
}

const blob = ({ digest }: Descriptor): string => join('blobs', digest.replace(':', '/'));

function removeOtherBlobs(layout: string, keep: string[]): void {
  const dir = join(layout, 'blobs/sha256');
  for (const name of readdirSync(dir)) {
    if (!keep.includes(join('blobs/sha256', name))) rmSync(join(dir, name));
  }
}
