import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { insideLab } from '../../lab/cluster/namespaces.ts';
import { requireLab } from '../../lab/layout.ts';
import { fillVolume, volumePath } from '../support/application.ts';
import type { World } from '../support/world.ts';

const run = promisify(execFile);

export interface Content {
  files: number;
  bytes: number;
}

/** New random data, on the disk before anything is measured: else the snapshot would have to write it. */
export async function renew(world: World, namespace: string, claim: string, content: Content): Promise<void> {
  await fillVolume(world, namespace, claim, content.files, Math.round(content.bytes / content.files));
  const lab = requireLab(world.env.CARAVEL_LAB);
  const [program = '', ...args] = insideLab(lab, ['sync', '-f', await volumePath(world, namespace, claim)]);
  await run(program, args);
}
