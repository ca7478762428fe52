import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { labEnv } from '../lab/env.ts';
import { recordExamples } from './histories/examples.ts';
import { record } from './histories/record.ts';

/**
 * Records the histories that test/replay replays. Without arguments: runs of every kind are made in the lab, in a world
 * of their own, and recorded. With arguments: one finished run of any Temporal server (TEMPORAL_ADDRESS, else the lab).
 */

const USAGE = `usage: node scripts/record-histories.ts
       node scripts/record-histories.ts <workflow id> <example> [--run <run id>]
`;

async function recordOne(workflowId: string, example: string, runId: string | undefined): Promise<void> {
  const address = process.env['TEMPORAL_ADDRESS'] ?? labEnv().TEMPORAL_ADDRESS;
  const connection = await Connection.connect({ address });
  try {
    const client = new Client({ connection, namespace: process.env['TEMPORAL_NAMESPACE'] ?? 'default' });
    await record(client, { workflowId, example, ...(runId !== undefined && { runId }) });
  } finally {
    await connection.close();
  }
}

const { positionals, values } = parseArgs({ allowPositionals: true, options: { run: { type: 'string' } } });
const [workflowId, example] = positionals;
if (workflowId === undefined) await recordExamples();
else if (example !== undefined) await recordOne(workflowId, example, values.run);
else {
  process.stderr.write(USAGE);
  process.exitCode = 2;
}
