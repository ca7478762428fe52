import { describe, expect, test } from 'vitest';
import {
  repositoryCreate,
  serverStart,
  snapshotCreate,
  snapshotRestore,
} from '../../../../platform/kopia/commands.ts';
import { LIMITS } from '../../../../contracts/settings.ts';
import { kopiaEnvironment, memoryLimit, repositoryConfig } from '../../../../platform/kopia/config.ts';
import { missingPolicies, sourcePolicy } from '../../../../platform/kopia/policy.ts';
import { redactor } from '../../../../platform/kopia/redact.ts';

const SPEC = {
  ...{ bucket: 'b', prefix: 'p/kopia/ns/', endpoint: 's3:7070', region: 'r' },
  ...{ tls: true, skipTlsVerify: false, caBase64: 'UEVN' },
};
const KEYS = {
  accessKeyId: 'AKIA',
  secretAccessKey: 's3cret/+',
  sessionToken: 'tok=en',
  password: 'pass word',
};

type Config = {
  storage: { config: Record<string, unknown> };
  caching: Record<string, unknown>;
  readonly: boolean;
};

describe('configuration', () => {
  test('holds no key, never a cache of size 0, and limits only when they are set', () => {
    const config = repositoryConfig(SPEC, { cacheDir: '/work/cache' }) as Config;
    const { storage, caching } = config;
    expect(storage.config).toMatchObject({
      accessKeyID: '',
      secretAccessKey: '',
      sessionToken: '',
      rootCA: 'UEVN',
    });
    expect(storage.config).not.toHaveProperty('maxUploadSpeedBytesPerSecond');
    for (const size of ['maxCacheSize', 'maxMetadataCacheSize', 'contentCacheSizeLimitBytes'])
      expect(caching[size]).toBeGreaterThan(1_000_000);
    expect(config).toMatchObject({
      hostname: 'default',
      username: 'default',
      readonly: false,
      enableActions: false,
    });
  });
  test('passes limits on', () => {
    const limited = repositoryConfig(SPEC, {
      cacheDir: '/c',
      uploadLimit: 5,
      downloadLimit: 7,
      readonly: true,
    }) as Config;
    expect(limited.storage.config).toMatchObject({
      maxUploadSpeedBytesPerSecond: 5,
      maxDownloadSpeedBytesPerSecond: 7,
    });
    expect(limited.readonly).toBe(true);
  });
});

describe('environment', () => {
  const paths = { config: '/w/c', logDir: '/w/l', memoryLimit: '256MiB' };
  test('secrets are there, and nothing of the parent that could change what kopia does', () => {
    const parent = {
      ...{
        PATH: '/bin',
        HTTPS_PROXY: 'http://proxy',
        KOPIA_CACHE_DIRECTORY: '/x',
        KOPIA_BYTES_STRING_BASE_2: '1',
      },
      ...{ AWS_PROFILE: 'other', CARAVEL_MOVER_SPEC: '{}' },
    };
    const environment = kopiaEnvironment(parent, KEYS, paths);
    expect(environment).toMatchObject({
      ...{ PATH: '/bin', HTTPS_PROXY: 'http://proxy', KOPIA_PASSWORD: 'pass word' },
      ...{ AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 's3cret/+', AWS_SESSION_TOKEN: 'tok=en' },
    });
    for (const name of [
      'KOPIA_CACHE_DIRECTORY',
      'KOPIA_BYTES_STRING_BASE_2',
      'AWS_PROFILE',
      'CARAVEL_MOVER_SPEC',
    ])
      expect(environment).not.toHaveProperty(name);
  });
  test("without keys of ours the cloud's own are left to kopia", () => {
    const environment = kopiaEnvironment(
      { AWS_WEB_IDENTITY_TOKEN_FILE: '/t' },
      { ...KEYS, accessKeyId: '' },
      paths,
    );
    expect(environment).toMatchObject({ AWS_WEB_IDENTITY_TOKEN_FILE: '/t' });
    expect(environment).not.toHaveProperty('AWS_SECRET_ACCESS_KEY');
  });
  test('kopia has room for its readers, unless the parent says how much it may take', () => {
    expect(memoryLimit({ readers: LIMITS.parallelUp })).toBe('256MiB');
    expect(memoryLimit({ readers: LIMITS.parallelDown, readonly: true })).toBe('260MiB');
    expect(memoryLimit({ readers: 16 })).toBe('516MiB');
    expect(memoryLimit({})).toBe('256MiB');
    expect(kopiaEnvironment({}, KEYS, paths)).toMatchObject({ GOMEMLIMIT: '256MiB' });
    expect(kopiaEnvironment({ GOMEMLIMIT: '1GiB' }, KEYS, paths)).toMatchObject({ GOMEMLIMIT: '1GiB' });
  });
});

