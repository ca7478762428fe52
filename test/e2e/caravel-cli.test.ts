import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scratchOwner } from '../../activities/support/scratch-owner.ts';
import type { BackupPreview } from '../../contracts/preview.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import { formatScratchOwner } from '../../core/format/scratch-owner.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { depsOf } from '../support/deps.ts';
import { createApplication, fillVolume } from '../support/application.ts';
import { caravel } from '../support/command-lines.ts';
import { leftovers } from '../support/leftovers.ts';
import { until } from '../support/processes.ts';
import { createWorld, runToEnd } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** Reading by the caravel command line, without access to the bucket; planning without making a backup. */

const APP = 'e2e-caravel-cli-app';
let world: World;
let folder: string;

beforeAll(async () => {
  world = await createWorld('e2e-caravel-cli');
  folder = mkdtempSync(join(tmpdir(), 'caravel-cli-'));
  await createApplication(world, APP, { files: {}, block: { block: true, size: '64Mi' } });
  await fillVolume(world, APP, 'files', 3, 2_000_000);
  await world.kube.create(GVRS.persistentvolumeclaims, APP, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'waiting' },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'caravel-csi-wffc',
      resources: { requests: { storage: '1Gi' } },
    },
  });
  await world.startWorker();
});

afterAll(async () => {
  await world?.stop([APP]);
  rmSync(folder, { recursive: true, force: true });
});

const plan = async (...args: string[]) => {
  const said = await caravel(world, ['backup', 'plan', ...args, '-o', 'json'], { temporal: true });
  return { ...said, preview: JSON.parse(said.out) as BackupPreview };
};

test('a plan tells what would be in the backup, how each volume is protected, and what is wrong', async () => {
  const { code, preview, err } = await plan('nightly', '--include-namespaces', APP);
  expect(err).toBe('');
  // Of the claim that nothing has bound.
  expect(code).toBe(2);
  expect(preview.expectedPhase).toBe('PartiallyFailed');
  expect(preview.namespaces).toEqual([APP]);
  const methods = Object.fromEntries(preview.volumes.map(({ volume, method }) => [volume, method]));
  expect(methods).toEqual({ files: 'data-mover', block: 'data-mover', waiting: 'failed' });
  expect(preview.volumes.find(({ volume }) => volume === 'files')).toMatchObject({
    bytes: 1024 ** 3,
    bytesFrom: 'capacity',
    reason: expect.stringContaining('CSI snapshot of class'),
  });
  expect(preview.problems.map(({ code: each, name }) => `${each} ${name}`)).toEqual([
    'ClaimNotBound waiting',
  ]);
});

test('nothing is left of it, in the cluster or in the bucket', async () => {
  expect(await world.kube.list(GVR.backups, { namespace: world.name })).toEqual([]);
  expect(await world.store.folders('backups/')).toEqual([]);
  expect(await leftovers(world)).toEqual([]);
});

test('the backup that is made then is what was planned', async () => {
  const { preview } = await plan('--include-namespaces', APP);
  const backup = await runToEnd(world, 'Backup', 'nightly', { includedNamespaces: [APP] });
  expect(backup.status?.phase).toBe(preview.expectedPhase);
  const { out } = await caravel(world, ['backup', 'describe', 'nightly', '--details', '-o', 'json']);
  const { resources } = (JSON.parse(out) as { details: { resources: Record<string, string[]> } }).details;
  const { 'velero.io/v2alpha1/DataUpload': uploads = [], ...objects } = resources;
  expect(uploads).toHaveLength(2);
  const counts = Object.fromEntries(Object.entries(objects).map(([kind, names]) => [kind, names.length]));
  expect(counts).toEqual(preview.resources);
  const again = await plan('--include-namespaces', APP);
  expect(again.preview.volumes.find(({ volume }) => volume === 'files')).toMatchObject({
    bytes: 6_000_000,
    bytesFrom: 'lastBackup',
  });
});

test('a name that is taken and a spec that is wrong are told at once, all of it', async () => {
  const { code, preview } = await plan(
    'nightly',
    '--include-namespaces',
    'a**',
    '--storage-location',
    'none',
  );
  expect(code).toBe(3);
  const errors = preview.validationErrors.join('\n');
  expect(errors).toMatch(/consecutive asterisks[^]*none/);
  expect((await plan('nightly', '--include-namespaces', APP)).preview.validationErrors).toEqual([
    expect.stringContaining('BackupExists'),
  ]);
});

