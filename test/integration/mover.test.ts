import { readFileSync, statSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MoverSpec, RepositorySpec, TransferResult } from '../../contracts/mover.ts';
import {
  initialiseRepository,
  readRunSnapshots,
  readSnapshotManifests,
} from '../../platform/kopia/repository.ts';
import { ensureRepositoryPolicies } from '../../platform/kopia/repository.ts';
import { removeHalfMade } from '../../platform/kopia/probe.ts';
import { createS3Store } from '../../platform/store/s3-store.ts';
import { commandLine, PASSWORD, startKopiaLab } from '../support/kopia-lab.ts';
import type { KopiaLab, MoverRun } from '../support/kopia-lab.ts';
import { addWhatKopiaDrops, describeTree, fillRandom, makeTree } from '../support/tree.ts';
import { backupSpec, resultOf, restoreSpec } from '../support/mover-specs.ts';

let lab: KopiaLab;
let repository: RepositorySpec;

beforeAll(async () => {
  lab = await startKopiaLab();
  repository = await lab.createRepository();
});
afterAll(() => lab.close());

const backUp = (volume: string, changes: Partial<MoverSpec> = {}) =>
  resultOf(lab.startMover(backupSpec(repository, changes), { volume }));

async function restoreTo(
  volume: string,
  snapshotId: string,
  changes: Partial<MoverSpec> = {},
): Promise<MoverRun> {
  const run = lab.startMover(restoreSpec(repository, snapshotId, changes), { volume });
  await run.waitFor('result');
  return run;
}

describe('repository', () => {
  test('is created once, and has the id that Velero expects in its mark', async () => {
    const { bucket } = repository;
    const again = await initialiseRepository(lab.access(repository));
    expect(again.created).toBe(false);
    const store = createS3Store(lab.server.config(bucket));
    const blob = JSON.parse((await store.get(`${repository.prefix}kopia.repository`)).toString()) as {
      uniqueID: string;
    };
    store.close();
    expect(again.uniqueId).toBe(blob.uniqueID);
  });

  test('a creation that was killed half way is taken up, once its creator is surely dead', async () => {
    const spec = { ...repository, prefix: 'half/kopia/shop/' };
    const store = createS3Store(lab.server.config(spec.bucket));
    await store.put(`${spec.prefix}kopia.blobcfg`, 'left behind');
    await expect(initialiseRepository(lab.access(spec))).rejects.toMatchObject({ retryable: true });
    const later = Date.now() + 3_600_000;
    expect(await removeHalfMade(spec, lab.credentials, later)).toBe('removed');
    expect(await initialiseRepository(lab.access(spec))).toMatchObject({ created: true });
    expect(await removeHalfMade(spec, lab.credentials, later)).toBe('other');
    store.close();
  });

  test('refuses another password, a missing bucket and a wrong key by their own codes', async () => {
    const attempt = (changes: Parameters<KopiaLab['access']>[1], spec = repository) =>
      initialiseRepository(lab.access(spec, changes));
    const { credentials } = lab;
    await expect(attempt({ credentials: { ...credentials, password: 'other' } })).rejects.toMatchObject({
      code: 'RepositoryPassword',
    });
    await expect(attempt({}, { ...repository, bucket: 'no-such-bucket' })).rejects.toMatchObject({
      code: 'StoreBucketMissing',
    });
    await expect(attempt({ credentials: { ...credentials, accessKeyId: 'nobody' } })).rejects.toMatchObject({
      code: 'StoreAccessDenied',
    });
  });

  test('policies of many sources are written in one go, and only when they differ', async () => {
    const sources = [1, 2, 3].map((number) => ({
      source: `default@default:snapshot-data-upload-download/kopia/shop/many-${number}`,
      volumeMode: number === 3 ? ('Block' as const) : ('Filesystem' as const),
    }));
    expect(await ensureRepositoryPolicies(lab.access(repository), sources)).toEqual({ written: 3 });
    expect(await ensureRepositoryPolicies(lab.access(repository), sources)).toEqual({ written: 0 });
  });
});

