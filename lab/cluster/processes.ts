import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { waitUntil } from '../host/command.ts';
import { identify, isAlive, type ProcessIdentity, signal } from '../host/process-identity.ts';
import type { Lab } from '../layout.ts';
import { trackingFile } from './cgroups.ts';
import { insideLab } from './namespaces.ts';

export interface ProcessRecord extends ProcessIdentity {
  startedAt: string;
  command: string[];
}

export interface Launch {
  command: string[];
  env?: Record<string, string>;
  /** Start it again whenever it ends by itself, as kubelet does with a container. */
  respawn?: boolean;
}

/** The process that respawns is the recorded one; its child does not outlive it, whatever kills it. */
const respawnScript = 'while :; do setpriv --pdeathsig KILL -- "$@"; sleep 0.3; done';

const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const pidFile = (lab: Lab, name: string): string => join(lab.dir, 'run', `${name}.json`);
export const logFile = (lab: Lab, name: string): string => join(lab.dir, 'log', `${name}.log`);

export function readProcess(lab: Lab, name: string): ProcessRecord | undefined {
  if (!existsSync(pidFile(lab, name))) return undefined;
  return JSON.parse(readFileSync(pidFile(lab, name), 'utf8')) as ProcessRecord;
}

export function isRunning(lab: Lab, name: string): boolean {
  const record = readProcess(lab, name);
  return record !== undefined && isAlive(record);
}

/** Starts a process that outlives this one, in the lab's namespaces and cgroup; its output goes to its log file. */
export function startProcess(lab: Lab, name: string, launch: Launch): ProcessRecord {
  for (const dir of ['run', 'log']) mkdirSync(join(lab.dir, dir), { recursive: true });
  const log = openSync(logFile(lab, name), 'a');
  // Shell and nsenter replace themselves, so that the process id is the program's own.
  const script = 'echo $$ > "$0" && exec "$@"';
  const command = launch.respawn ? ['sh', '-c', respawnScript, name, ...launch.command] : launch.command;
  const child = spawn('sh', ['-c', script, trackingFile(lab), ...insideLab(lab, command)], {
    cwd: '/',
    detached: true,
    // Nothing of the caller's settings (KUBECONFIG, TEMPORAL_ADDRESS …) may leak into a component.
    // Go programs collect garbage half as often: memory is there, processor time is what tests wait for.
    env: { PATH: systemPath, HOME: lab.dir, LANG: 'C.UTF-8', GOGC: '200', ...launch.env },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (!identity) throw new Error(`${name} could not be started`);
  const record = { ...identity, startedAt: new Date().toISOString(), command: launch.command };
  writeFileSync(pidFile(lab, name), JSON.stringify(record, null, 2));
  return record;
}

/** Ends a recorded process and forgets it. Says whether there was one. */
export async function stopProcess(lab: Lab, name: string, how: NodeJS.Signals = 'SIGTERM'): Promise<boolean> {
  const record = readProcess(lab, name);
  if (!record) return false;
  const wasAlive = isAlive(record);
  signal(record, how);
  try {
    await waitUntil(`the end of ${name}`, 15_000, () => !isAlive(record));
  } catch {
    signal(record, 'SIGKILL');
    await waitUntil(`the end of ${name}`, 15_000, () => !isAlive(record));
  }
  rmSync(pidFile(lab, name), { force: true });
  return wasAlive;
}

export function recordedProcesses(lab: Lab): string[] {
  const dir = join(lab.dir, 'run');
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((file) => file.endsWith('.json'))
    .map((file) => basename(file, '.json'));
}

export function logTail(lab: Lab, name: string, lines: number): string {
  if (!existsSync(logFile(lab, name))) return '';
  return readFileSync(logFile(lab, name), 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}
