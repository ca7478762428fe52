import { GVR } from '../../contracts/api/gvr.ts';
import type { BackupStorageLocation } from '../../contracts/api/location.ts';
import { readResource } from '../../contracts/api/meta.ts';
import type { RepositorySpec } from '../../contracts/mover.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { foreignFolders } from '../../core/location/layout.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { repositorySpecOf, secretNames, storeConfigOf } from '../../platform/store/location.ts';
import { createS3Store } from '../../platform/store/s3-store.ts';
import type { ObjectStore, StoreConfig } from '../../platform/store/types.ts';
import type { Deps } from './deps.ts';

/** A BackupStorageLocation that can be used: its resource, its open store, and the settings behind it. */
export interface Location {
  resource: BackupStorageLocation;
  config: StoreConfig;
  secrets: Secrets;
  store: ObjectStore;
}

/** Secrets of a location: by name, the decoded values by key. */
type Secrets = Record<string, Record<string, string>>;

/** Open stores by configuration: one connection pool for all steps of a worker. Few locations exist, so it stays small. */
const openStores = new Map<string, ObjectStore>();

function storeFor(config: StoreConfig): ObjectStore {
  const key = JSON.stringify(config);
  const open = openStores.get(key) ?? createS3Store(config);
  openStores.set(key, open);
  return open;
}

/** Name of the location for those who name none; it need not exist. */
export async function defaultLocation(deps: Deps, namespace: string): Promise<string> {
  const locations = await deps.kube.list<BackupStorageLocation>(GVR.backupStorageLocations, { namespace });
  return locations.find((location) => location.spec.default === true)?.metadata.name ?? 'default';
}

/** What was read of a location a moment ago, by the client that read it. */
const recent = new WeakMap<Deps, Map<string, { readAt: number; location: Promise<Location> }>>();

/** For the steps of a run, of which there are many at once: as it was a moment ago. */
export function recentLocation(deps: Deps, namespace: string, name: string): Promise<Location> {
  const known = recent.get(deps)?.get(`${namespace}/${name}`);
  if (known && performance.now() - known.readAt < TIMEOUTS.locationKnown) return known.location;
  return openLocation(deps, namespace, name);
}

/** Reads the location and its Secrets anew, so that changed credentials are used. */
export function openLocation(deps: Deps, namespace: string, name: string): Promise<Location> {
  const known = recent.get(deps) ?? new Map<string, { readAt: number; location: Promise<Location> }>();
  recent.set(deps, known);
  const location = readLocation(deps, namespace, name);
  const key = `${namespace}/${name}`;
  known.set(key, { readAt: performance.now(), location });
  // Whoever comes next asks again.
  location.catch(() => known.delete(key));
  return location;
}

async function readLocation(deps: Deps, namespace: string, name: string): Promise<Location> {
  const raw = await deps.kube.find(GVR.backupStorageLocations, namespace, name);
  if (!raw)
    throw new CaravelError(
      'InvalidInput',
      `spec.storageLocation: BackupStorageLocation "${name}" does not exist`,
    );
  const resource = readResource<BackupStorageLocation>(raw);
  const secrets = await locationSecrets(deps, namespace, resource);
  const config = storeConfigOf(resource, secrets);
  return { resource, config, secrets, store: storeFor(config) };
}

async function locationSecrets(
  deps: Deps,
  namespace: string,
  resource: BackupStorageLocation,
): Promise<Secrets> {
  const secrets = await Promise.all(
    secretNames(resource).map(async (name) => [name, await readSecret(deps, namespace, name)] as const),
  );
  return Object.fromEntries(secrets);
}

interface Secret {
  data?: Record<string, string>;
}

/** Decoded keys of a Secret. */
export async function readSecret(
  deps: Deps,
  namespace: string,
  name: string,
): Promise<Record<string, string>> {
  const secret = await findSecret(deps, namespace, name);
  if (!secret) throw new CaravelError('InvalidInput', `Secret ${namespace}/${name} does not exist`);
  return secret;
}

export async function findSecret(
  deps: Deps,
  namespace: string,
  name: string,
): Promise<Record<string, string> | undefined> {
  const secret = await deps.kube.find<Secret>(GVRS.secrets, namespace, name);
  if (!secret) return undefined;
  return Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString('utf8'),
    ]),
  );
}

/** Whether the store answers, and holds nothing but backups. */
export async function testStore(store: ObjectStore): Promise<void> {
  const fault = foreignFolders(await store.folders(''));
  if (fault) throw new CaravelError('StoreForeign', fault);
}

export const repositoryOf = (location: Location, namespace: string): RepositorySpec =>
  repositorySpecOf(location.resource, namespace, location.secrets);
