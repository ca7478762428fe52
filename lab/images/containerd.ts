import { run } from '../host/command.ts';
import type { Lab } from '../layout.ts';
import { containerdSocket } from '../cluster/configs.ts';
import { insideLab } from '../cluster/namespaces.ts';

const ctr = (lab: Lab, ...args: string[]): string[] => [
  'ctr',
  ...['-n', 'k8s.io', '-a', containerdSocket(lab)],
  ...args,
];

/** Imports an image archive into the lab's containerd and returns the names of its images. */
export async function importImage(lab: Lab, archive: string, baseName?: string): Promise<string[]> {
  const base = baseName ? ['--base-name', baseName] : [];
  const command = insideLab(lab, ctr(lab, 'images', 'import', ...base, archive));
  const output = await run(command[0] ?? '', command.slice(1));
  return [...output.matchAll(/^unpacking (\S+)/gm)].map((match) => match[1] ?? '');
}

export async function listImages(lab: Lab): Promise<string[]> {
  const command = insideLab(lab, ctr(lab, 'images', 'ls', '-q'));
  return (await run(command[0] ?? '', command.slice(1))).split('\n').filter(Boolean);
}
