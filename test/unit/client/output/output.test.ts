import { describe, expect, it } from 'vitest';
import { describeBackup, describeRestore } from '../../../../client/output/describe.ts';
import { document, listOf } from '../../../../client/output/document.ts';
import { EXIT, exitCodeOfError, exitCodeOfPhase } from '../../../../client/output/exit-codes.ts';
import { formatBytes, formatElapsed, formatSelectors } from '../../../../client/output/format.ts';
import { visibleVolumes } from '../../../../client/output/progress-bars.ts';
import { ProgressLines } from '../../../../client/output/progress-lines.ts';
import { backupTable } from '../../../../client/output/run-table.ts';
import { makeColors } from '../../../../client/output/style.ts';
import { table } from '../../../../client/output/table.ts';
import type { RunProgress, VolumeProgress } from '../../../../client/progress.ts';
import type { Backup, Restore } from '../../../../contracts/api/index.ts';
import { CaravelError } from '../../../../core/errors/catalog.ts';

const style = { colors: makeColors(false), now: Date.parse('2026-01-01T01:00:00Z') };

const volume = (fields: Partial<VolumeProgress> = {}): VolumeProgress => ({
  id: 'v',
  namespace: 'app',
  volume: 'data',
  phase: 'InProgress',
  bytesDone: 0,
  bytesTotal: 0,
  ...fields,
});

const backup: Backup = {
  apiVersion: 'velero.io/v1',
  kind: 'Backup',
  metadata: { name: 'b', namespace: 'n', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { includedNamespaces: ['app'], snapshotMoveData: true, ttl: '720h0m0s', storageLocation: 'default' },
  status: {
    phase: 'PartiallyFailed',
    startTimestamp: '2026-01-01T00:00:01Z',
    completionTimestamp: '2026-01-01T00:02:01Z',
    expiration: '2026-01-31T00:00:00Z',
    progress: { totalItems: 12, itemsBackedUp: 12 },
    errors: 1,
    warnings: 2,
    validationErrors: ['spec.ttl: too long'],
  },
};

describe('exit codes', () => {
  it('follow the phase', () => {
    expect(exitCodeOfPhase('Completed')).toBe(0);
    expect(exitCodeOfPhase('Failed')).toBe(1);
    expect(exitCodeOfPhase('FailedValidation')).toBe(1);
    expect(exitCodeOfPhase('PartiallyFailed')).toBe(2);
  });

  it('follow the error', () => {
    expect(exitCodeOfError(new CaravelError('InvalidInput', 'x'))).toBe(EXIT.usage);
    expect(exitCodeOfError(new CaravelError('KubeUnavailable', 'x'))).toBe(EXIT.unreachable);
    expect(exitCodeOfError(new CaravelError('KubeForbidden', 'x'))).toBe(EXIT.failed);
    expect(exitCodeOfError(new Error('x'))).toBe(EXIT.failed);
  });
});

describe('numbers for people', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [5 * 2 ** 40, '5.0 TiB'],
  ])('%d bytes', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [850, '850ms'],
    [59_400, '59s'],
    [65_000, '1m05s'],
    [7_620_000, '2h07m'],
    [30 * 86_400_000, '30d'],
  ])('%d ms', (elapsed, text) => expect(formatElapsed(elapsed)).toBe(text));

  it('selectors', () => {
    expect(formatSelectors(undefined, undefined)).toBe('<none>');
    expect(formatSelectors({ matchLabels: { a: '1' } }, undefined)).toBe('a=1');
    expect(formatSelectors(undefined, [{ matchLabels: { a: '1' } }, { matchLabels: { b: '2' } }])).toBe(
      'a=1 or b=2',
    );
  });
});

