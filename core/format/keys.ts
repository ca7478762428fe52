/**
 * Every key of the bucket layout, relative to the location's prefix. The names are Velero's, oddities included
 * (`-results.gz` without `.json`, the volume info of a restore without `restore-`).
 */

export const BACKUPS_PREFIX = 'backups/';
export const RESTORES_PREFIX = 'restores/';

export function backupKeys(backup: string) {
  const folder = `${BACKUPS_PREFIX}${backup}/`;
  const file = `${folder}${backup}`;
  return {
    folder,
    /** Written last: a backup without it does not exist. */
    metadata: `${folder}velero-backup.json`,
    contents: `${file}.tar.gz`,
    logs: `${file}-logs.gz`,
    results: `${file}-results.gz`,
    resourceList: `${file}-resource-list.json.gz`,
    volumeInfo: `${file}-volumeinfo.json.gz`,
    itemOperations: `${file}-itemoperations.json.gz`,
    podVolumeBackups: `${file}-podvolumebackups.json.gz`,
    volumeSnapshots: `${file}-volumesnapshots.json.gz`,
    /** Of old backups only; never written. */
    csiVolumeSnapshots: `${file}-csi-volumesnapshots.json.gz`,
    csiVolumeSnapshotContents: `${file}-csi-volumesnapshotcontents.json.gz`,
    csiVolumeSnapshotClasses: `${file}-csi-volumesnapshotclasses.json.gz`,
  };
}

export function restoreKeys(restore: string) {
  const folder = `${RESTORES_PREFIX}${restore}/`;
  const file = `${folder}restore-${restore}`;
  return {
    folder,
    logs: `${file}-logs.gz`,
    results: `${file}-results.gz`,
    resourceList: `${file}-resource-list.json.gz`,
    itemOperations: `${file}-itemoperations.json.gz`,
    volumeInfo: `${folder}${restore}-volumeinfo.json.gz`,
  };
}

/** Key of one segment in a run's scratch area; a shard that is exported again overwrites its own segments. */
export const segmentKey = (scratch: string, shard: string, ordinal: number): string =>
  `${scratch}segments/${shard}/${String(ordinal).padStart(6, '0')}.ndjson.gz`;

/** Prefix of the Kopia repository that holds the volumes of one namespace. */
export const kopiaPrefix = (namespace: string): string => `kopia/${namespace}/`;

/** The mark without which Velero 1.18 and later take a repository for not initialised. */
export const kopiaMarkKey = (namespace: string): string => `${kopiaPrefix(namespace)}udmrepo.Repository`;

/** Key in a DownloadRequest's target kind; undefined for a kind that Velero does not know. */
export function downloadKey(kind: string, name: string): string | undefined {
  const backup = backupKeys(name);
  const restore = restoreKeys(name);
  const keys: Record<string, string> = {
    BackupLog: backup.logs,
    BackupContents: backup.contents,
    BackupVolumeSnapshots: backup.volumeSnapshots,
    BackupItemOperations: backup.itemOperations,
    BackupResourceList: backup.resourceList,
    BackupResults: backup.results,
    BackupVolumeInfos: backup.volumeInfo,
    CSIBackupVolumeSnapshots: backup.csiVolumeSnapshots,
    CSIBackupVolumeSnapshotContents: backup.csiVolumeSnapshotContents,
    RestoreLog: restore.logs,
    RestoreResults: restore.results,
    RestoreResourceList: restore.resourceList,
    RestoreItemOperations: restore.itemOperations,
    RestoreVolumeInfo: restore.volumeInfo,
  };
  return Object.hasOwn(keys, kind) ? keys[kind] : undefined;
}
