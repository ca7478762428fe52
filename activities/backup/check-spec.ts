import type { Backup, BackupSpec } from '../../contracts/api/backup.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import { LABELS } from '../../contracts/ids.ts';
import type { RunRef } from '../../contracts/run.ts';
import { withDefaults } from '../../core/backup/defaults.ts';
import { locationMissing, specErrors } from '../../core/backup/validate.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { backupKeys } from '../../core/format/keys.ts';
import { explanation } from '../../core/problems.ts';
import { toCaravelError } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import type { Deps } from '../support/deps.ts';
import { defaultLocation, openLocation } from '../support/location.ts';
import type { Location } from '../support/location.ts';
import { readSettings } from './read-settings.ts';
import type { Settings } from './read-settings.ts';

export interface CheckedBackup extends Settings {
  /** With all defaults. */
  spec: BackupSpec;
  errors: string[];
  /** There when it can be used. */
  location?: Location;
}

/** Everything that is wrong with a Backup, and its spec as it would be carried out. */
export async function checkBackup(deps: Deps, run: RunRef, backup: Backup): Promise<CheckedBackup> {
  const asked = backup.spec;
  const [namespaces, storageLocation, { errors, ...settings }] = await Promise.all([
    labelledNamespaces(deps),
    defaultLocation(deps, run.namespace),
    readSettings(deps, run, asked),
  ]);
  const spec = withDefaults(asked, { storageLocation, excludedNamespaces: namespaces.names });
  const { location, error } = await usableLocation(deps, run, asked.storageLocation, spec);
  return {
    spec,
    errors: [
      ...namespaces.errors,
      // The namespaces labelled to be left out count as excluded by the spec.
      ...specErrors({ ...asked, excludedNamespaces: spec.excludedNamespaces }),
      ...(error === undefined ? [] : [error]),
      ...errors,
    ],
    ...(location && { location }),
    ...settings,
  };
}

async function labelledNamespaces({ kube }: Deps): Promise<{ names: string[]; errors: string[] }> {
  try {
    const labelSelector = `${LABELS.excludeFromBackup}=true`;
    const found = await kube.list<KubeObject>(GVRS.namespaces, { labelSelector });
    return { names: found.map(({ metadata }) => metadata.name).sort(), errors: [] };
  } catch (error) {
    return { names: [], errors: [`error getting namespace list: ${permanent(error).message}`] };
  }
}

/** What waiting may help against is thrown on. */
function permanent(error: unknown): CaravelError {
  const known = toCaravelError(error);
  if (known instanceof CaravelError && !known.retryable) return known;
  throw known;
}

/** The location, proven to answer: what its status says may be old. */
async function usableLocation(
  deps: Deps,
  run: RunRef,
  asked: string | undefined,
  { storageLocation: name = '' }: BackupSpec,
): Promise<{ location?: Location; error?: string }> {
  try {
    const location = await openLocation(deps, run.namespace, name);
    if (location.resource.spec.accessMode === 'ReadOnly') {
      const mode = 'is currently in read-only mode';
      return { error: `backup can't be created because backup storage location ${name} ${mode}` };
    }
    await location.store.head(backupKeys(run.name).metadata);
    return { location };
  } catch (error) {
    const { code, message, hint } = permanent(error);
    if (!(await deps.kube.find(GVR.backupStorageLocations, run.namespace, name)))
      return { error: locationMissing(asked, name, message) };
    const status = `BackupStorageLocation ${name} is in Unavailable status.`;
    return { error: `backup can't be created because ${status} ${explanation({ code, message, hint })}` };
  }
}
