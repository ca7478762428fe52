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
  region: string;
  forcePathStyle: boolean;
  skipTlsVerify: boolean;
  /** PEM. */
  ca?: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  serverSideEncryption?: string;
  kmsKeyId?: string;
}

export interface ObjectInfo {
  key: string;
  size: number;
  /** ISO 8601. */
  lastModified: string;
}

export interface ObjectStore {
  put(key: string, body: Buffer | string, options?: { ifAbsent?: boolean; contentType?: string }): Promise<void>;
  /** Multipart upload of a stream of unknown length with bounded memory; nothing is left behind on failure. */
  putStream(key: string, body: Readable, options?: { signal?: AbortSignal }): Promise<{ bytes: number; sha256: string }>;
  /** Whole object; refuses (StoreError code TooLarge) beyond `maxBytes` (default 64 MiB). */
  get(key: string, options?: { maxBytes?: number }): Promise<Buffer>;
  getStream(key: string, options?: { signal?: AbortSignal }): Promise<Readable>;
  head(key: string): Promise<ObjectInfo | undefined>;
  list(prefix: string): AsyncIterable<ObjectInfo>;
  /** First-level "folders" below `prefix` (delimiter `/`), without the trailing slash. */
  folders(prefix: string): Promise<string[]>;
  remove(keys: string[]): Promise<void>;
  removeAll(prefix: string): Promise<number>;
  abortUploads(prefix: string): Promise<number>;
  presignGet(key: string, ttlSeconds: number): Promise<string>;
  close(): void;
}
