import type { RawNumber } from '../../platform/kube/json.ts';
import type { KubeObject } from '../../platform/kube/types.ts';

/** What the CSI snapshot controllers know of a content, in their words. */

/** With it a deleted content stays until the driver has done what its policy says. */
export const CONTENT_FINALIZER = 'snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection';
/**
 * Says that the snapshot of a content is on its way out. Without it the sidecar does not touch a deleted content that is
 * bound; the controller sets it only when the snapshot knows its content, too.
 */
export const BEING_DELETED_ANNOTATION = 'snapshot.storage.kubernetes.io/volumesnapshot-being-deleted';
/** The same for the content of a group. */
export const GROUP_BEING_DELETED_ANNOTATION =
  'groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-being-deleted';

/** The fields of snapshot objects that the steps read. */

export interface Snapshot extends KubeObject {
  spec: { source: object; volumeSnapshotClassName?: string };
  status?: {
    boundVolumeSnapshotContentName?: string;
    creationTime?: string;
    readyToUse?: boolean;
    restoreSize?: string;
    error?: { message?: string };
  };
}

export interface SnapshotContent extends KubeObject {
  spec: {
    driver: string;
    deletionPolicy: 'Delete' | 'Retain';
    source: { snapshotHandle?: string; volumeHandle?: string };
    sourceVolumeMode?: string;
    volumeSnapshotRef: { name: string; namespace: string; uid?: string };
  };
  status?: {
    snapshotHandle?: string;
    readyToUse?: boolean;
    restoreSize?: number | RawNumber;
    /** Nanoseconds since 1970. */
    creationTime?: number | RawNumber;
    error?: { message?: string };
  };
}

export interface Claim extends KubeObject {
  spec: { volumeName?: string; storageClassName?: string; [field: string]: unknown };
  status?: { phase?: string };
}

export interface Volume extends KubeObject {
  spec: {
    persistentVolumeReclaimPolicy?: string;
    claimRef?: { namespace: string; name: string; uid?: string };
    [field: string]: unknown;
  };
  status?: { phase?: string };
}
