import type { RawNumber } from '../../platform/kube/json.ts';
import type { KubeObject } from '../../platform/kube/types.ts';

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
