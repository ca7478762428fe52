import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GVR } from '../../contracts/api/gvr.ts';
import type { DataUpload } from '../../contracts/api/data-movement.ts';
import type { DownloadRequest } from '../../contracts/api/requests.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { labEnv } from '../../lab/env.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { Gvr } from '../../platform/kube/types.ts';
import { createApplication, fillVolume } from '../support/application.ts';
import { velero, veleroProgram } from '../support/command-lines.ts';
import type { Said } from '../support/command-lines.ts';
import { until } from '../support/processes.ts';
import { createWorld, runToEnd } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** The stock velero command line as a client of Caravel: every answer is there, and true. */

const APP = 'e2e-velero-cli-app';
let world: World;
let folder: string;
/** What `version` and `plugin get` left behind. */
let asked: string[];

const good = async (...args: string[]): Promise<string> => {
  const said = await velero(world, args, folder);
  expect(said, said.err + said.out).toMatchObject({ code: 0 } satisfies Partial<Said>);
  expect(said.err).toBe('');
  return said.out;
};

describe.skipIf(veleroProgram(labEnv()) === undefined)('velero 1.18 against Caravel', () => {
  beforeAll(async () => {
    world = await createWorld('e2e-velero-cli');
    folder = mkdtempSync(join(tmpdir(), 'velero-cli-'));
    await createApplication(world, APP, { files: {}, spare: {} });
    await fillVolume(world, APP, 'files', 3, 2_000_000);
    await world.startWorker();
  });

  afterAll(async () => {
    await world?.stop([APP]);
    rmSync(folder, { recursive: true, force: true });
  });

  test('version: the server is there, and of the same Velero', async () => {
    const out = await good('version');
    expect(out).toMatch(/Client:\s+Version: /);
    expect(out).toMatch(/Server:\s+Version: v1\.18\.0\+caravel\.\d/);
    expect(out).not.toContain('error getting server version');
  });

  test('plugin get: what is built in', async () => {
    expect(await good('plugin', 'get')).toMatch(/velero\.io\/aws +ObjectStore/);
    const requests = await world.kube.list(GVR.serverStatusRequests, { namespace: world.name });
    asked = requests.map(({ metadata }) => metadata.name);
  });

  test('backup-location get: the default location is Available', async () => {
    const out = await until(async () => {
      const said = await good('backup-location', 'get');
      return said.includes('Available') ? said : undefined;
    }, 'the location is tested');
    expect(out).toMatch(
      /default +aws +\S+\/e2e-velero-cli +Available +\d{4}-\S+ \S+ \S+ \S+ +ReadWrite +true/,
    );
  });

  test('backup create --wait: waits for the end', async () => {
    const out = await good(
      'backup',
      'create',
      'one',
      '--include-namespaces',
      APP,
      '--snapshot-move-data',
      '--wait',
    );
    expect(out).toContain('Backup completed with status: Completed');
  });

  test('backup get: one line with what matters', async () => {
    expect(await good('backup', 'get')).toMatch(/one +Completed +0 +0 +\d{4}-.* 29d +default +<none>/);
  });

  test('backup describe --details: volumes, operations and objects', async () => {
    const out = await good('backup', 'describe', 'one', '--details');
    expect(out).toMatch(/Phase: +Completed/);
    expect(out).toMatch(/Namespaces:\s+Included: +e2e-velero-cli-app/);
    expect(out).toMatch(/Storage Location: +default/);
    expect(out).toMatch(/Total items to be backed up: +\d+\nItems backed up: +\d+/);
    // Operations.
    expect(out).toMatch(/Operation for persistentvolumeclaims e2e-velero-cli-app\/files:/);
    expect(out).toMatch(/Backup Item Action Plugin: +velero\.io\/csi-pvc-backupper/);
    expect(out).toMatch(/Phase: +Completed[^]*Progress: +6000000 of 6000000 complete \(Bytes\)/);
    // Objects.
    expect(out).toMatch(
      /v1\/PersistentVolumeClaim:\n +- e2e-velero-cli-app\/files\n +- e2e-velero-cli-app\/spare/,
    );
    expect(out).toMatch(/velero\.io\/v2alpha1\/DataUpload:/);
    // Volumes.
    expect(out).toMatch(/CSI Snapshots:\n +e2e-velero-cli-app\/files:\n +Data Movement:/);
    expect(out).toMatch(/Data Mover: velero\n +Uploader Type: kopia/);
    expect(out).toMatch(/Moved data Size \(bytes\): 6000000/);
    expect(out).toMatch(/Result: succeeded/);
    expect(out).not.toMatch(/error|<nil>|not found/i);
  });

  test('backup describe -o json: the same for programs', async () => {
    const described = JSON.parse(await good('backup', 'describe', 'one', '--details', '-o', 'json'));
    expect(described).toMatchObject({ metadata: { name: 'one' }, phase: 'Completed' });
    expect(described.status.backupVolumes.csiSnapshots[`${APP}/files`]).toMatchObject({
      dataMovement: { dataMover: 'velero', uploaderType: 'kopia', size: 6_000_000, result: 'succeeded' },
    });
    expect(described.status.resourceList['v1/PersistentVolumeClaim']).toEqual([
      `${APP}/files`,
      `${APP}/spare`,
    ]);
  });

  test('backup logs: Velero’s lines', async () => {
    const lines = (await good('backup', 'logs', 'one')).trim().split('\n');
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) {
      expect(line).toMatch(/^time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" level=(info|warning|error) msg=/);
    }
  });

  test('backup download: the tarball that is in the bucket', async () => {
    expect(await good('backup', 'download', 'one')).toContain('one-data.tar.gz');
    const saved = readFileSync(join(folder, 'one-data.tar.gz'));
    expect(saved.equals(await world.store.get('backups/one/one.tar.gz'))).toBe(true);
    expect(gunzipSync(saved).includes('metadata/version')).toBe(true);
  });

  test('the DataUpload of a volume has all fields of Velero, and they are true', async () => {
    const uploads = await world.kube.list<DataUpload>(GVR.dataUploads, {
      namespace: world.name,
      labelSelector: 'velero.io/backup-name=one',
    });
    const upload = uploads.find(({ spec }) => spec.sourcePVC === 'files');
    const nodes = await world.kube.list(GVRS.nodes);
    expect(upload?.status).toEqual({
      phase: 'Completed',
      message: '',
      path: '/data/volume',
      node: nodes[0]?.metadata.name,
      nodeOS: 'linux',
      snapshotID: expect.stringMatching(/^[0-9a-f]{32}$/),
      incrementalBytes: 6_000_000,
      progress: { totalBytes: 6_000_000, bytesDone: 6_000_000 },
      acceptedTimestamp: expect.any(String),
      startTimestamp: expect.any(String),
      completionTimestamp: expect.any(String),
    });
    const { acceptedTimestamp = '', startTimestamp = '', completionTimestamp = '' } = upload?.status ?? {};
    expect([acceptedTimestamp, startTimestamp, completionTimestamp]).toEqual(
      [acceptedTimestamp, startTimestamp, completionTimestamp].sort(),
    );
    expect(upload?.spec).toMatchObject({
      snapshotType: 'CSI',
      csiSnapshot: { storageClass: 'caravel-csi', snapshotClass: 'caravel-csi', driver: 'csi.caravel.dev' },
      sourceNamespace: APP,
      backupStorageLocation: 'default',
      operationTimeout: '10m0s',
    });
  });

  test('repo get: the repository of the namespace is Ready', async () => {
    expect(await good('repo', 'get')).toMatch(/e2e-velero-cli-app-default-kopia +Ready +/);
  });

  test('a backup that was not what was asked for says why', async () => {
    const out = await velero(world, [
      'backup',
      'create',
      'gone',
      '--include-namespaces',
      `${APP},none`,
      '--wait',
    ]);
    expect(out.out).toContain('Backup completed with status: PartiallyFailed');
    const described = await good('backup', 'describe', 'gone');
    expect(described).toMatch(/Phase: +PartiallyFailed/);
    expect(described).toMatch(/Errors:[^]*none/);
    // The command line itself refuses most of what is wrong.
    const bad = await runToEnd(world, 'Backup', 'bad', { includedNamespaces: ['Not_A_Name'] });
    expect(bad.status?.phase).toBe('FailedValidation');
    const begun = Date.now();
    expect(await good('backup', 'describe', 'bad')).toMatch(/Validation errors: +Invalid included/);
    // Nothing has to run into its time limit.
    expect(Date.now() - begun).toBeLessThan(10_000);
    const log = await velero(world, ['backup', 'logs', 'bad']);
    expect(log.code).not.toBe(0);
  });

  test('restore create, describe --details, logs', async () => {
    await world.kube.remove(GVRS.namespaces, undefined, APP);
    await world.kube.waitFor(GVRS.namespaces, undefined, APP, (found) => (found ? undefined : true), {
      timeoutMs: 120_000,
    });
    const out = await good('restore', 'create', 'back', '--from-backup', 'one', '--wait');
    expect(out).toContain('Restore completed with status: Completed');
    const described = await good('restore', 'describe', 'back', '--details');
    expect(described).toMatch(/Phase: +Completed/);
    expect(described).toMatch(/v1\/PersistentVolumeClaim:\n +- e2e-velero-cli-app\/files\(created\)/);
    expect(described).toMatch(/CSI Snapshot Restores:\n +e2e-velero-cli-app\/files:/);
    expect(await good('restore', 'logs', 'back')).toMatch(/level=info msg=/);
  });

  test('what command lines asked for goes again', async () => {
    expect(asked).toHaveLength(2);
    const left = async (gvr: Gvr) => {
      const requests = await world.kube.list(gvr, { namespace: world.name });
      return requests.map(({ metadata }) => metadata.name);
    };
    const all = [...asked, ...(await endDownloads())];
    await until(
      async () => {
        const still = [...(await left(GVR.downloadRequests)), ...(await left(GVR.serverStatusRequests))];
        return all.every((name) => !still.includes(name)) || undefined;
      },
      'the requests are gone',
      TIMEOUTS.statusAnswer + TIMEOUTS.requestSweep + 15_000,
    );
  });

  /** Nobody waits for the ten minutes that a link works. */
  async function endDownloads(): Promise<string[]> {
    const requests = await world.kube.list<DownloadRequest>(GVR.downloadRequests, { namespace: world.name });
    for (const { metadata, status } of requests) {
      const lives = Date.parse(status?.expiration ?? '') - Date.now();
      expect(lives, metadata.name).toBeLessThanOrEqual(TIMEOUTS.downloadLink);
      const expiration = new Date(Date.now() - 1_000).toISOString();
      await world.kube.patch(GVR.downloadRequests, world.name, metadata.name, { status: { expiration } });
    }
    expect(requests).not.toEqual([]);
    return requests.map(({ metadata }) => metadata.name);
  }
});
