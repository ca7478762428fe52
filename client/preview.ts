import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { previewWorkflowId } from '../contracts/ids.ts';
import type { BackupPreview, PreviewInput } from '../contracts/preview.ts';
import { CaravelError, isErrorCode } from '../core/errors/catalog.ts';
import type { ClientConfig } from '../platform/config/config.ts';

/** Runs the workflow that plans a backup, and waits for it; an abort cancels it. */
export async function runPreview(
  client: Client,
  { cluster, namespace: own, taskQueue }: ClientConfig,
  input: PreviewInput,
  signal?: AbortSignal,
): Promise<BackupPreview> {
  const uid = randomUUID();
  const { namespace = own } = input;
  const handle = await client.workflow.start('previewBackup', {
    workflowId: previewWorkflowId(cluster, namespace, uid),
    taskQueue,
    args: [{ ...input, namespace, uid }],
    staticSummary: `plan of backup ${input.name ?? ''}`,
  });
  const cancel = () => void handle.cancel().catch(() => undefined);
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return (await handle.result()) as BackupPreview;
  } catch (error) {
    throw inOwnWords(error) ?? error;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

/** The failure of the step that failed, below what Temporal wraps around it. */
function inOwnWords(error: unknown): CaravelError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { type } = cause as { type?: unknown };
    if (typeof type === 'string' && isErrorCode(type)) {
      return new CaravelError(type, cause.message, { cause: error });
    }
  }
  return undefined;
}
