import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BackupStorageLocation } from '../../../../contracts/api/location.ts';
import { parseIni, profileCredentials } from '../../../../core/location/credentials.ts';
import { repositorySpecOf, secretNames, storeConfigOf } from '../../../../platform/store/location.ts';

type Spec = BackupStorageLocation['spec'];

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const secrets = {
  'cloud-credentials': {
    cloud:
      '[default]\naws_access_key_id = AK\naws_secret_access_key=S=K/+\n[lab]\naws_access_key_id=L\naws_secret_access_key=M\naws_session_token=T',
  },
  ca: { 'ca.crt': PEM },
};

const location = (changes: Partial<Spec> = {}) =>
  ({
    metadata: { name: 'default' },
    spec: { provider: 'aws', objectStorage: { bucket: 'b' }, config: { region: 'eu-central-1' }, ...changes },
  }) as BackupStorageLocation;

const s3Url = { s3Url: 'http://10.0.0.1:9000', s3ForcePathStyle: 'true' };

describe('credentials file', () => {
  it('is read like AWS reads it', () => {
    const text =
      '\ufeff# comment\r\nignored = 1\r\n[default]\r\n ; more\r\nAWS_Access_Key_Id = a # note\r\naws_secret_access_key\t=\tb#=c\r\n\r\n[ profile x ]\nk=\n[default]\nextra=1';
    const file = parseIni(text);
    expect(Object.fromEntries(file.get('default')!)).toEqual({
      aws_access_key_id: 'a',
      aws_secret_access_key: 'b#=c',
      extra: '1',
    });
    expect([...file.keys()]).toEqual(['default', 'x']);
  });

  it('never shows a secret in its faults', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8 }), (secret) => {
        const found = profileCredentials(`[default]\naws_secret_access_key=${secret}`, 'default');
        expect('fault' in found && found.fault).toBe('has no aws_access_key_id in profile [default]');
      }),
    );
  });
});

describe('a location', () => {
  it('on AWS', () => {
    const bsl = location({ provider: 'velero.io/aws', objectStorage: { bucket: '/b/', prefix: '/team/a/' } });
    expect(storeConfigOf(bsl, secrets)).toEqual({
      bucket: 'b',
      prefix: 'team/a/',
      region: 'eu-central-1',
      forcePathStyle: false,
      skipTlsVerify: false,
      credentials: { accessKeyId: 'AK', secretAccessKey: 'S=K/+' },
    });
    expect(repositorySpecOf(bsl, 'shop')).toEqual({
      bucket: 'b',
      prefix: 'team/a/kopia/shop/',
      endpoint: 's3.eu-central-1.amazonaws.com',
      region: 'eu-central-1',
      tls: true,
      skipTlsVerify: false,
    });
    expect(repositorySpecOf(location({ config: {} }), 'shop')).toMatchObject({
      endpoint: 's3.amazonaws.com',
      region: '',
    });
    expect(repositorySpecOf(location({ config: { region: 'cn-north-1' } }), 'x').endpoint).toMatch(
      /\.com\.cn$/,
    );
  });

  it('on another store', () => {
    const bsl = location({
      config: {
        ...s3Url,
        publicUrl: 'https://s3.example.com/',
        profile: 'lab',
        insecureSkipTLSVerify: '1',
        kmsKeyId: 'k',
        checksumAlgorithm: '',
        tagging: 'a=b',
        enableSharedConfig: 'true',
      },
    });
    expect(storeConfigOf(bsl, secrets)).toEqual({
      bucket: 'b',
      prefix: '',
      endpoint: 'http://10.0.0.1:9000',
      publicUrl: 'https://s3.example.com',
      region: 'us-east-1',
      forcePathStyle: true,
      skipTlsVerify: true,
      tagging: 'a=b',
      serverSideEncryption: 'aws:kms',
      kmsKeyId: 'k',
      credentials: { accessKeyId: 'L', secretAccessKey: 'M', sessionToken: 'T' },
    });
    expect(repositorySpecOf(bsl, 'shop')).toEqual({
      bucket: 'b',
      prefix: 'kopia/shop/',
      endpoint: '10.0.0.1:9000',
      region: 'us-east-1',
      tls: false,
      skipTlsVerify: true,
    });
  });

  it('with a CA of its own, inline or in a Secret', () => {
    const inline = location({ objectStorage: { bucket: 'b', caCert: Buffer.from(PEM).toString('base64') } });
    expect(storeConfigOf(inline, secrets).ca).toBe(PEM);
    const byRef = location({ objectStorage: { bucket: 'b', caCertRef: { name: 'ca', key: 'ca.crt' } } });
    expect(secretNames(byRef)).toEqual(['cloud-credentials', 'ca']);
    expect(storeConfigOf(byRef, secrets).ca).toBe(PEM);
    expect(repositorySpecOf(byRef, 'x', secrets).caBase64).toBe(Buffer.from(PEM).toString('base64'));
    // Never silently without the CA.
    expect(() => repositorySpecOf(byRef, 'x')).toThrow(
      'spec.objectStorage.caCertRef: Secret ca does not exist',
    );
  });

  it('with faults gets one error that names all of them', () => {
    const bsl = location({
      objectStorage: { bucket: 'a/b', prefix: 'x/../y', caCert: 'AAAA' },
      config: {
        s3Url: 'ftp://x',
        publicUrl: 'https://u:p@x',
        s3ForcePathStyle: 'yes',
        regoin: 'x',
        checksumAlgorithm: 'MD5',
      },
      credential: { name: 'mine', key: 'cloud' },
    });
    let thrown: unknown;
    try {
      storeConfigOf(bsl, secrets);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'InvalidInput', message: expect.stringContaining('"default"') });
    const fields = ['objectStorage.bucket', 'objectStorage.prefix', 'objectStorage.caCert', 'config.s3Url'];
    const others = [
      'config.publicUrl',
      'config.s3ForcePathStyle',
      'config.regoin',
      'config.checksumAlgorithm',
    ];
    for (const field of [...fields, ...others, 'credential']) {
      expect((thrown as Error).message).toContain(`spec.${field}: `);
    }
    expect((thrown as Error).message).not.toContain('u:p');
  });

  it.each([
    [{ provider: 'azure' }, 'ProviderNotSupported', 'spec.provider'],
    [{ config: { customerKeyEncryptionFile: '/x' } }, 'NotSupported', 'customerKeyEncryptionFile'],
    [{ config: { s3Url: 'https://x/path' } }, 'InvalidInput', 'spec.config.s3Url'],
    [
      { credential: { name: 'cloud-credentials', key: 'constructor' } },
      'InvalidInput',
      'no key "constructor"',
    ],
    [{ config: { profile: 'none' } }, 'InvalidInput', 'no profile [none]'],
    [{ objectStorage: { bucket: '' } }, 'InvalidInput', 'a bucket is needed'],
    [
      { objectStorage: { bucket: 'b', caCert: 'eA==', caCertRef: { name: 'ca', key: 'ca.crt' } } },
      'InvalidInput',
      'cannot specify both caCert and caCertRef in objectStorage',
    ],
  ])('%j: %s', (changes, code, words) => {
    expect(() => storeConfigOf(location(changes as Partial<Spec>), secrets)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(words) }),
    );
  });
});
