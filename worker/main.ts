import { setFlagsFromString } from 'node:v8';
import { Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { composeActivities } from '../activities/index.ts';
import { controllerWorkflowId } from '../contracts/ids.ts';
import { TIMEOUTS, WORKER } from '../contracts/settings.ts';
import { CaravelError, messageOf } from '../core/errors/catalog.ts';
import { loadConfig } from '../platform/config/config.ts';
import type { Config } from '../platform/config/config.ts';
import { createKubeClient } from '../platform/kube/client.ts';
import { createLog } from '../platform/log/log.ts';
import type { Log } from '../platform/log/log.ts';
import { temporalLogger } from './temporal-logger.ts';
import { currentBundle } from './bundle.ts';
import { serveHealth } from './health.ts';
import { refuseBesideVelero } from './velero-guard.ts';

/** One of N equal workers: workflows, activities and, wherever Temporal puts it, the controller. */
async function main(): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${WORKER.heapGrowth}`);
  const config = loadConfig();
  const log = createLog({ level: config.logLevel, fields: { worker: config.identity } });
  Runtime.install({
    logger: temporalLogger(log),
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'INFO' }, forward: {} } },
  });
  const { connectionOptions, namespace } = loadClientConnectConfig();
  const connection = await NativeConnection.connect(connectionOptions);
  const temporal = new Client({ connection, namespace: namespace ?? 'default' });
  const kube = createKubeClient();
  await refuseBesideVelero(kube, config.namespace, log);
  const activities = composeActivities({ kube, temporal, config, log });
  const worker = await openWorker(config, activities, { connection, namespace: namespace ?? 'default' });
  const health = serveHealth(config.healthPort, () => worker.getState() === 'RUNNING');
  const ensured = setInterval(() => void ensureController(temporal, config, log), TIMEOUTS.controllerEnsure);
  void ensureController(temporal, config, log);
  log.info('worker started', {
    taskQueue: config.taskQueue,
    namespace: config.namespace,
    cluster: config.cluster,
  });
  try {
    await worker.run();
  } finally {
    clearInterval(ensured);
    health.close();
    await connection.close();
    await kube.close();
  }
}

async function openWorker(
  { taskQueue, identity }: Config,
  activities: object,
  at: { connection: NativeConnection; namespace: string },
): Promise<Worker> {
  return await Worker.create({
    ...at,
    taskQueue,
    workflowBundle: { codePath: await currentBundle() },
    activities,
    ...(identity && { identity }),
    shutdownGraceTime: WORKER.shutdownGrace,
    maxConcurrentActivityTaskExecutions: WORKER.activities,
    maxConcurrentWorkflowTaskExecutions: WORKER.workflowTasks,
    maxCachedWorkflows: WORKER.cachedWorkflows,
    maxHeartbeatThrottleInterval: TIMEOUTS.heartbeatInterval,
    defaultHeartbeatThrottleInterval: TIMEOUTS.heartbeatInterval,
  });
}

/** The controller's workflow exists; whoever comes first starts it. */
async function ensureController(temporal: Client, config: Config, log: Log): Promise<void> {
  const { cluster, namespace, taskQueue } = config;
  const workflowId = controllerWorkflowId(cluster, namespace);
  try {
    await temporal.workflow.start('controller', { workflowId, taskQueue, args: [{ cluster, namespace }] });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return;
    log.warn('the controller could not be started yet', { error: messageOf(error) });
  }
}

main().catch((error: unknown) => {
  const known =
    error instanceof CaravelError ? `${error.code}: ${error.message}. ${error.hint}` : messageOf(error);
  process.stderr.write(`caravel worker: ${known}\n`);
  process.exit(1);
});
