import type { Manifest } from './manifest.ts';

/** What the API server gives an object; a new object gets its own. */
const SERVER_FIELDS = [
  'generateName',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'ownerReferences',
  // Sent along with a creation they change nothing: the API server makes the creator owner of every field. Velero
  // writes them with a second request for each object, for the sake of `--show-managed-fields` only.
  'managedFields',
];

/** Takes away what belongs to the old object only: identity, owners, status. */
export function resetMetadata(object: Manifest): void {
  for (const field of SERVER_FIELDS) delete object.metadata[field];
  delete object['status'];
}

export function dropAnnotations(object: Manifest, names: readonly string[]): void {
  const { annotations } = object.metadata;
  if (!annotations) return;
  for (const name of names) delete annotations[name];
  if (Object.keys(annotations).length === 0) delete object.metadata.annotations;
}

export interface Provenance {
  /** Values of `velero.io/backup-name` and `velero.io/restore-name`, shortened to what a label can hold. */
  backup: string;
  restore: string;
}

export const BACKUP_LABEL = 'velero.io/backup-name';
export const RESTORE_LABEL = 'velero.io/restore-name';

export const provenanceLabels = ({ backup, restore }: Provenance) => ({
  [BACKUP_LABEL]: backup,
  [RESTORE_LABEL]: restore,
});

export function addProvenance(object: Manifest, provenance: Provenance): void {
  object.metadata.labels = { ...object.metadata.labels, ...provenanceLabels(provenance) };
}
