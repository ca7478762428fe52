import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { COMMAND } from './limits.ts';
import { isNoise } from './errors.ts';
import type { Redactor } from './redact.ts';

export interface StartOptions {
  /** File descriptor that becomes kopia's stdin; it reads a block device itself, so no byte passes through here. */
  stdin?: number;
  /** Text for stdin. */
  input?: string;
  environment?: Record<string, string>;
  /** Every line and progress line of stderr, without secrets. */
  onLine?: (line: string) => void;
}

export interface Outcome {
  /** Null when a signal ended the process. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  /** The last lines that say something. */
  stderr: string;
}

export interface KopiaProcess {
  pid: number | undefined;
  done: Promise<Outcome>;
  kill(signal: NodeJS.Signals): void;
}

export interface Program {
  path: string;
  args: string[];
  environment: NodeJS.ProcessEnv;
  clean: Redactor;
}

export function startProcess(program: Program, options: StartOptions = {}): KopiaProcess {
  const stdin = options.stdin ?? (options.input === undefined ? 'ignore' : 'pipe');
  const child = spawn(program.path, program.args, {
    env: { ...program.environment, ...options.environment },
    stdio: [stdin, 'pipe', 'pipe'],
  });
  const stdout = collectOutput(child);
  const stderr = collectLines(child, program.clean, options.onLine);
  if (options.input !== undefined) feed(child, options.input);
  const done = new Promise<Outcome>((resolve) => {
    child.once('error', (error) =>
      resolve({ code: null, signal: null, stdout: '', stderr: program.clean(error.message) }),
    );
    child.once('close', (code, signal) =>
      resolve({ code, signal, stdout: stdout(), stderr: stderr().join('\n') }),
    );
  });
  return { pid: child.pid, done, kill: (signal) => void child.kill(signal) };
}

function feed(child: ChildProcess, input: string): void {
  // A process that dies early closes the pipe; its own words tell why.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
}

function collectOutput(child: ChildProcess): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= COMMAND.outputBytes) chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

/** Splits at line ends and at the carriage returns of progress lines. */
export class LineSplitter {
  #rest = '';
  readonly #onLine: (line: string) => void;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split(/[\r\n]/);
    this.#rest = (lines.pop() ?? '').slice(0, COMMAND.lineLength);
    for (const line of lines) this.#emit(line);
  }

  end(): void {
    this.#emit(this.#rest);
    this.#rest = '';
  }

  #emit(line: string): void {
    const text = line.trimEnd().slice(0, COMMAND.lineLength);
    if (text) this.#onLine(text);
  }
}

const PROGRESS_LINE = /^(?: ?[-|/\\*] \d+ hashing,|Processed \d+ )/;

export const isProgress = (line: string): boolean => PROGRESS_LINE.test(line);

function collectLines(child: ChildProcess, clean: Redactor, onLine?: (line: string) => void): () => string[] {
  const kept: string[] = [];
  const splitter = new LineSplitter((raw) => {
    const line = clean(raw);
    onLine?.(line);
    if (isProgress(line) || isNoise(line)) return;
    kept.push(line);
    if (kept.length > COMMAND.errorLines) kept.shift();
  });
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (text: string) => splitter.push(text));
  child.stderr?.on('end', () => splitter.end());
  return () => kept;
}
