import { LIMITS } from '../../contracts/settings.ts';
import { parseList } from '../../core/format/json.ts';
import { backupKeys } from '../../core/format/keys.ts';
import { parseVolumeInfos } from '../../core/format/volume-info.ts';
import type { BackupVolumeInfo } from '../../core/format/volume-info.ts';
import { nativeSnapshotInfos, podVolumeInfos } from '../../core/restore/legacy-volumes.ts';
import { getGzip } from '../../platform/store/gzip-file.ts';
import type { ObjectStore } from '../../platform/store/types.ts';

/** What the backup says of its volumes, in the form of today also when it is an old one. */
export async function readVolumeInfos(store: ObjectStore, backup: string): Promise<BackupVolumeInfo[]> {
  const keys = backupKeys(backup);
  const read = (key: string) => getGzip(store, key, LIMITS.documentBytes);
  const infos = await read(keys.volumeInfo);
  if (infos !== undefined) return parseVolumeInfos(infos, keys.volumeInfo);
  const [podVolumes, native] = await Promise.all([read(keys.podVolumeBackups), read(keys.volumeSnapshots)]);
  return [
    ...podVolumeInfos(podVolumes === undefined ? [] : parseList(podVolumes, keys.podVolumeBackups)),
    ...nativeSnapshotInfos(native === undefined ? [] : parseList(native, keys.volumeSnapshots)),
  ];
}
