import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** A volume with everything that is easily lost. */
export function makeTree(root: string): void {
  const at = (path: string) => join(root, path);
  const file = (path: string, content: string | Buffer, mode: number, owner: [number, number]) => {
    writeFileSync(at(path), content);
    // Owner first: a change of owner takes the special bits away.
    chownSync(at(path), ...owner);
    chmodSync(at(path), mode);
  };
  for (const dir of ['a/b/c', 'empty/inner', 'cache', 'sp ace', 'sticky'])
    mkdirSync(at(dir), { recursive: true });
  file('a/plain', 'plain', 0o644, [0, 0]);
  file('a/secret', 'secret', 0o400, [1000, 2000]);
  file('a/b/setuid', '#!/bin/sh\n', 0o4755, [33, 33]);
  file('a/b/setgid', '#!/bin/sh\n', 0o2755, [33, 34]);
  file('a/b/c/none', 'nobody may read this', 0o000, [65_534, 65_534]);
  file('zero', '', 0o600, [7, 7]);
  file('random', randomBytes(9_000_001), 0o640, [26, 26]);
  file('sp ace/two\nlines', 'newline in the name', 0o644, [0, 0]);
  file('sp ace/ünï – 日本 🚢', 'unicode', 0o644, [0, 0]);
  file('sp ace/qu\'ote"back\\slash', 'quotes', 0o644, [0, 0]);
  file('.kopiaignore', 'a\nrandom\n', 0o644, [0, 0]);
  file('cache/CACHEDIR.TAG', 'Signature: 8a477f597d28d172789f06886806bc55\n', 0o644, [0, 0]);
  file('cache/kept', 'a cache is data, too', 0o644, [0, 0]);
  sparse(at('sparse'));
  symlinkSync('plain', at('a/link'));
  symlinkSync('/nowhere/at all', at('dangling'));
  lutimesSync(at('dangling'), 981_173_106.5, 981_173_106.5);
  chmodSync(at('sticky'), 0o1777);
  chmodSync(at('empty/inner'), 0o2750);
  chownSync(at('empty'), 1234, 4321);
  utimesSync(at('a/plain'), 981_173_106.123, 981_173_106.123);
  utimesSync(at('empty'), 1_100_000_000, 1_100_000_000);
  chownSync(root, 999, 998);
  chmodSync(root, 0o2775);
  utimesSync(root, 1_200_000_000.25, 1_200_000_000.25);
}

function sparse(path: string): void {
  const fd = openSync(path, 'w');
  writeSync(fd, 'begin', 0);
  writeSync(fd, 'middle', 5_000_000);
  ftruncateSync(fd, 20_000_000);
  closeSync(fd);
}

/** What Kopia drops: one socket-like thing of each kind that can be made without a program. */
export function addWhatKopiaDrops(root: string): void {
  writeFileSync(join(root, 'first-name'), 'linked');
  linkSync(join(root, 'first-name'), join(root, 'second-name'));
  linkSync(join(root, 'first-name'), join(root, 'third-name'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
  execFileSync('mknod', [join(root, 'device'), 'c', '1', '3']);
}

/** One line for each entry: all that Kopia keeps. Equal lists mean equal trees. */
export function describeTree(root: string): string[] {
  const lines: string[] = [];
  const visit = (path: string, name: string) => {
    const stat = lstatSync(path, { bigint: true });
    const mode = (stat.mode & 0o7777n).toString(8);
    lines.push(
      JSON.stringify([name, mode, `${stat.uid}:${stat.gid}`, ...describeEntry(path, stat, name === '.')]),
    );
    if (!stat.isDirectory()) return;
    for (const child of readdirSync(path).sort()) visit(join(path, child), `${name}/${child}`);
  };
  visit(root, '.');
  return lines;
}

/** Kopia restores a folder with the time of its newest content, and a link's in full microseconds, rounded up. */
function describeEntry(path: string, stat: BigIntStats, isRoot: boolean): string[] {
  if (stat.isDirectory()) return ['d', isRoot ? `${stat.mtimeNs}` : ''];
  if (stat.isSymbolicLink()) return ['l', `${(stat.mtimeNs + 999n) / 1_000n}`, readlinkSync(path)];
  const content = createHash('sha256').update(readFileSync(path)).digest('hex');
  return ['f', `${stat.mtimeNs}`, `${stat.size}`, content];
}

/** `count` files of random bytes with an old time, so that a second restore may trust it. */
export function fillRandom(root: string, count: number, bytes: number): void {
  for (let index = 0; index < count; index++) {
    const path = join(root, `file-${String(index).padStart(3, '0')}`);
    writeFileSync(path, randomBytes(bytes));
    utimesSync(path, 1_500_000_000, 1_500_000_000);
  }
  utimesSync(root, 1_500_000_000, 1_500_000_000);
}
