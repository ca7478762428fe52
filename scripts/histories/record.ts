import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { writeHistory } from '../../test/support/histories.ts';

export interface Wanted {
  workflowId: string;
  /** The latest run of the id when absent. */
  runId?: string;
  /** What the run is an example of. */
  example: string;
}

/** Says nothing to a replay, but names the machine and its folders. */
const LEFT_OUT = new Set(['identity', 'stackTrace', 'workerInstanceKey', 'controlTaskQueue']);

/** Fetches the history of a finished run and writes it beside the tests. */
export async function record(client: Client, { workflowId, runId, example }: Wanted): Promise<void> {
  const handle = client.workflow.getHandle(workflowId, runId);
  const { type, status } = await handle.describe();
  if (status.name === 'RUNNING') throw new Error(`${workflowId} still runs`);
  const history: unknown = JSON.parse(historyToJSON(await handle.fetchHistory()));
  const kept = JSON.stringify(history, (key, value: unknown) => (LEFT_OUT.has(key) ? undefined : value), 1);
  writeHistory({ type, example, workflowId }, kept);
  console.log(`${type}/${example}: ${workflowId}, ${status.name}`);
}
