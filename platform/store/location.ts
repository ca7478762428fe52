import type { BackupStorageLocation } from '../../contracts/api/location.ts';
import type { RepositorySpec } from '../../contracts/mover.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { kopiaPrefix } from '../../core/format/keys.ts';
import { profileCredentials } from '../../core/location/credentials.ts';
import { locationRules, locationSecrets } from '../../core/location/rules.ts';
import type { FieldFault, LocationRules, SecretKey } from '../../core/location/rules.ts';
import type { StoreConfig } from './types.ts';

/** The Secrets of a location's namespace by name, their keys decoded. */
export type SecretData = Readonly<Record<string, Readonly<Record<string, string>>>>;

type Location = Pick<BackupStorageLocation, 'metadata' | 'spec'>;

/** Names of the Secrets that the functions below need. */
export function secretNames(location: Location): string[] {
  const { credential, ca } = locationSecrets(location.spec);
  return [...new Set([credential.name, ...(ca ? [ca.name] : [])])];
}

/** How to reach the location's store. Throws one error that names every wrong field. */
export function storeConfigOf(location: Location, secrets: SecretData): StoreConfig {
  const { rules, faults } = locationRules(location.spec);
  const ca = caOf(location, secrets, faults);
  const credentials = credentialsOf(location, rules, secrets, faults);
  throwFaults(location, faults);
  const { profile: _profile, checksumAlgorithm, ...settings } = rules;
  return {
    ...settings,
    ...(checksumAlgorithm ? { checksumAlgorithm: checksumAlgorithm as 'SHA256' } : {}),
    ...(ca === undefined ? {} : { ca }),
    credentials,
  };
}

/** The Kopia repository that holds the volumes of one namespace. The Secrets are needed for `caCertRef` only. */
export function repositorySpecOf(
  location: Location,
  namespace: string,
  secrets: SecretData = {},
): RepositorySpec {
  const { rules, faults } = locationRules(location.spec);
  const ca = caOf(location, secrets, faults);
  throwFaults(location, faults);
  const url = URL.parse(rules.endpoint ?? awsEndpoint(rules.region));
  return {
    bucket: rules.bucket,
    prefix: `${rules.prefix}${kopiaPrefix(namespace)}`,
    endpoint: url?.host ?? '',
    region: rules.region,
    tls: url?.protocol === 'https:',
    skipTlsVerify: rules.skipTlsVerify,
    ...(ca === undefined ? {} : { caBase64: Buffer.from(ca).toString('base64') }),
  };
}

/** Kopia asks the host without a region where the bucket is. */
function awsEndpoint(region: string): string {
  if (region === '') return 'https://s3.amazonaws.com';
  return `https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

function credentialsOf(
  location: Location,
  rules: LocationRules,
  secrets: SecretData,
  faults: FieldFault[],
): StoreConfig['credentials'] {
  const field = 'spec.credential';
  const source = locationSecrets(location.spec).credential;
  const text = secretText(source, secrets, field, faults);
  if (text !== undefined) {
    const found = profileCredentials(text, rules.profile);
    if ('accessKeyId' in found) return found;
    faults.push({ field, message: `key "${source.key}" of Secret ${source.name} ${found.fault}` });
  }
  return { accessKeyId: '', secretAccessKey: '' };
}

/** The CA bundle as PEM. */
function caOf(location: Location, secrets: SecretData, faults: FieldFault[]): string | undefined {
  const { ca } = locationSecrets(location.spec);
  const inline = location.spec.objectStorage?.caCert;
  const field = `spec.objectStorage.${ca ? 'caCertRef' : 'caCert'}`;
  const decoded = inline ? Buffer.from(inline, 'base64').toString('utf8') : undefined;
  const pem = ca ? secretText(ca, secrets, field, faults) : decoded;
  if (pem === undefined || pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  faults.push({ field, message: 'holds no PEM certificate' });
  return undefined;
}

function secretText(
  source: SecretKey,
  secrets: SecretData,
  field: string,
  faults: FieldFault[],
): string | undefined {
  const secret = Object.hasOwn(secrets, source.name) ? secrets[source.name] : undefined;
  const text = secret && Object.hasOwn(secret, source.key) ? secret[source.key] : undefined;
  if (text) return text;
  const missing = secret
    ? `Secret ${source.name} has no key "${source.key}"`
    : `Secret ${source.name} does not exist`;
  faults.push({ field, message: missing });
  return undefined;
}

function throwFaults(location: Location, faults: FieldFault[]): void {
  if (faults.length === 0) return;
  const unsupported = faults.find((fault) => fault.unsupported)?.unsupported;
  // Settings of another provider are not wrong, they are another provider's.
  const foreign = faults.filter((fault) => fault.unsupported === 'ProviderNotSupported');
  const told = foreign.length > 0 ? foreign : faults;
  const words = told.map(({ field, message }) => `${field}: ${message}`).join('; ');
  throw new CaravelError(
    unsupported ?? 'InvalidInput',
    `BackupStorageLocation "${location.metadata.name}": ${words}`,
  );
}
