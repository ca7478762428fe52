import type { Backup } from '../../contracts/api/backup.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import type { Restore } from '../../contracts/api/restore.ts';
import { defaultLabName } from '../../lab/env.ts';
import type { LabEnvironment } from '../../lab/env.ts';
import { findLab } from '../../lab/layout.ts';
import { installVelero } from '../../lab/velero/install.ts';
import { veleroBucket } from '../../lab/velero/names.ts';
import { uninstallVelero } from '../../lab/velero/uninstall.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import { emptyStore, openStore } from './world.ts';

/** Stock Velero as a peer: to compare with, and to exchange backups with. */
export interface Velero {
  /** Its resources live here, and it looks at no other namespace's. */
  namespace: string;
  kube: KubeClient;
  /** Its location, as it sees it. */
  store: ObjectStore;
  /** Removes it, and what its own location holds. */
  stop(): Promise<void>;
}

export interface VeleroSettings {
  namespace: string;
  /** Ten transfers at once on a node and ten workers for items, instead of Velero's one each. */
  tuned?: boolean;
  /** A location that others use, too; otherwise it has one of its own. */
  sharedLocation?: { bucket: string; prefix: string; repositoryPassword?: string };
}

/** Whether the lab was brought up with Velero; tests that need it are skipped where it was not. */
export const hasVelero = (): boolean => findLab(defaultLabName)?.extras?.includes('velero') ?? false;

export async function startVelero(
  { env, kube }: { env: LabEnvironment; kube: KubeClient },
  { namespace, tuned = false, sharedLocation }: VeleroSettings,
): Promise<Velero> {
  const location = sharedLocation ?? { bucket: veleroBucket, prefix: namespace };
  await uninstallVelero(env, namespace);
  const store = openStore(env, location.bucket, location.prefix);
  if (!sharedLocation) await emptyStore(store);
  await installVelero(env, { namespace, tuned, ...location });
  const stop = async () => {
    await uninstallVelero(env, namespace);
    if (!sharedLocation) await emptyStore(store);
    store.close();
  };
  return { namespace, kube, store, stop };
}

export const createBackup = (velero: Velero, name: string, spec: object): Promise<Backup> =>
  create<Backup>(velero, 'Backup', name, spec);
export const createRestore = (velero: Velero, name: string, spec: object): Promise<Restore> =>
  create<Restore>(velero, 'Restore', name, spec);

/** Waits for its last phase, whichever that is. */
export const waitBackup = (velero: Velero, name: string, timeoutMs?: number): Promise<Backup> =>
  wait<Backup>(velero, 'Backup', name, timeoutMs);
export const waitRestore = (velero: Velero, name: string, timeoutMs?: number): Promise<Restore> =>
  wait<Restore>(velero, 'Restore', name, timeoutMs);

const GVR_OF = { Backup: GVR.backups, Restore: GVR.restores } as const;
const TERMINAL = ['Completed', 'PartiallyFailed', 'Failed', 'FailedValidation'];

const create = <Run extends Backup | Restore>(
  { kube, namespace }: Velero,
  kind: Run['kind'],
  name: string,
  spec: object,
): Promise<Run> =>
  kube.create<Run>(GVR_OF[kind], namespace, {
    apiVersion: 'velero.io/v1',
    kind,
    metadata: { name, namespace },
    spec,
  });

const wait = <Run extends Backup | Restore>(
  { kube, namespace }: Velero,
  kind: Run['kind'],
  name: string,
  timeoutMs = 600_000,
): Promise<Run> =>
  kube.waitFor<Run, Run>(
    GVR_OF[kind],
    namespace,
    name,
    (object) => (TERMINAL.includes(object?.status?.phase ?? '') ? object : undefined),
    { timeoutMs },
  );

/** What its server and node agent have said so far. */
export async function logOf({ kube, namespace }: Velero): Promise<string[]> {
  const lines: string[] = [];
  const pods = await kube.list<KubeObject>(GVRS.pods, { namespace, labelSelector: 'component=velero' });
  for (const { metadata } of pods)
    for await (const line of kube.logLines(namespace, metadata.name)) lines.push(line);
  return lines;
}
