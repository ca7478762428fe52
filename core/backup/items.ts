import { labelsSelected, selectorText } from '../selection/label-selector.ts';
import type { Selector } from '../selection/label-selector.ts';

export const EXCLUDE_LABEL = 'velero.io/exclude-from-backup';

interface Metadata {
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  deletionTimestamp?: string;
}

/** Why an object that was listed does not go into the backup. */
export interface Refusal {
  reason: string;
  /** The spec asked for this; there is nothing to say about each object. */
  quiet?: boolean;
}

/** What speaks against an object whatever the type and whoever asks for it; undefined when nothing does. */
export function leftOut({ deletionTimestamp, labels }: Metadata): Refusal | undefined {
  if (deletionTimestamp) return { reason: 'it is being deleted' };
  if (labels?.[EXCLUDE_LABEL] === 'true') return { reason: `it has label ${EXCLUDE_LABEL}=true` };
  return undefined;
}

export interface ItemRules {
  /** Namespaces of the backup. */
  namespaces: ReadonlySet<string>;
  /** Nothing limits the namespaces. */
  everything: boolean;
  labelSelector?: Selector | null | undefined;
  orLabelSelectors?: Selector[] | null | undefined;
}

/** Decides about listed objects of a type; label selectors were applied by the API server. */
export function itemTest(
  type: { groupResource: string; namespaced: boolean },
  rules: ItemRules,
): (metadata: Metadata) => Refusal | undefined {
  const { namespaces } = rules;
  const included = type.namespaced
    ? ({ namespace = '' }: Metadata) => namespaces.has(namespace)
    : (metadata: Metadata) => type.groupResource !== 'namespaces' || namespaceWanted(metadata, rules);
  return (metadata) =>
    included(metadata) ? leftOut(metadata) : { reason: 'its namespace is not included', quiet: true };
}

/** Namespaces are selected by list or, under a label selector, by their own labels. */
function namespaceWanted(metadata: Metadata, rules: ItemRules): boolean {
  const { labelSelector, orLabelSelectors } = rules;
  const selecting = isSelecting(rules);
  if (selecting && labelsSelected(metadata.labels, labelSelector, orLabelSelectors)) return true;
  if (selecting && rules.everything) return false;
  return rules.namespaces.has(metadata.name);
}

/** A selector without conditions selects everything, which is as good as none. */
export function isSelecting({
  labelSelector,
  orLabelSelectors,
}: Pick<ItemRules, 'labelSelector' | 'orLabelSelectors'>): boolean {
  const selectors = labelSelector ? [labelSelector] : (orLabelSelectors ?? []);
  return selectors.length > 0 && selectors.every((selector) => selectorText(selector) !== '');
}

/** What an API server of somebody else may send that has no place in a backup. */
export function shapeFault(metadata: Partial<Metadata> | null | undefined, namespaced: boolean) {
  if (typeof metadata?.name !== 'string' || metadata.name === '') return 'it has no name';
  if (namespaced && !metadata.namespace) return 'it has no namespace';
  if (!namespaced && metadata.namespace) return 'it has a namespace, which its type has not';
  return undefined;
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
