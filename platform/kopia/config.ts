import type { RepositoryCredentials, RepositorySpec } from '../../contracts/mover.ts';
import { CACHE, MEMORY } from './limits.ts';

export interface ConfigOptions {
  cacheDir: string;
  /** Bytes per second; 0 = unlimited. */
  uploadLimit?: number;
  downloadLimit?: number;
  /** Kopia then writes nothing at all, maintenance included. */
  readonly?: boolean;
}

/**
 * The configuration file that `kopia repository connect` would write, without the process that this costs. Keys stay
 * empty: kopia then takes them from its environment.
 */
export function repositoryConfig(spec: RepositorySpec, options: ConfigOptions): object {
  return {
    storage: {
      type: 's3',
      config: {
        bucket: spec.bucket,
        prefix: spec.prefix,
        endpoint: spec.endpoint,
        region: spec.region,
        doNotUseTLS: !spec.tls,
        doNotVerifyTLS: spec.skipTlsVerify,
        ...(spec.caBase64 && { rootCA: spec.caBase64 }),
        ...{ accessKeyID: '', secretAccessKey: '', sessionToken: '' },
        ...(options.uploadLimit && { maxUploadSpeedBytesPerSecond: options.uploadLimit }),
        ...(options.downloadLimit && { maxDownloadSpeedBytesPerSecond: options.downloadLimit }),
      },
    },
    caching: {
      cacheDirectory: options.cacheDir,
      maxCacheSize: CACHE.contentBytes,
      contentCacheSizeLimitBytes: CACHE.contentLimitBytes,
      maxMetadataCacheSize: CACHE.metadataBytes,
      metadataCacheSizeLimitBytes: CACHE.metadataLimitBytes,
      maxListCacheDuration: CACHE.listSeconds,
    },
    // Velero's identity: owner of all its snapshots and of the maintenance.
    hostname: 'default',
    username: 'default',
    enableActions: false,
    readonly: options.readonly ?? false,
  };
}

/** `readers`: files, or parts of them, that one kopia works on at once. */
export function memoryLimit({ readonly, readers }: { readonly?: boolean; readers?: number }): string {
  const each = readonly ? MEMORY.downloader : MEMORY.uploader;
  return `${MEMORY.base + (readers || MEMORY.readers) * each}MiB`;
}

const OURS = /^(KOPIA_|CARAVEL_)/;
const AWS = /^AWS_/;

/**
 * Environment of a kopia process: the only way that secrets reach it. Of the parent's own environment the proxies,
 * PATH and the like remain; without keys of ours also AWS_*, where a cloud's own credentials are announced.
 */
export function kopiaEnvironment(
  parent: NodeJS.ProcessEnv,
  credentials: RepositoryCredentials,
  paths: { config: string; logDir: string; memoryLimit: string },
): NodeJS.ProcessEnv {
  const own = Boolean(credentials.accessKeyId);
  const inherited = Object.entries(parent).filter(([name]) => !OURS.test(name) && !(own && AWS.test(name)));
  return {
    GOMEMLIMIT: paths.memoryLimit,
    ...Object.fromEntries(inherited),
    KOPIA_CONFIG_PATH: paths.config,
    KOPIA_LOG_DIR: paths.logDir,
    KOPIA_CHECK_FOR_UPDATES: 'false',
    KOPIA_PERSIST_CREDENTIALS_ON_CONNECT: 'false',
    KOPIA_USE_KEYRING: 'false',
    KOPIA_PASSWORD: credentials.password,
    ...(own && {
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    }),
    ...(own && credentials.sessionToken && { AWS_SESSION_TOKEN: credentials.sessionToken }),
  };
}