describe('tables and documents', () => {
  it('aligns columns without lines', () => {
    expect(
      table(
        ['NAME', 'B'],
        [
          ['x', 'two\n lines'],
          ['long', ''],
        ],
      ),
    ).toBe('NAME   B\nx      two lines\nlong');
  });

  it('lists backups, newest first', () => {
    const newer = {
      ...backup,
      metadata: { name: 'c', creationTimestamp: '2026-01-01T00:30:00Z' },
      status: {},
    };
    expect(backupTable([backup, newer], style).split('\n')).toEqual([
      'NAME   STATUS            ERRORS   WARNINGS   AGE      DURATION   EXPIRES IN   LOCATION   SELECTOR',
      'c      New               0        0          30m00s                           default    <none>',
      'b      PartiallyFailed   1        2          1h00m    2m00s      29d          default    <none>',
    ]);
  });

  it('writes one document', () => {
    expect(JSON.parse(document(listOf([backup]), 'json'))).toEqual({
      apiVersion: 'v1',
      kind: 'List',
      items: [backup],
    });
    expect(document({ a: ['x: y'] }, 'yaml')).toBe('a:\n  - "x: y"\n');
  });
});

describe('describe', () => {
  const volumes = [
    volume({ phase: 'Failed', bytesDone: 512, bytesTotal: 1024, message: 'disk on\nfire', node: 'n1' }),
  ];

  it('shows spec, phase, times, items, volumes, faults and facts of a backup', () => {
    const text = describeBackup({ resource: backup, volumes, facts: { stagesMs: { plan: 3 } } }, style);
    for (const pattern of [
      /^Phase: +PartiallyFailed$/m,
      /^Validation errors\n {2}- spec\.ttl: too long$/m,
      /Duration: +2m00s/,
      /Items: +12 of 12/,
      /Errors: +1\n +Warnings: +2/,
      /Namespaces: +app/,
      /Kept for: +720h0m0s/,
      /app +data +Failed +512 B of 1\.0 KiB +n1 +disk on fire/,
      /Facts\n {2}stagesMs:\n {4}plan: 3/,
    ]) {
      expect(text).toMatch(pattern);
    }
    expect(text).not.toMatch(/undefined|null|\[object/);
  });

  it('shows a restore that has not begun', () => {
    const resource: Restore = {
      apiVersion: 'velero.io/v1',
      kind: 'Restore',
      metadata: { name: 'r' },
      spec: { backupName: 'b', namespaceMapping: { a: 'x' } },
    };
    const text = describeRestore({ resource, volumes: [], facts: {} }, style);
    expect(text).toMatch(/Phase: +New/);
    expect(text).toMatch(/Namespace mapping: +a → x/);
    expect(text).not.toMatch(/Volumes\n|Facts|undefined/);
  });
});

describe('progress', () => {
  const run = (fields: Partial<RunProgress>): RunProgress => ({
    type: 'backup',
    namespace: 'n',
    name: 'b',
    uid: 'u',
    phase: 'InProgress',
    itemsDone: 0,
    itemsTotal: 0,
    warnings: 0,
    errors: 0,
    validationErrors: [],
    volumes: [],
    ...fields,
  });

  it('writes a line for each change worth one', () => {
    const lines: string[] = [];
    const view = new ProgressLines((line) => void lines.push(line));
    view.show(run({}));
    view.show(run({}));
    for (let done = 0; done <= 100; done++) {
      view.show(run({ itemsTotal: 5, volumes: [volume({ bytesDone: done, bytesTotal: 100 })] }));
    }
    view.show(run({ itemsTotal: 5, volumes: [volume({ phase: 'Failed', message: 'why\nnot' })] }));
    expect(lines.slice(0, 4)).toEqual([
      'backup b: InProgress',
      'backup b: InProgress, 0 of 5 items',
      'volume app/data: InProgress 0 B of 100 B (0%)',
      'volume app/data: InProgress 10 B of 100 B (10%)',
    ]);
    expect(lines.at(-1)).toBe('volume app/data: Failed: why not');
    expect(lines).toHaveLength(2 + 11 + 1);
  });

  it('shows what moves when the terminal is too small', () => {
    const many = ['Completed', 'InProgress', 'Accepted', 'Completed', 'InProgress'].map((phase, index) =>
      volume({ id: String(index), phase }),
    );
    expect(visibleVolumes(many, 3).map(({ id }) => id)).toEqual(['1', '2', '4']);
    expect(visibleVolumes(many, 9)).toHaveLength(5);
  });
});
