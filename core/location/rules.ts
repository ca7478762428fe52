import type { BackupStorageLocationSpec } from '../../contracts/api/location.ts';

/** What a BackupStorageLocation says about its store, as Velero and its AWS plugin read it. */
export interface LocationRules {
  bucket: string;
  /** Empty, or ends with a slash. */
  prefix: string;
  /** Without a path; undefined = AWS. */
  endpoint?: string;
  publicUrl?: string;
  /** Empty when it is not given and AWS has to be asked. */
  region: string;
  forcePathStyle: boolean;
  skipTlsVerify: boolean;
  profile: string;
  serverSideEncryption?: string;
  kmsKeyId?: string;
  tagging?: string;
  checksumAlgorithm?: string;
}

export interface FieldFault {
  /** Path of the field in the resource, such as `spec.config.s3Url`. */
  field: string;
  message: string;
  /** The value is right for Velero, but Caravel cannot do it: the code that says so. */
  unsupported?: 'ProviderNotSupported' | 'NotSupported';
}

export interface SecretKey {
  name: string;
  key: string;
}

type Spec = BackupStorageLocationSpec;
type Report = (fault: FieldFault) => void;

const PROVIDERS = ['aws', 'velero.io/aws'];
/** What a store without regions is commonly configured with. */
const REGION_OF_OTHERS = 'us-east-1';
const CHECKSUMS = ['CRC32', 'CRC32C', 'SHA1', 'SHA256'];
/** Keys of the plugin; those that change nothing here are accepted, since locations in use have them. */
const CONFIG_KEYS = (
  'region s3Url publicUrl s3ForcePathStyle insecureSkipTLSVerify profile kmsKeyId serverSideEncryption tagging ' +
  'checksumAlgorithm enableSharedConfig signatureVersion resticRepoPrefix customerKeyEncryptionFile'
).split(' ');
/** Secret that Velero mounts for locations without a credential of their own. */
const COMMON_CREDENTIAL: SecretKey = { name: 'cloud-credentials', key: 'cloud' };

/** Reads the spec and collects all its faults; the rules are of use only when there are none. */
export function locationRules(spec: Spec): { rules: LocationRules; faults: FieldFault[] } {
  const faults: FieldFault[] = [];
  const report: Report = (fault) => faults.push(fault);
  const config = spec.config ?? {};
  checkKinds(spec, config, report);
  const { endpoint, publicUrl } = urlsOf(config, report);
  const rules: LocationRules = {
    bucket: bucketOf(spec, report),
    prefix: prefixOf(spec, report),
    ...(endpoint ? { endpoint } : {}),
    ...(publicUrl ? { publicUrl } : {}),
    region: config.region || (endpoint ? REGION_OF_OTHERS : ''),
    forcePathStyle: flagOf(config, 's3ForcePathStyle', report),
    skipTlsVerify: flagOf(config, 'insecureSkipTLSVerify', report),
    profile: config.profile || 'default',
    ...storageSettings(config, report),
  };
  return { rules, faults };
}

/** The Secrets that the location needs. */
export function locationSecrets(spec: Spec): { credential: SecretKey; ca?: SecretKey } {
  const { credential } = spec;
  const ca = spec.objectStorage?.caCertRef;
  return {
    credential: credential?.name ? { name: credential.name, key: credential.key } : COMMON_CREDENTIAL,
    ...(ca?.name ? { ca: { name: ca.name, key: ca.key } } : {}),
  };
}

