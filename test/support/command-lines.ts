import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LabEnvironment } from '../../lab/env.ts';
import type { World } from './world.ts';

/** Command lines as users run them: a process of its own, with a kubeconfig and nothing of the bucket. */

export interface Said {
  code: number;
  out: string;
  err: string;
}

const ROOT = join(import.meta.dirname, '../..');

function run(program: string, args: string[], env: Record<string, string>, cwd: string): Promise<Said> {
  return new Promise((resolve) => {
    const options = { env, cwd, timeout: 120_000, maxBuffer: 64 * 1024 * 1024 };
    execFile(program, args, options, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, out, err });
    });
  });
}

const userEnv = ({ env, name }: World): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HOME: '/nonexistent',
  NO_COLOR: '1',
  KUBECONFIG: env.KUBECONFIG,
  CONTROL_NAMESPACE: name,
  CARAVEL_CLUSTER: name,
  CARAVEL_TASK_QUEUE: name,
});

/** `caravel …` of a user who reaches the API server, and with `temporal` the Temporal server as well. */
export function caravel(
  world: World,
  args: string[],
  { temporal = false, cwd = ROOT }: { temporal?: boolean; cwd?: string } = {},
): Promise<Said> {
  const { TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE } = world.env;
  const env = { ...userEnv(world), ...(temporal && { TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE }) };
  return run(process.execPath, [join(ROOT, 'client/main.ts'), ...args], env, cwd);
}

/** Where the stock velero program is; undefined when the lab has not built it. */
export function veleroProgram({ LAB_PATH }: LabEnvironment): string | undefined {
  const files = LAB_PATH.split(':').map((folder) => join(folder, 'velero'));
  return files.find((file) => existsSync(file));
}

/** `velero …` against a world. */
export function velero(world: World, args: string[], cwd = ROOT): Promise<Said> {
  return run(veleroProgram(world.env) ?? 'velero', ['--namespace', world.name, ...args], userEnv(world), cwd);
}
