import { describe, expect, test } from 'vitest';
import {
  excluded,
  isComplete,
  parseBackupProgress,
  parseDirectory,
  parseManifestShow,
  parseRestoreProgress,
  parseRestoreSummary,
  parseSize,
  sourceText,
} from '../../../../platform/kopia/output.ts';

test.each([
  ['0 B', 0],
  ['65.5 KB', 65_500],
  ['1.5 GB', 1_500_000_000],
  ['0.9 KB', 900],
  ['12 TB', 12e12],
  ['3 MiB', 3 * 1024 * 1024],
  ['-', undefined],
  ['1,5 GB', undefined],
  ['12', undefined],
])('size %s', (text, bytes) => expect(parseSize(text)).toBe(bytes));

describe('progress of a backup', () => {
  test('with an estimate', () => {
    const line =
      ' / 1 hashing, 23 hashed (48 MB), 187 cached (374 MB), uploaded 44 MB, estimated 1.5 GB (41.2%) 3s left';
    expect(parseBackupProgress(line)).toEqual({
      ...{ hashedFiles: 23, hashedBytes: 48e6, cachedFiles: 187, cachedBytes: 374e6, uploadedBytes: 44e6 },
      ...{ errors: 0, estimatedBytes: 1.5e9 },
    });
  });
  test('before the estimate, with errors, and at the end', () => {
    const early = ' | 0 hashing, 0 hashed (0 B), 0 cached (0 B), uploaded 0 B, estimating...';
    expect(parseBackupProgress(early)).not.toHaveProperty('estimatedBytes');
    const errors =
      ' - 2 hashing, 1 hashed (1 B), 0 cached (0 B), uploaded 1.2 KB (2 fatal errors) (3 errors ignored), estimating...';
    expect(parseBackupProgress(errors)).toMatchObject({ errors: 5, uploadedBytes: 1_200 });
    const last =
      ' * 0 hashing, 2 hashed (524.3 MB), 0 cached (0 B), uploaded 512.5 MB, estimated 27.2 GB (1.9%) 3m58s left';
    expect(parseBackupProgress(last)).toMatchObject({ hashedFiles: 2, hashedBytes: 524_300_000 });
    const backslash = ' \\ 1 hashing, 0 hashed (1 B), 0 cached (0 B), uploaded 0 B, estimating...';
    expect(parseBackupProgress(backslash)).toMatchObject({ hashedBytes: 1 });
  });
  test('anything else is none', () => {
    expect(parseBackupProgress('Snapshotting default@default:x ...')).toBeUndefined();
    expect(parseBackupProgress('')).toBeUndefined();
  });
});

describe('progress of a restore', () => {
  test('counts what was there already', () => {
    const line =
      'Processed 5 (8.2 MB) of 10 (20 MB), skipped 3 (4 MB), ignored 1 errors 55 MB/s (83.1%) remaining 2s.';
    expect(parseRestoreProgress(line)).toEqual({ done: 5, bytes: 12_200_000 });
    expect(parseRestoreProgress('Processed 1 (3 B) of 1 (3 B).')).toEqual({ done: 1, bytes: 3 });
    expect(parseRestoreProgress('Restored 1 files')).toBeUndefined();
  });
  test('the last line', () => {
    const line =
      'Restored 11 files, 2 directories and 3 symbolic links (8.2 MB), skipped 4 (1 B), ignored 5 errors.';
    expect(parseRestoreSummary(line)).toEqual({
      files: 11,
      dirs: 2,
      symlinks: 3,
      skipped: 4,
      ignoredErrors: 5,
    });
    expect(parseRestoreSummary('Restored 0 files, 1 directories and 0 symbolic links (0 B).')).toMatchObject({
      ...{ files: 0, dirs: 1, skipped: 0, ignoredErrors: 0 },
    });
    expect(parseRestoreSummary('Restoring to local')).toBeUndefined();
  });
});

describe('manifests', () => {
  const one = (id: string, path: string) =>
    [
      `// id: ${id}`,
      '// label path:a',
      '{',
      `  "id": "", "source": {"host":"default","userName":"default","path":"${path}"},`,
      '  "description": "}// id: 99",',
      '  "rootEntry":{"name":"v","obj":"k1","summ":{"size":3,"files":1,"symlinks":0,"dirs":1,"maxTime":"x","numFailed":0}},',
      '  "stats":{"excludedFileCount":1,"excludedDirCount":2}',
      '}',
    ].join('\n');
  const parsed = () => {
    const [manifest] = parseManifestShow(one('6b32', 'a/b'));
    if (!manifest) throw new Error('no manifest');
    return manifest;
  };

  test('as `manifest show` prints them', () => {
    const manifest = parsed();
    expect(manifest.id).toBe('6b32');
    expect(sourceText(manifest)).toBe('default@default:a/b');
    expect(isComplete(manifest)).toBe(true);
    expect(excluded(manifest)).toBe(3);
  });
  test('several of them, which follow each other on one line', () => {
    const text = `${one('6b32', 'a/b')}${one('7c43', 'c')}${one('8d54', 'd')} \n`;
    expect(parseManifestShow(text).map(({ id, source }) => [id, source.path])).toEqual([
      ['6b32', 'a/b'],
      ['7c43', 'c'],
      ['8d54', 'd'],
    ]);
    expect(parseManifestShow('')).toEqual([]);
  });
  test('incomplete in any of the ways that kopia marks it', () => {
    const manifest = parsed();
    expect(isComplete({ ...manifest, incomplete: 'canceled' })).toBe(false);
    const { rootEntry, ...rootless } = manifest;
    expect(rootEntry).toBeDefined();
    expect(isComplete(rootless)).toBe(false);
  });
});

test('folders', () => {
  const text = '{"stream":"kopia:directory","entries":[{"name":"/uid","type":"f","size":5,"obj":"Ix1"}]}';
  expect(parseDirectory(text)).toEqual([{ name: '/uid', type: 'f', size: 5, obj: 'Ix1' }]);
  expect(parseDirectory('{"stream":"kopia:directory"}')).toEqual([]);
  expect(() => parseDirectory('{"stream":"kopia:indirect","entries":[]}')).toThrow(/not a folder/);
});