test('a plan may be started in the Temporal UI, under any id', async () => {
  const handle = await world.temporal.workflow.start('previewBackup', {
    workflowId: `ui-${world.name}`,
    taskQueue: world.name,
    args: [{ spec: { includedNamespaces: [APP] } }],
  });
  expect(await handle.result()).toMatchObject({ expectedPhase: 'PartiallyFailed', namespaces: [APP] });
  expect(await world.store.folders('backups/')).toEqual(['nightly']);
});

test('scratch of a plan that was terminated is swept, that of a running one is not', async () => {
  const scratch = (uid: string) => `backups/plan-${uid}/.caravel/${uid}/owner`;
  const idOf = (uid: string) => `previewBackup/${world.name}/${world.name}/${uid}`;
  for (const uid of ['lost', 'alive']) {
    const owner = await scratchOwner(depsOf(world).deps, idOf(uid));
    await world.store.put(scratch(uid), formatScratchOwner(owner));
  }
  // Nobody asks this queue for work, so it stays as it is.
  const alive = await world.temporal.workflow.start('previewBackup', {
    workflowId: idOf('alive'),
    taskQueue: 'nobody',
    args: [{ spec: {} }],
  });
  await world.temporal.workflow.execute('collectGarbage', {
    workflowId: `collectGarbage/${world.name}/test`,
    taskQueue: world.name,
    args: [{ cluster: world.name, namespace: world.name }],
  });
  expect(await world.store.head(scratch('lost'))).toBeUndefined();
  expect(await world.store.head(scratch('alive'))).toBeDefined();
  await alive.terminate();
  await world.store.removeAll('backups/plan-alive/');
});

test('describe --details shows volumes, operations, objects and errors', async () => {
  const { code, out, err } = await caravel(world, ['backup', 'describe', 'nightly', '--details']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/Errors\n +- e2e-caravel-cli-app: .*waiting/);
  expect(out).toMatch(/VOLUME +METHOD +RESULT +BYTES +SNAPSHOT/);
  expect(out).toMatch(/e2e-caravel-cli-app\/files +CSISnapshot, data moved +succeeded +5\.7 MiB +[0-9a-f]+/);
  expect(out).toMatch(/v1\/PersistentVolumeClaim:/);
});

test('logs prints the log, download saves the tarball', async () => {
  const log = await caravel(world, ['backup', 'logs', 'nightly']);
  expect(log.code).toBe(0);
  expect(log.out).toMatch(/^time="[^"]+" level=info msg=/);
  expect(log.out).toContain('ClaimNotBound');
  const saved = await caravel(world, ['backup', 'download', 'nightly'], { cwd: folder });
  expect(saved).toMatchObject({ code: 0, out: expect.stringContaining('nightly-data.tar.gz') });
  const stored = await world.store.get('backups/nightly/nightly.tar.gz');
  expect(readFileSync(join(folder, 'nightly-data.tar.gz')).equals(stored)).toBe(true);
  const again = await caravel(world, ['backup', 'download', 'nightly'], { cwd: folder });
  expect(again).toMatchObject({ code: 3, err: expect.stringContaining('is there already') });
  expect(existsSync(join(folder, 'nightly-data.tar.gz.part'))).toBe(false);
});

test('what a run has not got is said, without waiting', async () => {
  await runToEnd(world, 'Backup', 'refused', { includedNamespaces: ['Not_A_Name'] });
  const log = await caravel(world, ['backup', 'logs', 'refused']);
  expect(log).toMatchObject({ code: 1, err: expect.stringContaining('is FailedValidation and has no log') });
  expect((await caravel(world, ['backup', 'describe', 'refused', '--details'])).code).toBe(0);
  expect(await caravel(world, ['backup', 'logs', 'never'])).toMatchObject({
    code: 3,
    err: expect.stringContaining('there is no backup "never"'),
  });
});

test('no request of a command line is left', async () => {
  const left = () => world.kube.list(GVR.downloadRequests, { namespace: world.name });
  await until(async () => ((await left()).length === 0 ? true : undefined), 'the requests are gone');
});
