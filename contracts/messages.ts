/** Signals between workflows. Names are what the Temporal UI shows. */

export const SIGNALS = {
  /** To the limiter: `{ holder, limit }`. */
  requestSlot: 'requestSlot',
  /** To the limiter: `{ holder }`. */
  releaseSlot: 'releaseSlot',
  /** To the holder. */
  slotGranted: 'slotGranted',
  /** To the limiter: a `LockClaim`. */
  requestLock: 'requestLock',
  /** To the limiter: `{ holder, key }`. */
  releaseLock: 'releaseLock',
  /** To the holder: `{ key }`. */
  lockGranted: 'lockGranted',
  /** To `unquiesce`: the volumes are cut. */
  release: 'release',
} as const;

export interface SlotRequest {
  /** Workflow id of the waiting workflow. */
  holder: string;
  /** Slots in the cluster, as configured when the request was made. */
  limit: number;
}

export interface SlotRelease {
  holder: string;
}

export interface LockGrant {
  key: string;
}
