/** Every number of the Kopia layer, each with its reason. Times in milliseconds unless the name says otherwise. */

const MIB = 1024 * 1024;

export const CACHE = {
  /** Never 0, which makes kopia crash when it restores. A volume is read once, so larger gains nothing. */
  contentBytes: 32 * MIB,
  /** Hard limit: without it kopia keeps all it read in the last ten minutes, that is the volume. */
  contentLimitBytes: 64 * MIB,
  /** Directories of the previous snapshot; all of them are read once in an incremental backup. */
  metadataBytes: 128 * MIB,
  metadataLimitBytes: 512 * MIB,
  /** Kopia's and Velero's own. */
  listSeconds: 30,
} as const;

/**
 * Go's soft limit for kopia's heap, in MiB: without it, what kopia no longer needs takes as much room again as what it
 * needs. Measured need: 66 to derive the key and up to 130 with few readers, 220 with 6 that upload, 210 with 16 that
 * download. A heap that really needs more (a folder of a million files) grows beyond it, at the cost of processor time.
 */
export const MEMORY = {
  base: 100,
  /** A pack that fills (20 MiB), and a chunk on its way into it. */
  uploader: 26,
  /** A chunk as it came and as it goes. */
  downloader: 10,
  /** Of commands that name no number. */
  readers: 6,
} as const;

export const COMMAND = {
  /** Short commands end in under a second. Kopia's own retries take 55 s, but with some faults it retries for ever. */
  timeout: 90_000,
  /** A command silent for this long may wait for a store that refuses it: the store is asked directly. */
  suspicious: 4_000,
  /** Printed output that is kept; the manifests of ten thousand snapshots. */
  outputBytes: 32 * MIB,
  /** Lines of stderr that are kept for the error message. */
  errorLines: 40,
  lineLength: 1_000,
} as const;

export const PROBE = {
  /** One small request; a store that takes longer counts as not answering. */
  timeout: 5_000,
  answerBytes: 64 * 1024,
} as const;

export const POLICY = {
  /** Keeps every snapshot: retention is the business of the Backup resources. Velero writes the same. */
  keepAll: 2_147_483_647,
  /** A file above this size is read by several readers at once. */
  parallelAboveBytes: 64 * MIB,
} as const;

/** Kopia refuses longer intervals. */
export const LONGEST_CHECKPOINT_SECONDS = 45 * 60;

/** Shorter words are no secrets, and hiding them would make logs unreadable. */
export const SHORTEST_SECRET = 4;

/** Two blobs of a new repository are written within a second; a creator that needs longer is dead. */
export const HALF_MADE_AGE = 60_000;