function checkKinds(spec: Spec, config: Record<string, string>, report: Report): void {
  if (!PROVIDERS.includes(spec.provider)) {
    const message = `provider "${spec.provider}" cannot be used: only aws (every store that speaks S3) can`;
    report({ field: 'spec.provider', message, unsupported: 'ProviderNotSupported' });
  }
  for (const key of Object.keys(config).filter((name) => !CONFIG_KEYS.includes(name))) {
    report({ field: `spec.config.${key}`, message: `unknown setting; known are ${CONFIG_KEYS.join(', ')}` });
  }
  if (config.customerKeyEncryptionFile) {
    const message = 'keys of the customer (SSE-C) cannot be used; kmsKeyId and serverSideEncryption can';
    report({ field: 'spec.config.customerKeyEncryptionFile', message, unsupported: 'NotSupported' });
  }
  if (spec.objectStorage?.caCert && spec.objectStorage.caCertRef) {
    report({
      field: 'spec.objectStorage',
      message: 'cannot specify both caCert and caCertRef in objectStorage',
    });
  }
}

function bucketOf(spec: Spec, report: Report): string {
  const field = 'spec.objectStorage.bucket';
  const bucket = trimSlashes(spec.objectStorage?.bucket ?? '');
  if (bucket === '') report({ field, message: 'a bucket is needed' });
  if (bucket.includes('/') && !bucket.startsWith('arn:aws:s3:')) {
    report({
      field,
      message: `"${bucket}" contains a slash: use spec.objectStorage.prefix for a path in the bucket`,
    });
  }
  return bucket;
}

function prefixOf(spec: Spec, report: Report): string {
  const prefix = trimSlashes(spec.objectStorage?.prefix ?? '');
  if (/\p{Cc}/u.test(prefix) || prefix.split('/').some((part) => part === '..' || part === '.')) {
    report({
      field: 'spec.objectStorage.prefix',
      message: 'must not contain control characters, "." or ".." parts',
    });
  }
  return prefix === '' ? '' : `${prefix}/`;
}

function urlsOf(config: Record<string, string>, report: Report): { endpoint?: string; publicUrl?: string } {
  const endpoint = urlOf(config, 's3Url', report);
  const publicUrl = urlOf(config, 'publicUrl', report);
  if (endpoint && endpoint.pathname !== '/') {
    report({
      field: 'spec.config.s3Url',
      message: 'must not have a path: Kopia cannot reach a store below one',
    });
  }
  return {
    ...(endpoint ? { endpoint: endpoint.origin } : {}),
    ...(publicUrl ? { publicUrl: trimSlashes(publicUrl.href) } : {}),
  };
}

function urlOf(config: Record<string, string>, key: string, report: Report): URL | undefined {
  const text = config[key];
  if (!text) return undefined;
  const url = URL.parse(text);
  const plain = url && ['http:', 'https:'].includes(url.protocol) && url.search === '' && url.hash === '';
  if (plain && url.username === '' && url.password === '') return url;
  // The text is not repeated: it may hold a password.
  report({
    field: `spec.config.${key}`,
    message: 'must be a URL of the form https://host:port, without user and query',
  });
  return undefined;
}

function storageSettings(config: Record<string, string>, report: Report): Partial<LocationRules> {
  const { kmsKeyId, serverSideEncryption, tagging, checksumAlgorithm } = config;
  if (checksumAlgorithm && !CHECKSUMS.includes(checksumAlgorithm)) {
    const message = `must be one of ${CHECKSUMS.join(', ')}, or empty`;
    report({ field: 'spec.config.checksumAlgorithm', message });
  }
  // A key implies the kind of encryption, as in Velero's plugin.
  const encryption = kmsKeyId ? 'aws:kms' : serverSideEncryption;
  return {
    ...(encryption ? { serverSideEncryption: encryption } : {}),
    ...(kmsKeyId ? { kmsKeyId } : {}),
    ...(tagging ? { tagging } : {}),
    ...(checksumAlgorithm ? { checksumAlgorithm } : {}),
  };
}

/** Go's ParseBool. */
function flagOf(config: Record<string, string>, key: string, report: Report): boolean {
  const text = config[key] ?? '';
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  if (!['', '0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) {
    report({ field: `spec.config.${key}`, message: `"${text}" is neither true nor false` });
  }
  return false;
}

const trimSlashes = (text: string) => text.replace(/^\/+|\/+$/g, '');
