import { spawn } from 'node:child_process';

/** Programs that the tests are made of. */

export interface Ended {
  code: number;
  /** All that it printed, colours removed. */
  output: string;
}

/** Runs a program and keeps what it says; `show` gets that as it comes. */
export function run(
  program: string,
  args: string[],
  { env = process.env, show }: { env?: NodeJS.ProcessEnv; show?: (text: string) => void } = {},
): Promise<Ended> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      show?.(chunk.toString());
    });
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: 1, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 1, output: plain(output) }));
  });
}

export const print = (text: string): void => void process.stdout.write(text);

// oxlint-disable-next-line no-control-regex -- colours
const plain = (text: string) => text.replace(/\u001b\[[0-9;]*m/g, '');
