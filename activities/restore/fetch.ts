import type { Counted, RunContextRef } from '../../contracts/activities.ts';
import type { Restore } from '../../contracts/api/restore.ts';
import { scratchPrefix } from '../../contracts/ids.ts';
import { LIMITS } from '../../contracts/settings.ts';
import { backupKeys, segmentKey } from '../../core/format/keys.ts';
import type { ArchiveIndex } from '../../core/model.ts';
import { countProblems, problem } from '../../core/problems.ts';
import { SegmentSet } from '../../platform/archive/segment-set.ts';
import { indexTarball } from '../../platform/archive/tar-index.ts';
import { putDoc } from '../../platform/store/documents.ts';
import { openRun } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';

/** Streams the tarball once into segments by resource; a second attempt overwrites those of the first. */
export async function fetchBackup(deps: Deps, ref: RunContextRef, signal: AbortSignal): Promise<Counted> {
  const { context, store } = await openRun<Restore>(deps, ref);
  const scratch = scratchPrefix(ref.run);
  const segments = new SegmentSet(store, {
    keyOf: (groupResource, ordinal) => segmentKey(scratch, groupResource, ordinal),
    maxItems: LIMITS.chunkItems,
  });
  const { contents } = backupKeys(context.resource.spec.backupName ?? '');
  const { items, problems } = await indexTarball(store, contents, (item) => segments.add(item), { signal });
  const resources = await segments.close();
  if (items === 0 && problems.length === 0) {
    problems.push(
      problem('warning', 'fetchBackup', 'StoreNotFound', 'zero items to be restored: the backup holds none'),
    );
  }
  const index: ArchiveIndex = { resources, items, problems };
  const doc = await putDoc(store, `${scratch}archive`, index);
  return { doc, items, ...countProblems(problems) };
}
