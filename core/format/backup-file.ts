import { CaravelError } from '../errors/catalog.ts';
import { parseObject } from './json.ts';

/** `velero-backup.json`: the Backup resource itself. Its presence makes a backup exist. */

export interface StoredBackup {
  kind: 'Backup';
  apiVersion: 'velero.io/v1';
  metadata: { name: string; namespace?: string; uid?: string; [field: string]: unknown };
  spec: Record<string, unknown>;
  status: Record<string, unknown>;
}

/** Two spaces, kind and apiVersion first, no line feed at the end: byte for byte as Velero writes it. */
export function renderBackup(backup: { metadata: object; spec?: object; status?: object }): string {
  const { metadata, spec = {}, status = {} } = backup;
  return JSON.stringify({ kind: 'Backup', apiVersion: 'velero.io/v1', metadata, spec, status }, null, 2);
}

/** The file as anyone may have written it; kind and apiVersion must be Velero's, the rest may be missing. */
export function parseBackup(text: string, file = 'velero-backup.json'): StoredBackup {
  const { kind, apiVersion, metadata, spec, status } = parseObject<StoredBackup>(text, file);
  if (kind !== 'Backup' || apiVersion !== 'velero.io/v1') {
    throw new CaravelError('StoreCorrupt', `${file} is not a Backup of velero.io/v1`);
  }
  if (typeof metadata?.name !== 'string' || metadata.name === '') {
    throw new CaravelError('StoreCorrupt', `${file} has no metadata.name`);
  }
  return { kind, apiVersion, metadata, spec: spec ?? {}, status: status ?? {} };
}
