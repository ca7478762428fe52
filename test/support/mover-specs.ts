import type { MoverSpec, RepositorySpec, TransferResult } from '../../contracts/mover.ts';
import type { MoverRun } from './kopia-lab.ts';

export const backupSpec = (repository: RepositorySpec, changes: Partial<MoverSpec> = {}): MoverSpec => ({
  version: 1,
  direction: 'backup',
  attempt: 1,
  runUid: 'run-1',
  volumeMode: 'Filesystem',
  repository,
  source: 'default@default:snapshot-data-upload-download/kopia/shop/data',
  tags: { 'snapshot-requester': 'snapshot-data-upload-download', 'snapshot-uploader': 'kopia' },
  parallel: 0,
  checkpointSeconds: 180,
  uploadLimit: 0,
  downloadLimit: 0,
  ...changes,
});

export const restoreSpec = (
  repository: RepositorySpec,
  snapshotId: string,
  changes: Partial<MoverSpec> = {},
): MoverSpec =>
  backupSpec(repository, { direction: 'restore', restore: { snapshotId, sparse: true }, ...changes });

/** The result of a mover that must succeed. */
export async function resultOf(run: MoverRun): Promise<TransferResult> {
  const { last } = await run.done;
  if (last?.t === 'result') return last.result;
  throw new Error(`the mover failed:\n${run.text()}`);
}
