import { runWorkflowId } from '../contracts/ids.ts';
import type { BackupPreview, PreviewInput } from '../contracts/preview.ts';
import type { RunInput, RunType } from '../contracts/run.ts';
import { messageOf } from '../core/errors/catalog.ts';
import type { ClientConfig } from '../platform/config/config.ts';
import { runPreview } from './preview.ts';

/** The second way to a run. The controller starts it as well; both meet under its canonical id. */

/** Longer than a connection takes from anywhere, shorter than patience: without Temporal the controller starts the run. */
const CONNECT_TIMEOUT = 3_000;

export interface TemporalDoor {
  start(type: RunType, run: RunInput): Promise<{ workflowId: string }>;
  /** What a backup would be; an abort cancels the workflow that finds out. */
  preview(input: PreviewInput, signal?: AbortSignal): Promise<BackupPreview>;
  serverVersion(): Promise<string>;
  /** Workers that ask the task queue for workflows. */
  workers(): Promise<number>;
  close(): Promise<void>;
}

async function open(config: ClientConfig): Promise<TemporalDoor | { reason: string }> {
  // Loaded here: half a second that commands without Temporal need not wait.
  const { loadClientConnectConfig } = await import('@temporalio/envconfig');
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  // Many users reach only the API server; the SDK's default address would cost each of them the whole time-out.
  if (connectionOptions.address === undefined) return { reason: 'TEMPORAL_ADDRESS is not set' };
  const { Client, Connection } = await import('@temporalio/client');
  const connection = await Connection.connect({ ...connectionOptions, connectTimeout: CONNECT_TIMEOUT });
  const client = new Client({ connection, namespace });

  const timed = <T>(call: () => Promise<T>) => connection.withDeadline(Date.now() + CONNECT_TIMEOUT, call);

  return {
    async start(type, run) {
      const workflowId = runWorkflowId({
        type,
        cluster: config.cluster,
        namespace: run.namespace,
        name: run.name,
      });
      const { taskQueue } = config;
      await timed(() =>
        client.workflow.start(type, {
          workflowId,
          taskQueue,
          args: [run],
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: `${type} ${run.name}`,
        }),
      );
      return { workflowId };
    },
    preview: (input, signal) => runPreview(client, config, input, signal),
    async serverVersion() {
      return (await timed(() => connection.workflowService.getSystemInfo({}))).serverVersion;
    },
    async workers() {
      // Without a type the server answers for workflows.
      const request = { namespace, taskQueue: { name: config.taskQueue } };
      return (await timed(() => connection.workflowService.describeTaskQueue(request))).pollers.length;
    },
    close: () => connection.close(),
  };
}

/** The door, or why there is none. */
export async function openTemporal(config: ClientConfig): Promise<TemporalDoor | { reason: string }> {
  try {
    return await open(config);
  } catch (error) {
    return { reason: messageOf(error) };
  }
}
