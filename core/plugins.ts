/**
 * What Velero has as plugins and Caravel has built in, by Velero's names. Nothing can be added: a server plugin is a
 * program for Velero's process.
 */
export const BUILT_IN: { name: string; kind: string }[] = [
  { name: 'velero.io/aws', kind: 'ObjectStore' },
  { name: 'velero.io/csi-pvc-backupper', kind: 'BackupItemActionV2' },
  { name: 'velero.io/csi-pvc-restorer', kind: 'RestoreItemActionV2' },
  { name: 'velero.io/change-image-name', kind: 'RestoreItemAction' },
  { name: 'velero.io/change-storage-class', kind: 'RestoreItemAction' },
];
