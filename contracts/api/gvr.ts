/** Addresses of the custom resources in the API. Loads nothing, so workflows may import it. */

const v1 = <Resource extends string>(resource: Resource) =>
  ({ group: 'velero.io', version: 'v1', resource }) as const;
const v2alpha1 = <Resource extends string>(resource: Resource) =>
  ({ group: 'velero.io', version: 'v2alpha1', resource }) as const;

export const GVR = {
  backups: v1('backups'),
  restores: v1('restores'),
  schedules: v1('schedules'),
  backupStorageLocations: v1('backupstoragelocations'),
  volumeSnapshotLocations: v1('volumesnapshotlocations'),
  deleteBackupRequests: v1('deletebackuprequests'),
  downloadRequests: v1('downloadrequests'),
  serverStatusRequests: v1('serverstatusrequests'),
  podVolumeBackups: v1('podvolumebackups'),
  podVolumeRestores: v1('podvolumerestores'),
  backupRepositories: v1('backuprepositories'),
  dataUploads: v2alpha1('datauploads'),
  dataDownloads: v2alpha1('datadownloads'),
} as const;

/** `apiVersion` of an object at this address. */
export const apiVersion = (gvr: { group: string; version: string }) => `${gvr.group}/${gvr.version}`;
