import type { Backup } from '../../contracts/api/backup.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import { readResource } from '../../contracts/api/meta.ts';
import type { DownloadRequest } from '../../contracts/api/requests.ts';
import type { Restore } from '../../contracts/api/restore.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import { downloadFile } from '../../core/format/download.ts';
import type { DownloadFile } from '../../core/format/download.ts';
import { isConflict, isNotFound } from '../../platform/kube/errors.ts';
import { findBackup } from '../restore/find-backup.ts';
import { later } from '../run/status.ts';
import type { Deps } from '../support/deps.ts';
import { defaultLocation, openLocation } from '../support/location.ts';
import type { Location } from '../support/location.ts';

/**
 * Links to the files of backups and restores, for command lines without access to the bucket. The link goes from here
 * straight into the request's status, never through Temporal.
 */

export const isOver = ({ status }: DownloadRequest): boolean =>
  status?.expiration !== undefined && Date.parse(status.expiration) <= Date.now();

/**
 * Answers a request. One that asks for nothing that exists gets no link, as with Velero: its client waits in vain, so
 * the reason is in the log. A link is made whether the file exists or not; the store's 404 is the client's answer.
 */
export async function serveDownload(deps: Deps, request: DownloadRequest): Promise<void> {
  if (request.status?.phase === 'Processed' || isOver(request)) return;
  const { namespace = '', name } = request.metadata;
  const file = await fileOf(deps, namespace, request);
  if ('fault' in file) {
    deps.log.warn('a DownloadRequest cannot be served', { request: name, reason: file.fault });
    // Once only: each write brings the request back here.
    if (!request.status?.expiration) await answer(deps, request, {});
    return;
  }
  const downloadURL = await file.location.store.presignGet(file.key, TIMEOUTS.downloadLink / 1000);
  await answer(deps, request, { phase: 'Processed', downloadURL });
}

async function answer(
  deps: Deps,
  { metadata }: DownloadRequest,
  link: { phase?: 'Processed'; downloadURL?: string },
): Promise<void> {
  const { namespace, name, uid } = metadata;
  const status = { ...link, expiration: later(TIMEOUTS.downloadLink) };
  try {
    await deps.kube.patch(GVR.downloadRequests, namespace, name, { metadata: { uid }, status });
  } catch (error) {
    // Whoever asked went away, or asked anew under the same name.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}

async function fileOf(
  deps: Deps,
  namespace: string,
  request: DownloadRequest,
): Promise<{ location: Location; key: string } | { fault: string }> {
  const file = downloadFile(request.spec.target);
  if ('fault' in file) return file;
  try {
    const location = await locationOf(deps, namespace, file);
    return 'fault' in location ? location : { location, key: file.key };
  } catch (error) {
    if (!(error instanceof CaravelError) || error.retryable) throw error;
    return { fault: messageOf(error) };
  }
}

/** Where the files are: where the backup is, also for a restore's. */
async function locationOf(
  deps: Deps,
  namespace: string,
  file: DownloadFile,
): Promise<Location | { fault: string }> {
  if (file.of === 'backup') {
    const found = await locationOfBackup(deps, namespace, file.name);
    return found ?? { fault: `backup ${namespace}/${file.name} does not exist` };
  }
  const raw = await deps.kube.find(GVR.restores, namespace, file.name);
  if (!raw) return { fault: `restore ${namespace}/${file.name} does not exist` };
  const { backupName = '' } = readResource<Restore>(raw).spec;
  const known = backupName && (await locationOfBackup(deps, namespace, backupName));
  if (known) return known;
  // Backups are restored from a bucket without a resource, too.
  const found = await findBackup(deps, namespace, { backupName });
  return found.errors ? { fault: found.errors.join('; ') || 'the restore names no backup' } : found.location;
}

async function locationOfBackup(deps: Deps, namespace: string, name: string): Promise<Location | undefined> {
  const raw = await deps.kube.find(GVR.backups, namespace, name);
  if (!raw) return undefined;
  const { storageLocation } = readResource<Backup>(raw).spec;
  return await openLocation(deps, namespace, storageLocation || (await defaultLocation(deps, namespace)));
}
