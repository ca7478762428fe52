import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from '../host/command.ts';
import type { Lab } from '../layout.ts';
import { containerdSocket } from '../cluster/configs.ts';
import { insideLab } from '../cluster/namespaces.ts';
import { blobPath, findImage, indexOf } from './oci-layout.ts';

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

/**
 * Imports one image of an OCI layout folder, and sends only the layers that containerd does not have:
 * after a change of code that is some kilobytes instead of half a gigabyte.
 */
export async function importLayout(lab: Lab, layout: string, tag: string, repository: string): Promise<void> {
  const { descriptor, manifest } = findImage(layout, tag);
  const scratch = mkdtempSync(join(tmpdir(), 'lab-import-'));
  try {
    writeFileSync(join(scratch, 'index.json'), indexOf(descriptor));
    const store = join(lab.dir, 'containerd/root/io.containerd.content.v1.content');
    const parts = [manifest.config, ...manifest.layers].map(blobPath);
    const missing = parts.filter((part) => !existsSync(join(store, part)));
    const files = ['-C', layout, 'oci-layout', blobPath(descriptor), ...missing, '-C', scratch, 'index.json'];
    const tar = spawn('tar', ['-cf', '-', ...files], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [file, args] = ctr(lab, 'images', 'import', '--base-name', repository, '-');
    const receiver = spawn(file, args, { stdio: ['pipe', 'ignore', 'inherit'] });
    const received = new Promise<number | null>((resolve) => receiver.on('close', resolve));
    // ctr ends at the archive's last entry, and may leave unread what tar fills the last block with.
    await pipeline(tar.stdout, receiver.stdin).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
    if ((await received) !== 0) throw new Error(`containerd refused the image ${repository}:${tag}`);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
