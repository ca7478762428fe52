import { GVR } from '../../contracts/api/gvr.ts';
import { readResource, type BackupStorageLocation } from '../../contracts/api/index.ts';
import { LABELS } from '../../contracts/ids.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { secretNames, storeConfigOf } from '../../platform/store/location.ts';
import { createS3Store } from '../../platform/store/s3-store.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import type { Environment } from './environment.ts';
import type { Tell } from './screen.ts';

export const SHOP = 'shop';
export const RESTORED = 'shop-restored';
/** Carried by everything of the demonstration; nothing without it is removed. */
export const DEMO_LABEL = 'caravel.dev/demo';

const GONE_MS = 180_000;

/** Removes what an earlier demonstration left: namespaces, custom resources, files in the bucket. */
export async function removeLeftovers(
  environment: Environment,
  tell: Tell,
  signal?: AbortSignal,
): Promise<void> {
  const { kube } = environment;
  const runs = await removeRuns(environment, signal);
  for (const name of [SHOP, RESTORED]) {
    tell(`namespace ${name}`);
    await removeNamespace(kube, name, signal);
  }
  tell('files in the bucket');
  await removeFiles(environment, runs);
}

export async function removeNamespace(kube: KubeClient, name: string, signal?: AbortSignal): Promise<void> {
  const found = await kube.find(GVRS.namespaces, undefined, name);
  if (!found) return;
  if (found.metadata.labels?.[DEMO_LABEL] !== 'true') {
    throw new Error(
      `There is a namespace "${name}" that is not of this demonstration: it would be overwritten.`,
    );
  }
  await kube.remove(GVRS.namespaces, undefined, name);
  await kube.waitFor(GVRS.namespaces, undefined, name, (object) => (object ? undefined : true), {
    timeoutMs: GONE_MS,
    ...(signal && { signal }),
  });
}

interface RestoreObject extends KubeObject {
  spec?: { backupName?: string };
}

/** Deleting a run's resource cancels it; its temporary objects must be gone before a new one may begin. */
async function removeRuns({ kube, controlNamespace }: Environment, signal?: AbortSignal): Promise<string[]> {
  const backup = await kube.find(GVR.backups, controlNamespace, SHOP);
  if (backup && backup.metadata.labels?.[DEMO_LABEL] !== 'true') {
    throw new Error(`There is a backup "${SHOP}" in ${controlNamespace} that is not of this demonstration.`);
  }
  const restores = await kube.list<RestoreObject>(GVR.restores, { namespace: controlNamespace });
  const names = restores.filter(({ spec }) => spec?.backupName === SHOP).map(({ metadata }) => metadata.name);
  for (const name of names) await kube.remove(GVR.restores, controlNamespace, name);
  await kube.remove(GVR.backups, controlNamespace, SHOP);
  const labelSelector = `${LABELS.runName} in (${[SHOP, ...names].join(',')})`;
  const deadline = Date.now() + GONE_MS;
  while (Date.now() < deadline) {
    signal?.throwIfAborted();
    const query = { namespace: controlNamespace, labelSelector };
    const lists = [kube.list(GVRS.pods, query), kube.list(GVRS.persistentvolumeclaims, query)];
    if ((await Promise.all(lists)).flat().length === 0) return names;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`Objects of an earlier demonstration are still in namespace ${controlNamespace}.`);
}

/** In a bucket that is not the lab's, only a backup that carries the demonstration's label. */
async function removeFiles(environment: Environment, restores: string[]): Promise<void> {
  const store = await openDefaultStore(environment);
  if (!store) return;
  if (environment.ownsBucket || (await isDemoBackup(store))) await store.removeAll(`backups/${SHOP}/`);
  for (const restore of restores) await store.removeAll(`restores/${restore}/`);
  // Else the data would be found in the repository, and the time of a transfer would say nothing.
  if (environment.ownsBucket) await store.removeAll(`kopia/${SHOP}/`);
}

async function isDemoBackup(store: ObjectStore): Promise<boolean> {
  const key = `backups/${SHOP}/velero-backup.json`;
  if (!(await store.head(key))) return false;
  const { metadata } = JSON.parse((await store.get(key)).toString('utf8')) as KubeObject;
  if (metadata.labels?.[DEMO_LABEL] === 'true') return true;
  throw new Error(`The bucket holds a backup "${SHOP}" that is not of this demonstration.`);
}

async function openDefaultStore({ kube, controlNamespace }: Environment): Promise<ObjectStore | undefined> {
  const namespace = controlNamespace;
  const raw = await kube.list(GVR.backupStorageLocations, { namespace });
  const locations = raw.map((each) => readResource<BackupStorageLocation>(each));
  const location = locations.find(({ spec }) => spec.default) ?? locations[0];
  if (!location) return undefined;
  const secrets = secretNames(location).map(async (name) => [name, await secretData(kube, namespace, name)]);
  return createS3Store(storeConfigOf(location, Object.fromEntries(await Promise.all(secrets))));
}

async function secretData(
  kube: KubeClient,
  namespace: string,
  name: string,
): Promise<Record<string, string>> {
  const secret = await kube.get<{ data?: Record<string, string> }>(GVRS.secrets, namespace, name);
  const decoded = Object.entries(secret.data ?? {}).map(([key, value]) => [
    key,
    Buffer.from(value, 'base64').toString('utf8'),
  ]);
  return Object.fromEntries(decoded) as Record<string, string>;
}
