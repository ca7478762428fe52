import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { countLine, emptyScan, notKept, startScan } from '../../../mover/scan.ts';

const LINES = [
  'drwxr-xr-x  0/0               0 2026-11-22 18:38 ./',
  '-rw-r--r--  0/0               0 2026-11-22 18:38 ./uni-\\303\\251',
  '-rw-r--r--  0/0      1073741824 2026-11-22 18:38 ./sparse',
  '-rwsr-xr-x* 1000/1000        12 2026-11-22 18:38 ./with attribute',
  '-rw-r--r--+ 0/0               1 2026-11-22 18:38 ./with acl',
  'prw-r--r--  0/0               0 2026-11-22 18:38 ./fifo',
  'crw-r--r--  0/0             1,3 2026-11-22 18:38 ./device',
  'lrwxrwxrwx  0/0               0 2026-11-22 18:38 ./link -> a',
  'hrw-r--r--  0/0               0 2026-11-22 18:38 ./hard link to ./a',
  '-rw-r--r--  0/0               0 2026-11-22 18:38 ./new\\nline',
  '-rw-r--r--  0/0               0 2026-11-22 18:38 ./back\\\\303slash',
  '-rw-r--r--  0/0               0 2026-11-22 18:38 ./no utf-8 \\377',
  'drwxrwxrwt  4294967294/4294967294 0 1970-01-01 00:00 ./sticky/',
  'tar: something else',
];

test('each line counts for what it is', () => {
  const scan = emptyScan();
  for (const line of LINES) countLine(line, scan);
  expect(scan).toEqual({
    ...{ files: 7, dirs: 2, symlinks: 1, hardLinks: 1, fifos: 1, devices: 1, sockets: 0 },
    ...{ bytes: 1_073_741_837, xattrs: 1, acls: 1, names: 1 },
  });
  expect(notKept(scan)).toEqual({ xattrs: 1, acls: 1, hardLinks: 1, fifos: 1, devices: 1, names: 1 });
});

test('the real tar agrees, and a folder that is missing gives no counts', async () => {
  const root = mkdtempSync(join(tmpdir(), 'caravel-scan-'));
  mkdirSync(join(root, 'a b'));
  writeFileSync(join(root, 'a b/ünï\n'), '12345');
  expect(await startScan(root).finish()).toMatchObject({ files: 1, dirs: 2, bytes: 5, names: 0 });
  rmSync(root, { recursive: true });
  expect(await startScan(root).finish()).toBeUndefined();
});
