import {
  CancellationScope,
  executeChild,
  ParentClosePolicy,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { RunContextRef } from '../../contracts/activities.ts';
import type { BackupPreview, PreviewInput } from '../../contracts/preview.ts';
import { LIMITS } from '../../contracts/settings.ts';
import { cleanup, long, short } from '../support/proxies.ts';
import { inPool, range } from '../support/pool.ts';

/**
 * What a backup would be: all that a backup does before it touches a volume. Nothing changes in the cluster; what is
 * written down on the way goes again. Its id names the owner of that scratch, so under another id a child does it.
 */
export async function previewBackup(input: PreviewInput): Promise<BackupPreview> {
  const uid = input.uid ?? uuid4();
  const opened = await short.openPreview({ ...input, uid, startedAs: workflowInfo().workflowId });
  if (opened.state === 'rejected') return opened.preview;
  if (opened.state === 'ready') return await preview(opened);
  return await executeChild(previewBackup, {
    workflowId: opened.workflowId,
    args: [{ ...input, uid }],
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
  });
}

async function preview({ run, context }: RunContextRef): Promise<BackupPreview> {
  const ref = { run, context };
  try {
    const { plan, shards: count } = await long.planBackup(ref);
    const exported = await inPool(range(count), LIMITS.exportShards, (shard) =>
      long.exportShard({ ...ref, plan, shard }),
    );
    const docs = exported.map(({ doc }) => doc);
    const related = await long.exportRelated({ ...ref, plan, shards: docs });
    const shards = [...docs, related.doc];
    const { volumes, hooks } = await long.planVolumes({ ...ref, shards });
    return await short.reportPreview({ ...ref, plan, shards, volumes, ...(hooks && { hooks }) });
  } finally {
    await CancellationScope.nonCancellable(() => cleanup.removeScratch(ref));
  }
}
