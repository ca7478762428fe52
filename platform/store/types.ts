import type { Readable } from 'node:stream';

/** Where a BackupStorageLocation keeps its objects; keys given to an ObjectStore are relative to `prefix`. */
export interface StoreConfig {
  bucket: string;
  /** No leading slash; empty, or ends with a slash. */
  prefix: string;
  /** URL with scheme; undefined = AWS's own for the region. */
  endpoint?: string;
  /** URL used in presigned links when users reach the store under another name (BSL `publicUrl`). */
  publicUrl?: string;
  /** Empty = AWS is asked where the bucket is. */
  region: string;
  forcePathStyle: boolean;
  skipTlsVerify: boolean;
  /** PEM. */
  ca?: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  serverSideEncryption?: string;
  kmsKeyId?: string;
  /** URL-encoded, as in the header. */
  tagging?: string;
  /** Only where the bucket demands one, as with object lock. */
  checksumAlgorithm?: 'CRC32' | 'CRC32C' | 'SHA1' | 'SHA256';
}

export interface ObjectInfo {
  key: string;
  size: number;
  /** ISO 8601. */
  lastModified: string;
}

/** Keys never start with a slash and have no empty, `.` or `..` part; anything else is InvalidInput. */
export interface ObjectStore {
  /**
   * `ifAbsent`: throws StoreExists and leaves the object alone when there is one with other bytes; an object with the
   * same bytes is success, so that a repeated attempt finds its own work done.
   */
  put(
    key: string,
    body: Buffer | string,
    options?: { ifAbsent?: boolean; contentType?: string },
  ): Promise<void>;
  /** Multipart upload of a stream of unknown length with bounded memory; nothing is left behind on failure. */
  putStream(
    key: string,
    body: Readable,
    options?: { signal?: AbortSignal },
  ): Promise<{ bytes: number; sha256: string }>;
  /** Whole object; refuses (StoreTooLarge) beyond `maxBytes` (default 64 MiB). */
  get(key: string, options?: { maxBytes?: number }): Promise<Buffer>;
  /** Goes on where it broke off, as long as the object is the same. `end` is the last byte wanted. */
  getStream(key: string, options?: { signal?: AbortSignal; start?: number; end?: number }): Promise<Readable>;
  head(key: string): Promise<ObjectInfo | undefined>;
  list(prefix: string): AsyncIterable<ObjectInfo>;
  /** First-level "folders" below `prefix` (delimiter `/`), without the trailing slash. */
  folders(prefix: string): Promise<string[]>;
  /** Keys that are not there count as removed. */
  remove(keys: string[]): Promise<void>;
  /** Everything below a folder (ends with a slash); returns how many objects that were. */
  removeAll(prefix: string): Promise<number>;
  /** Unfinished uploads below a folder (ends with a slash). */
  abortUploads(prefix: string): Promise<number>;
  /** A link that also exists when the object does not; it answers 404 then. */
  presignGet(key: string, ttlSeconds: number): Promise<string>;
  close(): void;
}
