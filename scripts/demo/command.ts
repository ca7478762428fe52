import { spawn } from 'node:child_process';
import { join } from 'node:path';
import pc from 'picocolors';
import type { Screen } from './screen.ts';

const CLI = join(import.meta.dirname, '../../client/main.ts');

/** Runs the `caravel` command as a user would; it shows its own progress. Returns only when it succeeded. */
export async function caravel(
  screen: Screen,
  args: string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  screen.line(`  ${pc.bold(`$ caravel ${args.join(' ')}`)}`);
  const child = spawn(process.execPath, [CLI, ...args], { env, stdio: 'inherit' });
  const stop = (): void => void child.kill('SIGINT');
  signal.addEventListener('abort', stop);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    signal.throwIfAborted();
    if (code !== 0) throw new Error(`caravel ${args.slice(0, 2).join(' ')} ended with exit code ${code}`);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
