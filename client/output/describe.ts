import { stringify } from 'yaml';
import type { Backup, BackupSpec, BackupStatus, Restore, RestoreSpec } from '../../contracts/api/index.ts';
import type { Description } from '../caravel-client.ts';
import type { VolumeProgress } from '../progress.ts';
import { between, formatBytes, formatElapsed, formatList, formatSelectors } from './format.ts';
import { paintPhase, phaseOf } from './run-table.ts';
import { detailSections } from './details.ts';
import { fields, section, type Line } from './section.ts';
import type { Style } from './style.ts';
import { table } from './table.ts';

/** `backup describe` and `restore describe`: headed sections of aligned lines. */

const pairs = (map: Record<string, string> | undefined): string =>
  Object.entries(map ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');

const triState = (value: boolean | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

function scopeLines(spec: BackupSpec | RestoreSpec): Line[] {
  return [
    ['Namespaces', formatList(spec.includedNamespaces, 'all')],
    ['Excluded namespaces', formatList(spec.excludedNamespaces, '')],
    ['Resources', formatList(spec.includedResources, 'all')],
    ['Excluded resources', formatList(spec.excludedResources, '')],
    ['Cluster resources', triState(spec.includeClusterResources) ?? 'those that belong'],
    ['Label selector', formatSelectors(spec.labelSelector, spec.orLabelSelectors)],
  ];
}

function hookNames(hooks: { resources?: { name: string }[] } | undefined): string {
  return formatList(
    hooks?.resources?.map((each) => each.name),
    '',
  );
}

function backupSpecLines(spec: BackupSpec): Line[] {
  return [
    ...scopeLines(spec),
    ['Cluster-scoped', formatList(spec.includedClusterScopedResources, '')],
    ['Excluded cluster-scoped', formatList(spec.excludedClusterScopedResources, '')],
    ['Namespace-scoped', formatList(spec.includedNamespaceScopedResources, '')],
    ['Excluded namespace-scoped', formatList(spec.excludedNamespaceScopedResources, '')],
    ['Storage location', spec.storageLocation ?? 'default'],
    ['Kept for', spec.ttl],
    ['Snapshot volumes', triState(spec.snapshotVolumes) ?? 'true'],
    ['Move data', triState(spec.snapshotMoveData)],
    ['File-system backup', triState(spec.defaultVolumesToFsBackup)],
    ['Volume policies', spec.resourcePolicy?.name],
    ['CSI snapshot timeout', spec.csiSnapshotTimeout],
    ['Item operation timeout', spec.itemOperationTimeout],
    ['Hooks', hookNames(spec.hooks)],
  ];
}

function restoreSpecLines(spec: RestoreSpec): Line[] {
  const mapped = Object.entries(spec.namespaceMapping ?? {}).map(([from, to]) => `${from} → ${to}`);
  return [
    ['Backup', spec.backupName],
    ['Schedule', spec.scheduleName],
    ...scopeLines(spec),
    ['Namespace mapping', mapped.join(', ')],
    ['Restore volumes', triState(spec.restorePVs) ?? 'true'],
    ['Existing objects', spec.existingResourcePolicy === 'update' ? 'updated' : 'left as they are'],
    ['Preserve node ports', triState(spec.preserveNodePorts)],
    ['Resource modifier', spec.resourceModifier?.name],
    ['Resource policy', spec.resourcePolicy?.name],
    ['Item operation timeout', spec.itemOperationTimeout],
    ['Hooks', hookNames(spec.hooks)],
  ];
}

function itemText(status: Backup['status'] | Restore['status']): string | undefined {
  const progress: { totalItems?: number; itemsBackedUp?: number; itemsRestored?: number } =
    status?.progress ?? {};
  if (progress.totalItems === undefined) return undefined;
  return `${progress.itemsBackedUp ?? progress.itemsRestored ?? 0} of ${progress.totalItems}`;
}

function hookText(status: Backup['status'] | Restore['status']): string | undefined {
  const { hooksAttempted = 0, hooksFailed = 0 } = status?.hookStatus ?? {};
  return hooksAttempted === 0 ? undefined : `${hooksAttempted} run, ${hooksFailed} failed`;
}

function elapsedText({ status }: Backup | Restore, now: number): string | undefined {
  const elapsed = between(status?.startTimestamp, status?.completionTimestamp ?? new Date(now).toISOString());
  return elapsed === undefined ? undefined : formatElapsed(elapsed);
}

function statusLines(resource: Backup | Restore, { now }: Style): Line[] {
  // A restore's status has the same fields, but for the expiration.
  const status: BackupStatus = resource.status ?? {};
  return [
    ['Created', resource.metadata.creationTimestamp],
    ['Started', status.startTimestamp],
    ['Completed', status.completionTimestamp],
    ['Duration', elapsedText(resource, now)],
    ['Expires', status.expiration],
    ['Items', itemText(status)],
    ['Hooks', hookText(status)],
    ['Errors', String(status.errors ?? 0)],
    ['Warnings', String(status.warnings ?? 0)],
    ['Failure reason', status.failureReason],
  ];
}

function transferred({ bytesDone, bytesTotal }: VolumeProgress): string {
  if (bytesTotal === 0 || bytesDone === bytesTotal) return formatBytes(bytesDone);
  return `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`;
}

function volumeTable(volumes: readonly VolumeProgress[], { colors }: Style): string {
  if (volumes.length === 0) return '';
  const head = ['NAMESPACE', 'VOLUME', 'STATUS', 'BYTES', 'NEW', 'TOOK', 'NODE', 'SNAPSHOT', 'MESSAGE'];
  const rows = volumes.map((volume) => {
    const elapsed = between(volume.startTimestamp, volume.completionTimestamp);
    return [
      volume.namespace,
      volume.volume,
      paintPhase(volume.phase, colors),
      transferred(volume),
      volume.bytesNew === undefined ? '' : formatBytes(volume.bytesNew),
      elapsed === undefined ? '' : formatElapsed(elapsed),
      volume.node ?? '',
      volume.snapshotId ?? '',
      volume.message ?? '',
    ];
  });
  return table(head, rows);
}

const bullets = (items: readonly string[] | undefined): string =>
  (items ?? []).map((item) => `- ${item}`).join('\n');

function describe(
  { resource, volumes, facts, details }: Description<Backup | Restore>,
  specLines: readonly Line[],
  style: Style,
): string {
  const { metadata, status } = resource;
  const head = fields([
    ['Name', metadata.name],
    ['Namespace', metadata.namespace],
    ['Uid', metadata.uid],
    ['Labels', pairs(metadata.labels)],
    ['Phase', paintPhase(phaseOf(resource), style.colors)],
  ]);
  const sections = [
    head,
    section('Validation errors', bullets(status?.validationErrors), style),
    section('Status', fields(statusLines(resource, style)), style),
    section('Spec', fields(specLines), style),
    section('Volumes', volumeTable(volumes, style), style),
    section(
      'Facts',
      Object.keys(facts).length === 0 ? '' : stringify(facts, { lineWidth: 0 }).trimEnd(),
      style,
    ),
    ...(details ? detailSections(details, style) : []),
  ];
  return sections.filter((text) => text !== undefined).join('\n\n');
}

export const describeBackup = (description: Description<Backup>, style: Style): string =>
  describe(description, backupSpecLines(description.resource.spec), style);

export const describeRestore = (description: Description<Restore>, style: Style): string =>
  describe(description, restoreSpecLines(description.resource.spec), style);