describe('filesystem', () => {
  test('a round trip keeps every byte, mode, owner, time, link, hole and name', async () => {
    const [source, target] = [lab.folder('source'), lab.folder('target')];
    makeTree(source);
    const result = await backUp(source);
    const run = await restoreTo(target, result.snapshotId);
    expect(describeTree(target)).toEqual(describeTree(source));
    expect(statSync(`${target}/sparse`).blocks * 512).toBeLessThan(8_000_000);
    expect(result).toMatchObject({ files: 14, symlinks: 2, notKept: {} });
    const restored = run.events.findLast(({ t }) => t === 'result') as { result: TransferResult };
    expect(restored.result).toMatchObject({ bytesTotal: result.bytesTotal, files: 14, symlinks: 2 });
    run.signal('SIGTERM');
    expect((await run.done).code).toBe(0);
  });

  test('an empty volume is a valid snapshot', async () => {
    const result = await backUp(lab.folder('empty'), { source: sourceOf('empty') });
    expect(result).toMatchObject({ bytesTotal: 0, files: 0, dirs: 1 });
    const target = lab.folder('target');
    const run = await restoreTo(target, result.snapshotId);
    run.signal('SIGTERM');
    expect(describeTree(target)).toHaveLength(1);
  });

  test('what Kopia cannot keep is counted', async () => {
    const source = lab.folder('odd');
    addWhatKopiaDrops(source);
    const result = await backUp(source, { source: sourceOf('odd') });
    expect(result.notKept).toEqual({ hardLinks: 2, fifos: 1, devices: 1 });
    expect(result.files).toBe(3);
  });

  test('an unchanged volume sends almost nothing, and the policy stays as it is', async () => {
    const source = lab.folder('again');
    fillRandom(source, 3, 3_000_000);
    const first = await backUp(source, { source: sourceOf('again') });
    const sent = lab.gate.bytesUp;
    const second = await backUp(source, { source: sourceOf('again'), runUid: 'run-2' });
    expect(second.snapshotId).not.toBe(first.snapshotId);
    expect(second.bytesUploaded).toBeLessThan(50_000);
    expect(lab.gate.bytesUp - sent).toBeLessThan(200_000);
  });

  test('a second attempt takes the snapshot that the first one finished', async () => {
    const source = lab.folder('twice');
    fillRandom(source, 2, 100_000);
    const changes = { source: sourceOf('twice'), runUid: 'run-twice' };
    const first = await backUp(source, changes);
    const second = await backUp(source, { ...changes, attempt: 2 });
    expect(second).toMatchObject({
      snapshotId: first.snapshotId,
      bytesTotal: first.bytesTotal,
      bytesUploaded: 0,
    });
    expect(await readRunSnapshots(lab.access(repository), 'run-twice')).toHaveLength(1);
  });

  test('the manifest is as Velero makes it: source, description, pin', async () => {
    const source = lab.folder('velero');
    fillRandom(source, 1, 10);
    const { snapshotId } = await backUp(source, { source: sourceOf('velero') });
    const [manifest] = await readSnapshotManifests(lab.access(repository), [snapshotId]);
    expect(manifest).toMatchObject({
      source: { userName: 'default', host: 'default', path: sourceOf('velero').split(':')[1] },
      description: 'Kopia Uploader',
      pins: ['velero-pin'],
      tags: { 'tag:caravel-run': 'run-1', 'tag:snapshot-uploader': 'kopia' },
    });
  });

  test('limits of speed hold in both directions', async () => {
    const [source, target] = [lab.folder('slow'), lab.folder('target')];
    fillRandom(source, 5, 14_000_000);
    // Kopia grants six seconds' worth at once, then the stated rate.
    const limited = { uploadLimit: 8_000_000, downloadLimit: 8_000_000 };
    const up = await backUp(source, { source: sourceOf('slow'), ...limited });
    expect(up.stagesMs['kopia']).toBeGreaterThan(2_500);
    const run = await restoreTo(target, up.snapshotId, limited);
    const down = run.events.findLast(({ t }) => t === 'result') as { result: TransferResult };
    run.signal('SIGTERM');
    expect(down.result.stagesMs['kopia']).toBeGreaterThan(2_500);
  });

  test('a volume that has files already, as lost+found, takes the snapshot in', async () => {
    const [source, target] = [lab.folder('source'), lab.folder('target')];
    fillRandom(source, 2, 1_000);
    execFileSync('mkdir', [`${target}/lost+found`]);
    const { snapshotId } = await backUp(source, { source: sourceOf('found') });
    const run = await restoreTo(target, snapshotId);
    run.signal('SIGTERM');
    const extra = describeTree(target).filter((line) => !line.includes('lost+found'));
    expect(extra).toEqual(describeTree(source));
  });
});

describe('the process', () => {
  test('shows no secret in command lines, output, termination log and configuration', async () => {
    const source = lab.folder('secrets');
    fillRandom(source, 3, 3_000_000);
    const spec = backupSpec(repository, { source: sourceOf('secrets'), uploadLimit: 4_000_000 });
    const run = lab.startMover(spec, { volume: source });
    const seen: string[] = [];
    const timer = setInterval(() => {
      for (const pid of run.kopias()) seen.push(commandLine(pid).join(' '));
    }, 20);
    const { code } = await run.done;
    clearInterval(timer);
    expect(code).toBe(0);
    expect(seen.some((line) => line.includes('snapshot create'))).toBe(true);
    const config = readFileSync(
      run.terminationLog.replace('termination-log', 'work/repository.config'),
      'utf8',
    );
    const said = [...seen, run.text(), readFileSync(run.terminationLog, 'utf8'), config].join('\n');
    for (const secret of [PASSWORD, lab.credentials.secretAccessKey]) expect(said).not.toContain(secret);
  });

  test('the termination log holds the result', async () => {
    const source = lab.folder('log');
    const run = lab.startMover(backupSpec(repository, { source: sourceOf('log') }), { volume: source });
    const { last } = await run.done;
    expect(JSON.parse(readFileSync(run.terminationLog, 'utf8'))).toEqual(last);
  });

  test('a restore stays until it is told to go', async () => {
    const { snapshotId } = await backUp(lab.folder('stay'), { source: sourceOf('stay') });
    const run = await restoreTo(lab.folder('target'), snapshotId);
    const early = await Promise.race([
      run.done,
      new Promise((resolve) => setTimeout(resolve, 1_000, 'running')),
    ]);
    expect(early).toBe('running');
    run.signal('SIGTERM');
    expect((await run.done).code).toBe(0);
  });

  test('refuses a spec that cannot be right, naming what is wrong', async () => {
    const spec = { ...backupSpec(repository), source: 'nonsense', direction: 'sideways' as 'backup' };
    const run = lab.startMover(spec, { volume: lab.folder('volume') });
    const { code, last } = await run.done;
    expect(code).toBe(1);
    expect(last).toMatchObject({ t: 'error', code: 'InvalidInput', retryable: false });
    expect(last).toMatchObject({ message: expect.stringMatching(/direction.*source/) as string });
  });
});

const sourceOf = (claim: string) => `default@default:snapshot-data-upload-download/kopia/shop/${claim}`;
