/** Every number of the object-store client, each with its reason. Times in milliseconds unless the name says otherwise. */

export const CONNECTIONS = {
  /** Requests at once; a few activities with two parts each run beside each other. */
  requests: 32,
  /** TCP; a host that is gone answers nothing. */
  connect: 5_000,
  /** No byte in either direction: longer than a gateway needs to put the parts of a large upload together. */
  idle: 60_000,
} as const;

export const REQUESTS = {
  /** Attempts of one request; outages that are longer are the caller's to wait for. */
  attempts: 3,
  /** A broken download goes on where it stopped; only this many breaks without a byte in between end it. */
  resumes: 3,
  /** Keys in one DeleteObjects, S3's own limit. */
  deleteBatch: 1_000,
  /** Deletions at once where a store has no DeleteObjects. */
  deleteParallel: 8,
} as const;

export const TRANSFER = {
  /** Ten thousand parts of this size are 156 GiB, a hundred times the largest tarball. */
  partBytes: 16 * 1024 * 1024,
  /** Parts in flight; with the one being filled they are all the memory of an upload. */
  parallelParts: 2,
  /** An aborted upload is looked at again after these times; parts on their way are settled within a second. */
  abortWaits: [250, 500, 1_000, 2_000],
  /** `get` without a bound of the caller's. */
  getBytes: 64 * 1024 * 1024,
} as const;

/** A presigned link may live no longer; S3's own limit. */
export const PRESIGN_SECONDS = 7 * 24 * 3_600;

export const DOCUMENTS = {
  /** Below this a document is stored as text, so that it can be read in any S3 browser. */
  plainBytes: 16 * 1024,
  /** Documents kept in memory by their hash: plans are read by every chunk of a run. */
  cacheBytes: 64 * 1024 * 1024,
} as const;
