import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { SCAN } from './limits.ts';

/**
 * Counts what stands in a volume, and of that what Kopia cannot keep. GNU tar does the walk: it lists type, size, hard
 * links, ACLs and extended attributes (which node cannot read at all), and with /dev/null as archive it opens no file.
 */

export interface Scan {
  files: number;
  dirs: number;
  symlinks: number;
  /** Further names of a file; of which type tar does not tell. */
  hardLinks: number;
  bytes: number;
  xattrs: number;
  acls: number;
  sockets: number;
  fifos: number;
  devices: number;
  /** Names that are no UTF-8: Kopia keeps the file, but under an altered name. */
  names: number;
}

export const emptyScan = (): Scan => ({
  ...{ files: 0, dirs: 0, symlinks: 0, hardLinks: 0, bytes: 0, xattrs: 0 },
  ...{ acls: 0, sockets: 0, fifos: 0, devices: 0, names: 0 },
});

/** What stands in TransferResult.notKept; zeroes are left out. */
export function notKept(scan: Scan): Record<string, number> {
  const { xattrs, acls, hardLinks, sockets, fifos, devices, names } = scan;
  const counts = { xattrs, acls, hardLinks, sockets, fifos, devices, names };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

const TYPES: Record<string, keyof Scan> = {
  ...{ '-': 'files', d: 'dirs', l: 'symlinks', h: 'hardLinks', p: 'fifos' },
  ...{ b: 'devices', c: 'devices' },
};
const MARKS: Record<string, keyof Scan> = { '*': 'xattrs', '+': 'acls' };
const ENTRY = /^([-dlhpbc])[-rwxsStT]{9}([ *+.]) *\d+\/\d+ +(\d+)(,\d+)? /;

/** One line of the list; anything else that tar prints is no entry. */
export function countLine(line: string, scan: Scan): void {
  const [, type = '', mark = '', size, device] = ENTRY.exec(line) ?? [];
  const counter = TYPES[type];
  if (!counter) return;
  scan[counter]++;
  const marked = MARKS[mark];
  if (marked) scan[marked]++;
  if (type === '-' && !device) scan.bytes += Number(size);
  if (line.includes('\\') && !isUtf8Name(line)) scan.names++;
}

/** Tar prints every byte outside ASCII as three octal digits. */
function isUtf8Name(line: string): boolean {
  const bytes = line.replace(/\\(?:([0-3][0-7]{2})|(.))/g, (_, octal?: string) =>
    octal ? String.fromCharCode(parseInt(octal, 8)) : '?',
  );
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(bytes, 'latin1'));
    return true;
  } catch {
    return false;
  }
}

export const SCAN_ARGUMENTS = [
  ...['--create', '--verbose', '--verbose', '--file=/dev/null', '--numeric-owner', '--quoting-style=escape'],
  ...['--acls', '--xattrs', '--xattrs-include=*'],
  // On some systems every file has these; they are made anew where the volume is mounted.
  ...['--xattrs-exclude=security.selinux', '--xattrs-exclude=system.*'],
];

/** Tar's exit code for files that changed or went while it read. */
const TAR_DIFFERS = 1;

export interface RunningScan {
  /** The counts when tar has come to its end; undefined when it could not, or was cut off. */
  result: Promise<Scan | undefined>;
  /** The same, but waits no longer than the mover's patience. */
  finish(): Promise<Scan | undefined>;
  /** Counts so far, when they are complete. */
  complete(): Scan | undefined;
  stop(): void;
}

/** `live`: files that vanish meanwhile are not counted, and no reason to mistrust the rest. */
export function startScan(folder: string, { live = false } = {}): RunningScan {
  const scan = emptyScan();
  const child = spawn('nice', ['-n', String(SCAN.nice), 'tar', ...SCAN_ARGUMENTS, '-C', folder, '.'], {
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  eachLine(child.stdout, (line) => countLine(line, scan));
  eachLine(child.stderr, (line) => {
    if (line.endsWith(': socket ignored')) scan.sockets++;
  });
  let complete = false;
  const result = new Promise<boolean>((resolve) => {
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0 || (live && code === TAR_DIFFERS)));
  }).then((ok) => {
    complete = ok;
    return ok ? scan : undefined;
  });
  const stop = () => void child.kill('SIGKILL');
  return {
    result,
    stop,
    complete: () => (complete ? scan : undefined),
    finish: async () => {
      const over = new AbortController();
      const late = delay(SCAN.patience, undefined, { signal: over.signal }).catch(() => undefined);
      const counts = await Promise.race([result, late]);
      over.abort();
      stop();
      return counts;
    },
  };
}

function eachLine(stream: ChildProcess['stdout'], onLine: (line: string) => void): void {
  let rest = '';
  // In the C locale tar prints ASCII alone.
  stream?.setEncoding('latin1');
  stream?.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  });
}
