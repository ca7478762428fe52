import type { BackupPreview, PlannedVolume } from '../../contracts/preview.ts';
import { formatBytes, formatList } from './format.ts';
import { problemLines } from './problems.ts';
import { paintPhase } from './run-table.ts';
import { fields, section } from './section.ts';
import type { Style } from './style.ts';
import { table } from './table.ts';

/** `backup plan`. */

function volumeTable(volumes: readonly PlannedVolume[]): string {
  if (volumes.length === 0) return '';
  const rows = volumes.map(({ namespace, volume, method, bytes, bytesFrom, reason }) => [
    namespace,
    volume,
    method,
    bytes === 0 ? '' : `${formatBytes(bytes)}${bytesFrom === 'capacity' ? ' at most' : ''}`,
    reason,
  ]);
  return table(['NAMESPACE', 'VOLUME', 'METHOD', 'BYTES', 'REASON'], rows);
}

const resourceTable = (resources: Record<string, number>): string =>
  Object.keys(resources).length === 0
    ? ''
    : table(
        [],
        Object.entries(resources).map(([kind, count]) => [kind, String(count)]),
      );

const methodTable = (methods: BackupPreview['methods']): string =>
  Object.keys(methods).length === 0
    ? ''
    : table(
        ['METHOD', 'VOLUMES', 'BYTES'],
        Object.entries(methods).map(([method, { volumes, bytes }]) => [
          method,
          String(volumes),
          formatBytes(bytes),
        ]),
      );

const hookTable = (hooks: BackupPreview['hooks']): string =>
  hooks.length === 0
    ? ''
    : table(
        ['NAMESPACE', 'POD', 'PRE', 'POST'],
        hooks.map(({ namespace, pod, pre, post }) => [namespace, pod, String(pre), String(post)]),
      );

const omittedText = (omitted: Record<string, number>): string =>
  Object.entries(omitted)
    .map(([list, count]) => `${count} more ${list} are counted, but not listed`)
    .join('\n');

export function previewText(preview: BackupPreview, style: Style): string {
  const { expectedPhase, location, namespaces, items, counts } = preview;
  const head = fields([
    ['Would end', paintPhase(expectedPhase, style.colors)],
    ['Storage location', location],
    ['Namespaces', formatList(namespaces, 'none')],
    ['Objects', String(items)],
    ['Errors', String(counts.errors)],
    ['Warnings', String(counts.warnings)],
  ]);
  const sections = [
    head,
    section('Validation errors', preview.validationErrors.map((error) => `- ${error}`).join('\n'), style),
    section('Objects', resourceTable(preview.resources), style),
    section('Volumes by method', methodTable(preview.methods), style),
    section('Volumes', volumeTable(preview.volumes), style),
    section('Pods with hooks', hookTable(preview.hooks), style),
    section('Problems', problemLines(preview.problems), style),
    section('Not shown', omittedText(preview.omitted), style),
  ];
  return sections.filter((text) => text !== undefined).join('\n\n');
}
