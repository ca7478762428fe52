import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { MoverEvent, MoverSpec, RepositoryCredentials, RepositorySpec } from '../../contracts/mover.ts';
import { initialiseRepository } from '../../platform/kopia/repository.ts';
import type { RepositoryAccess } from '../../platform/kopia/repository.ts';
import { dyingWithUs } from './dying.ts';
import { openGate } from './s3-gate.ts';
import type { Gate } from './s3-gate.ts';
import { startS3Server } from './s3-server.ts';
import type { S3Server } from './s3-server.ts';

/** A real S3 server behind a gate, and the real mover program on folders of this machine. */

export const PASSWORD = 'static-passw0rd';

export function findKopia(): string {
  const folders = [process.env['CARAVEL_LAB_BIN'] ?? '', ...(process.env['PATH'] ?? '').split(delimiter)];
  const found = folders.filter(Boolean).find((folder) => existsSync(join(folder, 'kopia')));
  if (found) return join(found, 'kopia');
  throw new Error('These tests need kopia: give its folder in CARAVEL_LAB_BIN, or bring up the lab.');
}

export interface KopiaLab {
  dir: string;
  server: S3Server;
  gate: Gate;
  credentials: RepositoryCredentials;
  /** A new repository in a bucket of its own. */
  createRepository(): Promise<RepositorySpec>;
  access(spec: RepositorySpec, changes?: Partial<RepositoryAccess>): RepositoryAccess;
  /** A new empty folder. */
  folder(name: string): string;
  startMover(spec: MoverSpec, options: MoverOptions): MoverRun;
  close(): Promise<void>;
}

export interface MoverOptions {
  volume: string;
  credentials?: Partial<RepositoryCredentials>;
  environment?: Record<string, string>;
}

export interface MoverRun {
  pid: number;
  events: MoverEvent[];
  /** All of stdout and stderr. */
  text(): string;
  terminationLog: string;
  done: Promise<{ code: number | null; last: MoverEvent | undefined }>;
  waitFor<T extends MoverEvent['t']>(type: T): Promise<Extract<MoverEvent, { t: T }>>;
  /** Process ids of the kopia processes that run now. */
  kopias(): number[];
  signal(signal: NodeJS.Signals): void;
  /** Kills it and all its children at once, as the end of a container does. */
  killAll(): void;
}

export async function startKopiaLab(): Promise<KopiaLab> {
  const server = await startS3Server();
  const gate = await openGate(server.endpoint);
  const dir = mkdtempSync(join(tmpdir(), 'caravel-mover-'));
  const { credentials: keys, region } = server.config('none');
  const credentials = {
    accessKeyId: keys.accessKeyId,
    secretAccessKey: keys.secretAccessKey,
    password: PASSWORD,
  };
  const runs: MoverRun[] = [];
  let count = 0;
  const lab: KopiaLab = {
    ...{ dir, server, gate, credentials },
    folder: (name) => {
      const path = join(dir, `${count++}-${name}`);
      mkdirSync(path);
      return path;
    },
    access: (spec, changes) => ({
      ...{ spec, credentials, kopiaPath: findKopia(), workDir: join(dir, 'worker') },
      ...changes,
    }),
    createRepository: async () => {
      const bucket = await server.createBucket();
      const spec: RepositorySpec = {
        ...{ bucket, prefix: 'cluster/kopia/shop/', endpoint: gate.endpoint, region },
        ...{ tls: false, skipTlsVerify: false },
      };
      await initialiseRepository(lab.access(spec));
      return spec;
    },
    startMover: (spec, options) => {
      const run = startMover(lab.folder('pod'), spec, options, credentials);
      runs.push(run);
      return run;
    },
    close: async () => {
      for (const run of runs) run.killAll();
      await gate.close();
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return lab;
}

function startMover(
  dir: string,
  spec: MoverSpec,
  { volume, credentials, environment }: MoverOptions,
  usual: RepositoryCredentials,
): MoverRun {
  const secrets = join(dir, 'credentials');
  mkdirSync(secrets);
  for (const [key, value] of Object.entries({ ...usual, ...credentials }))
    writeFileSync(join(secrets, key), value);
  const terminationLog = join(dir, 'termination-log');
  // A process group of its own stands for the container.
  const child = spawn(...dyingWithUs('TERM', process.execPath, ['mover/main.ts']), {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      CARAVEL_MOVER_SPEC: JSON.stringify(spec),
      CARAVEL_MOVER_CREDENTIALS: secrets,
      CARAVEL_MOVER_VOLUME: volume,
      CARAVEL_MOVER_WORK: join(dir, 'work'),
      CARAVEL_MOVER_TERMINATION_LOG: terminationLog,
      CARAVEL_MOVER_KOPIA: findKopia(),
      ...environment,
    },
  });
  const run = follow(child, terminationLog);
  // As the worker does: a mover with a result is told to go. Restores are told by the tests.
  if (spec.direction === 'backup')
    void run.waitFor('result').then(
      () => run.signal('SIGTERM'),
      () => undefined,
    );
  return run;
}

function follow(child: ChildProcess, terminationLog: string): MoverRun {
  const pid = child.pid ?? 0;
  const events: MoverEvent[] = [];
  let [text, rest] = ['', ''];
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) events.push(JSON.parse(line) as MoverEvent);
  });
  let ended = false;
  const done = new Promise<number | null>((resolve) => child.once('close', resolve)).then((code) => {
    ended = true;
    return { code, last: events.findLast(({ t }) => t === 'result' || t === 'error') };
  });
  return {
    ...{ pid, events, terminationLog, done },
    text: () => text,
    waitFor: async (type) => {
      for (;;) {
        const found = events.find(({ t }) => t === type);
        if (found) return found as never;
        if (ended) throw new Error(`the mover ended without a '${type}' event:\n${text}`);
        await delay(20);
      }
    },
    kopias: () => childrenOf(pid).filter((each) => /kopia/.test(commandLine(each)[0] ?? '')),
    signal: (signal) => void child.kill(signal),
    killAll: () => {
      if (ended) return;
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // Gone between the question and the kill.
      }
    },
  };
}

const childrenOf = (pid: number): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => parentOf(each) === pid);

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

export function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
