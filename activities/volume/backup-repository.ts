import { apiVersion, GVR } from '../../contracts/api/gvr.ts';
import { readResource } from '../../contracts/api/meta.ts';
import type { BackupRepository } from '../../contracts/api/repository.ts';
import { LABELS, repositoryObjectName, validName } from '../../contracts/ids.ts';
import { kopiaMarkKey, kopiaPrefix } from '../../core/format/keys.ts';
import type { RunRef } from '../../contracts/run.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { isNotFound, toCaravelError } from '../../platform/kube/errors.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import type { Deps } from '../support/deps.ts';
import type { Location } from '../support/location.ts';

/**
 * BackupRepository: how users, Velero's CLI and OADP see the Kopia repositories. A projection: written when a
 * repository is made, used or found unusable; read by nobody of ours.
 */

export interface RepositoryAt {
  controlNamespace: string;
  location: string;
  /** Namespace whose volumes the repository holds. */
  namespace: string;
}

export const repositoryAt = (run: RunRef, location: Location, namespace: string): RepositoryAt => ({
  controlNamespace: run.namespace,
  location: location.resource.metadata.name,
  namespace,
});

export interface RepositoryState {
  phase: 'Ready' | 'NotReady';
  message?: string;
}

/** What Velero suggests for Kopia; it must be set, and a Velero that takes over goes by it. */
const MAINTENANCE = '1h0m0s';

export const hasRepository = async (store: ObjectStore, namespace: string): Promise<boolean> =>
  (
    await Promise.all([
      store.head(`${kopiaPrefix(namespace)}kopia.repository`),
      store.head(kopiaMarkKey(namespace)),
    ])
  ).every((found) => found !== undefined);

/** Velero finds its resources by these, whatever their names. */
const labelsOf = ({ location, namespace }: RepositoryAt) => ({
  [LABELS.volumeNamespace]: validName(namespace),
  [LABELS.storageLocation]: validName(location),
  [LABELS.repositoryType]: 'kopia',
});

const selector = (labels: Record<string, string>) =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');

export const notReady = (error: unknown): RepositoryState => {
  const known = toCaravelError(error);
  const code = known instanceof CaravelError ? known.code : 'Internal';
  return { phase: 'NotReady', message: `${code}: ${known.message}` };
};

/** Faults of the repository itself; what else may fail in a transfer says nothing about it. */
const REPOSITORY_FAULTS = ['RepositoryPassword', 'RepositoryMissing', 'RepositoryCorrupt'];

/** Shows that a transfer found the repository unusable. */
export async function showFault(deps: Deps, at: RepositoryAt, error: unknown): Promise<void> {
  if (!(error instanceof CaravelError) || !REPOSITORY_FAULTS.includes(error.code)) return;
  // The transfer fails anyway; that its cause is not shown here, too, is not worth another error.
  await showRepository(deps, at, notReady(error)).catch(() => undefined);
}

/** Shows what is known of a repository now. */
export async function showRepository(deps: Deps, at: RepositoryAt, state: RepositoryState): Promise<void> {
  const namespace = at.controlNamespace;
  const labels = labelsOf(at);
  const found = await deps.kube.list(GVR.backupRepositories, { namespace, labelSelector: selector(labels) });
  if (found.length > 0) {
    for (const object of found) await showState(deps, readResource<BackupRepository>(object), state);
    return;
  }
  await deps.kube.ensure(GVR.backupRepositories, namespace, {
    apiVersion: apiVersion(GVR.backupRepositories),
    kind: 'BackupRepository',
    metadata: { name: repositoryObjectName(at.location, at.namespace), namespace, labels },
    spec: {
      volumeNamespace: at.namespace,
      backupStorageLocation: at.location,
      repositoryType: 'kopia',
      maintenanceFrequency: MAINTENANCE,
    },
    status: state,
  });
}

async function showState(
  { kube }: Deps,
  { metadata, status = {} }: BackupRepository,
  { phase, message }: RepositoryState,
): Promise<void> {
  if (status.phase === phase && (status.message || undefined) === message) return;
  const change = { status: { phase, message: message ?? null } };
  try {
    await kube.patch(GVR.backupRepositories, metadata.namespace, metadata.name, change);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** How the test of a location ended: its store, or why it cannot be used. */
export type TestedStore = { store: ObjectStore } | { fault: string };

/** What that means for its repositories. What a run found out about one is left as it is. */
export async function showRepositories(
  deps: Deps,
  at: Omit<RepositoryAt, 'namespace'> & { /** It may be another place than before. */ changed: boolean },
  tested: TestedStore,
): Promise<void> {
  const namespace = at.controlNamespace;
  const labelSelector = selector({ [LABELS.storageLocation]: validName(at.location) });
  for (const object of await deps.kube.list(GVR.backupRepositories, { namespace, labelSelector })) {
    const repository = readResource<BackupRepository>(object);
    if (!concerned(repository, 'fault' in tested || at.changed)) continue;
    const state: RepositoryState =
      'fault' in tested
        ? { phase: 'NotReady', message: tested.fault }
        : await stateIn(tested.store, repository);
    await showState(deps, repository, state);
  }
}

/** One that is not ready for another reason than its location stays so until a run has used it. */
function concerned({ status = {} }: BackupRepository, ready: boolean): boolean {
  return status.phase === 'Ready' ? ready : (status.message ?? '').startsWith(LOCATION_FAULT);
}

/** How messages begin that speak of the location, not of the repository. */
const LOCATION_FAULT = 'BackupStorageLocation "';

async function stateIn(store: ObjectStore, { spec }: BackupRepository): Promise<RepositoryState> {
  if (await hasRepository(store, spec.volumeNamespace)) return { phase: 'Ready' };
  const place = `${LOCATION_FAULT}${spec.backupStorageLocation}"`;
  return {
    phase: 'NotReady',
    message: `${place} has no Kopia repository of namespace ${spec.volumeNamespace}; the next backup makes one`,
  };
}
