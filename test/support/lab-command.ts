import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { LabEnvironment } from '../../lab/env.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

/** Runs `npm run lab -- …` for the lab of a world, and returns what it prints. */
export async function lab({ env }: { env: LabEnvironment }, ...args: string[]): Promise<string> {
  const command = ['lab/main.ts', ...args, '--name', env.CARAVEL_LAB];
  const { stdout } = await run(process.execPath, command, { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}
