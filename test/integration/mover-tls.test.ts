import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RepositorySpec } from '../../contracts/mover.ts';
import { initialiseRepository } from '../../platform/kopia/repository.ts';
import { startKopiaLab } from '../support/kopia-lab.ts';
import type { KopiaLab } from '../support/kopia-lab.ts';
import { backupSpec, resultOf } from '../support/mover-specs.ts';
import { startS3Server } from '../support/s3-server.ts';
import type { S3Server } from '../support/s3-server.ts';
import { fillRandom } from '../support/tree.ts';

/** A store with a certificate of a private authority, as on-premises stores have it. */
describe('a store over TLS', () => {
  const dir = mkdtempSync(join(tmpdir(), 'caravel-tls-'));
  const file = (name: string) => join(dir, name);
  let lab: KopiaLab;
  let server: S3Server;
  let repository: RepositorySpec;

  beforeAll(async () => {
    const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('key')];
    execFileSync('openssl', ['req', '-x509', ...key, '-out', file('cert'), '-days', '2', ...names], {
      stdio: 'ignore',
    });
    const ca = readFileSync(file('cert'), 'utf8');
    lab = await startKopiaLab();
    server = await startS3Server({ tls: { cert: file('cert'), key: file('key'), ca } });
    repository = {
      ...{ bucket: await server.createBucket(), prefix: 'tls/kopia/shop/', region: 'us-east-1' },
      ...{ endpoint: new URL(server.endpoint).host, tls: true, skipTlsVerify: false },
      caBase64: Buffer.from(ca).toString('base64'),
    };
    await initialiseRepository(lab.access(repository));
  });
  afterAll(async () => {
    await server.stop();
    await lab.close();
    rmSync(dir, { recursive: true });
  });

  const mover = (spec: RepositorySpec) => {
    const volume = lab.folder('volume');
    fillRandom(volume, 1, 1_000);
    return lab.startMover(backupSpec(spec), { volume });
  };

  test('is trusted by its authority, or without looking when it says so', async () => {
    const { caBase64, ...untrusted } = repository;
    expect(caBase64).toBeDefined();
    expect((await resultOf(mover(repository))).files).toBe(1);
    expect((await resultOf(mover({ ...untrusted, skipTlsVerify: true }))).files).toBe(1);
  });

  test('is refused at once when nothing vouches for it', async () => {
    const { caBase64, ...untrusted } = repository;
    expect(caBase64).toBeDefined();
    const from = performance.now();
    const { last } = await mover(untrusted).done;
    expect(last).toMatchObject({ t: 'error', code: 'StoreUnavailable', retryable: false });
    expect(performance.now() - from).toBeLessThan(15_000);
  });
});
