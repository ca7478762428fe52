import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RepositoryCredentials, RepositorySpec } from '../../contracts/mover.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { GLOBAL_FLAGS } from './commands.ts';
import { kopiaEnvironment, memoryLimit, repositoryConfig } from './config.ts';
import type { ConfigOptions } from './config.ts';
import { classify } from './errors.ts';
import { COMMAND } from './limits.ts';
import { probeStore } from './probe.ts';
import type { Finding } from './probe.ts';
import { startProcess } from './process.ts';
import type { KopiaProcess, Outcome, StartOptions } from './process.ts';
import { redactor } from './redact.ts';
import type { Redactor } from './redact.ts';

export interface KopiaOptions extends Omit<ConfigOptions, 'cacheDir'> {
  spec: RepositorySpec;
  credentials: RepositoryCredentials;
  kopiaPath: string;
  /** Folder for configuration and cache; belongs to this object alone. */
  dir: string;
  /** Files, or parts of them, that it works on at once; decides how much memory it may take. */
  readers?: number;
  parentEnvironment?: NodeJS.ProcessEnv;
}

/** The kopia program, bound to one repository. */
export interface Kopia {
  readonly clean: Redactor;
  readonly dir: string;
  start(args: readonly string[], options?: StartOptions): KopiaProcess;
  /** A short command's output; its error is classified and, where kopia's words are not clear, asked of the store. */
  run(args: readonly string[], options?: RunOptions): Promise<string>;
  /** The error of a process that ended without success. */
  explain(outcome: Outcome): Promise<CaravelError>;
  probe(): Promise<Finding>;
  /** Makes the next command list the store and read manifests from it, whatever this machine wrote before. */
  forget(): void;
}

export interface RunOptions extends StartOptions {
  signal?: AbortSignal;
}

export function openKopia(options: KopiaOptions): Kopia {
  const { spec, credentials, dir } = options;
  const config = join(dir, 'repository.config');
  const cacheDir = join(dir, 'cache');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  writeFileSync(config, JSON.stringify(repositoryConfig(spec, { ...options, cacheDir })), { mode: 0o600 });
  chmodSync(config, 0o600);
  const program = {
    path: options.kopiaPath,
    environment: kopiaEnvironment(options.parentEnvironment ?? process.env, credentials, {
      config,
      logDir: join(dir, 'log'),
      memoryLimit: memoryLimit(options),
    }),
    clean: redactor([credentials.secretAccessKey, credentials.sessionToken, credentials.password]),
  };
  const kopia: Kopia = {
    dir,
    clean: program.clean,
    start: (args, start) => startProcess({ ...program, args: [...GLOBAL_FLAGS, ...args] }, start),
    run: (args, run) => runToEnd(kopia, args, run),
    explain: (outcome) => explain(kopia, outcome),
    probe: () => probeStore(spec, credentials),
    forget: () => {
      for (const part of ['own-writes', 'blob-list', 'metadata'])
        rmSync(join(cacheDir, part), { recursive: true, force: true });
    },
  };
  return kopia;
}

async function runToEnd(kopia: Kopia, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const running = kopia.start(args, options);
  const over = new AbortController();
  const { signal } = options;
  const abort = () => running.kill('SIGKILL');
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  try {
    const outcome = await Promise.race([running.done, refusal(kopia, over.signal)]);
    if (outcome instanceof CaravelError) throw outcome;
    if (outcome.code === 0) return outcome.stdout;
    signal?.throwIfAborted();
    throw await kopia.explain(outcome);
  } finally {
    over.abort();
    running.kill('SIGKILL');
    signal?.removeEventListener('abort', abort);
  }
}

/** Answers when a command that is silent for long has a store that refuses it, or no time left; else never. */
async function refusal(kopia: Kopia, over: AbortSignal): Promise<CaravelError> {
  const until = performance.now() + COMMAND.timeout;
  const pause = (ms: number) => delay(ms, undefined, { signal: over, ref: false });
  try {
    while (performance.now() < until) {
      await pause(COMMAND.suspicious);
      const found = await kopia.probe();
      if (found.state === 'error' && !found.error.retryable) return found.error;
    }
    return new CaravelError('StoreUnavailable', `kopia did not end within ${COMMAND.timeout / 1000} s`);
  } catch {
    // The command has ended first.
    return new Promise(() => undefined);
  }
}

/** Codes that kopia's words give for causes of quite another kind. */
const isUnclear = ({ code, retryable }: CaravelError) =>
  code === 'RepositoryMissing' || (retryable && (code === 'StoreUnavailable' || code === 'MoverFailed'));

async function explain(kopia: Kopia, outcome: Outcome): Promise<CaravelError> {
  if (outcome.signal) return new CaravelError('MoverLost', `kopia was ended by ${outcome.signal}`);
  const error = classify(outcome.stderr);
  if (!isUnclear(error)) return error;
  const found = await kopia.probe();
  if (found.state === 'error') return found.error;
  // It is there after all: kopia met a blip.
  if (found.state === 'repository' && error.code === 'RepositoryMissing')
    return new CaravelError('StoreUnavailable', error.message);
  return error;
}
