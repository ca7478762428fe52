import { labelsSelected } from '../selection/label-selector.ts';
import type { Selector } from '../selection/label-selector.ts';

export const EXCLUDE_LABEL = 'velero.io/exclude-from-backup';

interface Metadata {
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  deletionTimestamp?: string;
}

/** Why an object that was listed does not go into the backup; undefined when it does. */
export function leftOut(metadata: Metadata, namespaces: ReadonlySet<string> | undefined): string | undefined {
  if (metadata.deletionTimestamp) return 'it is being deleted';
  if (metadata.labels?.[EXCLUDE_LABEL] === 'true') return `it has label ${EXCLUDE_LABEL}=true`;
  if (metadata.namespace && namespaces && !namespaces.has(metadata.namespace))
    return 'its namespace is not included';
  return undefined;
}

/** Namespaces are selected by list or, under a label selector, by their own labels. */
export function namespaceWanted(
  metadata: Metadata,
  wanted: ReadonlySet<string>,
  everything: boolean,
  one: Selector | null | undefined,
  any: Selector[] | null | undefined,
): boolean {
  const selecting = Boolean(one) || (any?.length ?? 0) > 0;
  if (selecting && labelsSelected(metadata.labels, one, any)) return true;
  if (selecting && everything) return false;
  return wanted.has(metadata.name);
}

// oxlint-disable-next-line typescript/no-explicit-any -- raw JSON
type Raw = any;

const DROPPED_LABELS = [
  'velero.io/restore-name',
  'backup.velero.io/must-include-additional-items',
  'velero.io/volume-snapshot-name',
];

/**
 * A claim as it is stored: what would tie a restored claim to the old volume's source or to an earlier restore is
 * taken away.
 */
export function storedClaim(object: Raw, backup: string): Raw {
  if (object.status?.phase !== 'Bound' || !object.spec?.volumeName) return object;
  const { dataSource: _source, dataSourceRef: _ref, selector, ...spec } = object.spec;
  const labels = Object.fromEntries(
    Object.entries((object.metadata.labels ?? {}) as Record<string, string>).filter(
      ([key, value]) =>
        !DROPPED_LABELS.includes(key) && (key !== 'velero.io/backup-name' || value === backup),
    ),
  );
  return {
    ...object,
    metadata: { ...object.metadata, ...(object.metadata.labels && { labels }) },
    spec: { ...spec, ...(spec.storageClassName === '' && selector && { selector: ownSelector(selector) }) },
  };
}

function ownSelector(selector: Raw): Raw {
  const labels = Object.entries((selector.matchLabels ?? {}) as Record<string, string>);
  return {
    ...selector,
    matchLabels: Object.fromEntries(labels.filter(([key]) => !key.startsWith('velero.io/'))),
  };
}

export interface MovedClaim {
  backup: string;
  snapshot: string;
  /** `<namespace>/<name>` of the DataUpload. */
  dataUpload: string;
}

/** What a restore, ours or Velero's, finds the volume's data by. */
export function markedClaim(object: Raw, moved: MovedClaim): Raw {
  const { metadata } = object;
  const snapshot = moved.snapshot;
  return {
    ...object,
    metadata: {
      ...metadata,
      labels: {
        ...metadata.labels,
        'velero.io/volume-snapshot-name': snapshot,
        'velero.io/backup-name': moved.backup,
      },
      annotations: {
        ...metadata.annotations,
        'velero.io/volume-snapshot-name': snapshot,
        'velero.io/data-upload-name': moved.dataUpload,
      },
    },
  };
}
