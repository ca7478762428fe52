import type { BackupOperation, RestoreOperation } from '../../core/format/item-operations.ts';
import type { ResourceList } from '../../core/format/resource-list.ts';
import type { Result } from '../../core/format/results.ts';
import type { BackupVolumeInfo, RestoreVolumeInfo } from '../../core/format/volume-info.ts';
import type { RunDetails } from '../details.ts';
import { formatBytes, oneLine, printable } from './format.ts';
import { section } from './section.ts';
import type { Style } from './style.ts';
import { table } from './table.ts';

/** `describe --details`: what the files in the bucket say. Others can write there, so nothing is trusted to print. */

type Volume = BackupVolumeInfo | RestoreVolumeInfo;

function methodOf(volume: Volume): string {
  const method = 'backupMethod' in volume ? volume.backupMethod : undefined;
  const restored = 'restoreMethod' in volume ? volume.restoreMethod : undefined;
  const name = method ?? restored ?? '';
  return volume.snapshotDataMoved ? `${name}, data moved` : name;
}

function stateOf(volume: Volume): string {
  if ('skipped' in volume && volume.skipped) return `skipped: ${volume.skippedReason ?? ''}`;
  return ('result' in volume && volume.result) || '';
}

function sizeOf(volume: Volume): string {
  const pod = 'pvbInfo' in volume ? volume.pvbInfo : 'pvrInfo' in volume ? volume.pvrInfo : undefined;
  const size = volume.snapshotDataMovementInfo?.size ?? pod?.size ?? volume.csiSnapshotInfo?.size;
  return size ? formatBytes(size) : '';
}

function handleOf(volume: Volume): string {
  const pod = 'pvbInfo' in volume ? volume.pvbInfo : undefined;
  const moved = volume.snapshotDataMovementInfo;
  return (
    (moved ? moved.snapshotHandle : (pod?.snapshotHandle ?? volume.csiSnapshotInfo?.snapshotHandle)) ?? ''
  );
}

function nameOf(volume: Volume): string {
  const pod = 'pvbInfo' in volume ? volume.pvbInfo : 'pvrInfo' in volume ? volume.pvrInfo : undefined;
  if (volume.pvcName) return `${volume.pvcNamespace ?? ''}/${volume.pvcName}`;
  return pod ? `${pod.podNamespace}/${pod.podName}/${pod.volumeName}` : (volume.pvName ?? '');
}

const cells = (rows: string[][]): string[][] => rows.map((row) => row.map(printable));

function volumeSection(volumes: readonly Volume[] | undefined): string {
  if (!volumes?.length) return '';
  const rows = volumes.map((volume) => [
    nameOf(volume),
    methodOf(volume),
    stateOf(volume),
    sizeOf(volume),
    handleOf(volume),
  ]);
  return table(['VOLUME', 'METHOD', 'RESULT', 'BYTES', 'SNAPSHOT'], cells(rows));
}

function operationSection(operations: readonly (BackupOperation | RestoreOperation)[] | undefined): string {
  if (!operations?.length) return '';
  const rows = operations.map(({ spec, status }) => [
    `${spec.resourceIdentifier.Namespace}/${spec.resourceIdentifier.Name}`,
    status.phase,
    status.operationUnits === 'Bytes' ? formatBytes(status.nCompleted ?? 0) : String(status.nCompleted ?? 0),
    status.started ?? '',
    status.updated ?? '',
    status.error ?? '',
  ]);
  return table(['CLAIM', 'PHASE', 'DONE', 'STARTED', 'UPDATED', 'ERROR'], cells(rows));
}

function resultSection(result: Result | undefined): string {
  const { velero = [], cluster = [], namespaces = {} } = result ?? {};
  const groups: [string, string[]][] = [['run', velero], ['cluster', cluster], ...Object.entries(namespaces)];
  return groups
    .flatMap(([group, texts]) => texts.map((text) => `- ${printable(group)}: ${oneLine(printable(text))}`))
    .join('\n');
}

const resourceSection = (resources: ResourceList | undefined): string =>
  Object.entries(resources ?? {})
    .map(([kind, names]) =>
      [`${printable(kind)}:`, ...names.map((name) => `  - ${printable(name)}`)].join('\n'),
    )
    .join('\n');

export function detailSections(details: RunDetails, style: Style): (string | undefined)[] {
  const { results, volumes, operations, resources } = details;
  return [
    section('Errors', resultSection(results?.errors), style),
    section('Warnings', resultSection(results?.warnings), style),
    section('Volumes in the files', volumeSection(volumes), style),
    section('Operations', operationSection(operations), style),
    section('Objects', resourceSection(resources), style),
  ];
}