describe('command lines', () => {
  const options = {
    ...{ path: '/volume', stdin: false, source: 'default@default:x', runUid: 'uid' },
    ...{ tags: { a: 'b' }, parallel: 8, checkpointSeconds: 180 },
  };
  test('snapshot create', () => {
    const args = snapshotCreate(options);
    for (const flag of ['--fail-fast', '--json', '--pin=velero-pin', '--tags=a:b', '--tags=caravel-run:uid'])
      expect(args).toContain(flag);
    expect(args).toContain('--checkpoint-interval=180s');
    expect(args.some((arg) => arg.startsWith('--stdin-file'))).toBe(false);
  });
  test('kopia refuses intervals above 45 minutes, and 0 would be its own default', () => {
    expect(snapshotCreate({ ...options, checkpointSeconds: 9_999 })).toContain('--checkpoint-interval=2700s');
    expect(snapshotCreate({ ...options, checkpointSeconds: 0 })).toContain('--checkpoint-interval=1s');
  });
  test('a block volume has the same name for root and file', () => {
    const args = snapshotCreate({ ...options, path: '/du-1', stdin: true });
    expect(args.slice(0, 4)).toEqual(['snapshot', 'create', '/du-1', '--stdin-file=/du-1']);
  });
  test('restore', () => {
    const args = snapshotRestore({
      ...{ snapshotId: 'a1', target: '/v.zip', parallel: 16, sparse: true },
      ...{ skipExisting: true, ignorePermissions: false },
    });
    for (const flag of [
      '--mode=local',
      '--write-sparse-files',
      '--skip-existing',
      '--no-ignore-permission-errors',
    ])
      expect(args).toContain(flag);
  });
  test('create and serve', () => {
    expect(repositoryCreate(SPEC)).toContain('--create-only');
    expect(repositoryCreate(SPEC)).not.toContain('--disable-tls');
    expect(repositoryCreate({ ...SPEC, tls: false })).toContain('--disable-tls');
    expect(serverStart('/w/s')).toContain('--address=unix:/w/s');
  });
});

describe('policies', () => {
  const file = { source: 'u@h:file', volumeMode: 'Filesystem' } as const;
  const block = { source: 'u@h:block', volumeMode: 'Block' } as const;
  test('nothing is left out and nothing expires', () => {
    const policy = sourcePolicy() as { files: Record<string, unknown>; retention: Record<string, unknown> };
    expect(policy.files['ignoreCacheDirs']).toBe(false);
    expect(policy.files['ignoreDotFiles']).not.toContain('.kopiaignore');
    expect(policy.retention['keepLatest']).toBe(2_147_483_647);
  });
  test('a new block source gets a fixed splitter, an old one keeps its own', () => {
    expect(missingPolicies({}, [block])?.['u@h:block']).toMatchObject({
      splitter: { algorithm: 'FIXED-4M' },
    });
    const velero = { retention: { keepLatest: 2_147_483_647 }, splitter: {} };
    expect(missingPolicies({ 'u@h:block': velero }, [block])?.['u@h:block']).not.toHaveProperty('splitter');
    const dynamic = sourcePolicy({ splitter: 'DYNAMIC-8M-BUZHASH' });
    expect(missingPolicies({ 'u@h:block': dynamic }, [block])).toBeUndefined();
  });
  test('equal ones are not written again, whatever empty parts kopia prints', () => {
    const printed = {
      ...sourcePolicy(),
      actions: {},
      logging: { directories: {}, entries: {} },
      splitter: {},
    };
    expect(missingPolicies({ 'u@h:file': printed }, [file])).toBeUndefined();
    expect(missingPolicies({ 'u@h:file': { ...printed, compression: {} } }, [file, block])).toEqual({
      'u@h:file': sourcePolicy(),
      'u@h:block': sourcePolicy({ splitter: 'FIXED-4M' }),
    });
  });
});

describe('redaction', () => {
  const clean = redactor([
    KEYS.secretAccessKey,
    KEYS.sessionToken,
    KEYS.password,
    undefined,
    'ab',
    'pass word 2',
  ]);
  test('as text, in a URL, in JSON', () => {
    expect(clean(`x ${KEYS.secretAccessKey} ${encodeURIComponent(KEYS.secretAccessKey)}`)).toBe(
      'x [hidden] [hidden]',
    );
    expect(redactor(['a"b\\c'])(JSON.stringify({ key: 'a"b\\c' }))).toBe('{"key":"[hidden]"}');
  });
  test('the longer secret first, too short ones not at all', () => {
    expect(clean('pass word 2')).toBe('[hidden]');
    expect(clean('cab')).toBe('cab');
  });
});
