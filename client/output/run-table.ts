import type { Backup, Restore } from '../../contracts/api/index.ts';
import { between, formatAge, formatElapsed, formatSelectors } from './format.ts';
import type { Colors, Style } from './style.ts';
import { table } from './table.ts';

/** `backup get` and `restore get`. */

const GOOD = new Set(['Completed', 'Enabled', 'Available']);
const DOUBTFUL = new Set([
  'PartiallyFailed',
  'WaitingForPluginOperationsPartiallyFailed',
  'FinalizingPartiallyFailed',
]);
const BAD = new Set(['Failed', 'FailedValidation', 'Canceled']);

export function paintPhase(phase: string, colors: Colors): string {
  if (GOOD.has(phase)) return colors.green(phase);
  if (DOUBTFUL.has(phase)) return colors.yellow(phase);
  return BAD.has(phase) ? colors.red(phase) : phase;
}

export function phaseOf({ metadata, status }: Backup | Restore): string {
  return metadata.deletionTimestamp === undefined ? status?.phase || 'New' : 'Deleting';
}

function duration({ status }: Backup | Restore, now: number): string {
  const start = status?.startTimestamp;
  const elapsed = between(start, status?.completionTimestamp ?? new Date(now).toISOString());
  return elapsed === undefined ? '' : formatElapsed(elapsed);
}

/** When a backup ends to exist; until it has run, its TTL counts from its creation. */
function expiry(backup: Backup, now: number): string {
  const expiration = backup.status?.expiration;
  if (expiration === undefined) return '';
  const left = Date.parse(expiration) - now;
  return left > 0 ? formatElapsed(left) : 'expired';
}

const newestFirst = (a: Backup | Restore, b: Backup | Restore): number =>
  (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '');

const count = (value: number | undefined): string => String(value ?? 0);

export function backupTable(backups: readonly Backup[], { colors, now }: Style): string {
  const head = [
    'NAME',
    'STATUS',
    'ERRORS',
    'WARNINGS',
    'AGE',
    'DURATION',
    'EXPIRES IN',
    'LOCATION',
    'SELECTOR',
  ];
  const rows = backups
    .toSorted(newestFirst)
    .map((backup) => [
      backup.metadata.name,
      paintPhase(phaseOf(backup), colors),
      count(backup.status?.errors),
      count(backup.status?.warnings),
      formatAge(backup.metadata.creationTimestamp, now),
      duration(backup, now),
      expiry(backup, now),
      backup.spec.storageLocation ?? '',
      formatSelectors(backup.spec.labelSelector, backup.spec.orLabelSelectors),
    ]);
  return table(head, rows);
}

export function restoreTable(restores: readonly Restore[], { colors, now }: Style): string {
  const head = ['NAME', 'BACKUP', 'STATUS', 'ERRORS', 'WARNINGS', 'AGE', 'DURATION', 'SELECTOR'];
  const rows = restores
    .toSorted(newestFirst)
    .map((restore) => [
      restore.metadata.name,
      restore.spec.backupName ?? '',
      paintPhase(phaseOf(restore), colors),
      count(restore.status?.errors),
      count(restore.status?.warnings),
      formatAge(restore.metadata.creationTimestamp, now),
      duration(restore, now),
      formatSelectors(restore.spec.labelSelector, restore.spec.orLabelSelectors),
    ]);
  return table(head, rows);
}
