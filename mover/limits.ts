/** Every number of the mover, each with its reason. Times in milliseconds unless the name says otherwise. */

export const RETRY = {
  /** A kopia that was killed or failed is started again this often; what kills it three times is no accident. */
  tries: 3,
  firstPause: 500,
  /** Pauses double up to this; a store that is back is used again soon. */
  longestPause: 10_000,
  /** While the store is away the mover waits: a new pod would meet the same outage. Then the worker decides. */
  outage: 10 * 60_000,
} as const;

export const WATCH = {
  interval: 1_000,
  /** Silence, or requests that fail, for this long: the store is asked whether it refuses us for good. */
  suspicious: 5_000,
  /** Between two questions to the store, and between two lines about an outage in the log. */
  probeEvery: 10_000,
} as const;

export const LIVENESS = {
  /** Above one report of kopia's counters (27 KB), below what the slowest useful link carries before it counts as dead. */
  threshold: 64 * 1024,
  /** Kopia waits for the grant of a pack, or of an object whose size it does not know, as a whole. */
  grantBytes: 21_000_000,
} as const;

/** A backup's mover whose worker does not come for so long ends by itself; its result stays in the pod's status. */
export const LINGER = 10 * 60_000;

/** Left of the pod's grace period for the last words, after kopia had its time to flush. */
export const GRACE_RESERVE = 3_000;

export const SCAN = {
  /** After the transfer's end a count that still runs is cut off: it must not hold up the snapshot's hand-back. */
  patience: 10_000,
  /** Below kopia's priority, which reads the same folders. */
  nice: 10,
} as const;

export const BLOCK = {
  /** Bounds of one range that is read at a time; larger ranges read fewer chunks twice at their edges. */
  smallestRange: 8 * 1024 * 1024,
  largestRange: 64 * 1024 * 1024,
  /** Ranges that a device is cut into, at most 64 MiB each: enough for all readers to end together. */
  ranges: 64,
  /** Bytes of one read, those gathered for one write, and room for both. */
  readBytes: 256 * 1024,
  writeBytes: 512 * 1024,
  bufferBytes: 1024 * 1024,
  /** Readers at once: hides the store's latency; more costs memory (20 MiB each) and gains nothing. */
  readers: 8,
  /** A loopback server is ready in half a second; opening a large index may take long. */
  serverStart: 90_000,
  serverPoll: 15,
} as const;

export const OUTPUT = {
  /** Kopia's lines that are passed on; a volume with a million unreadable files needs no million lines. */
  logLines: 100,
  /** The kubelet cuts a termination message off here. */
  terminationBytes: 4_096,
} as const;

/**
 * Files written within two seconds of the same file's time in the snapshot look finished to kopia when they are not.
 * That cannot be when the newest file is older than the backup's end by more than this.
 */
export const SKIP_EXISTING_AGE = 10_000;
