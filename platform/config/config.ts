import { tmpdir } from 'node:os';
import { DEFAULT_CLUSTER, DEFAULT_NAMESPACE, LIMITS, TASK_QUEUE } from '../../contracts/settings.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { EnvironmentReader } from './environment.ts';

/**
 * The one place that reads the environment. Not here: TEMPORAL_* (read by @temporalio/envconfig) and KUBECONFIG
 * (read by the Kubernetes client). An empty variable counts as unset. All faults are reported at once.
 */

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
/** Velero's names. Snapshots through CSI are no choice of Caravel's: the name is taken, and changes nothing. */
const FEATURES = ['EnableAPIGroupVersions', 'EnableCSI'] as const;
export const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'] as const;

/** What every process needs, clients included. */
export interface ClientConfig {
  /** CARAVEL_CLUSTER: name of the cluster in workflow ids; default `local`. */
  cluster: string;
  /** CONTROL_NAMESPACE: where the custom resources and movers live; default `openshift-adp`. */
  namespace: string;
  /** CARAVEL_TASK_QUEUE: Temporal task queue of the workers; default `caravel`. */
  taskQueue: string;
  /** CARAVEL_LOG_LEVEL: trace, debug, info (default), warn or error. */
  logLevel: LogLevel;
}

export interface Config extends ClientConfig {
  /** MOVER_IMAGE, or else CARAVEL_IMAGE: image of the mover pods; no default. */
  moverImage: string;
  /** MOVER_IMAGE_PULL_POLICY: Always, IfNotPresent (default) or Never. */
  moverImagePullPolicy: (typeof PULL_POLICIES)[number];
  /** MOVER_SERVICE_ACCOUNT: account of the mover pods, without any right; default `caravel-mover`. */
  moverServiceAccount: string;
  /** CARAVEL_MOVERS: movers at once in the cluster; default 4. */
  movers: number;
  /** CARAVEL_FEATURES with `EnableAPIGroupVersions`: objects are stored in every version that the API serves. */
  allVersions: boolean;
  /** CARAVEL_NODE_AGENT_CONFIG: ConfigMap with Velero's settings of the node-agent; default `node-agent-config`. */
  nodeAgentConfig: string;
  /** CARAVEL_CHECKPOINT_SECONDS: at most this much of a transfer is sent again after a kill; default 180. */
  checkpointSeconds: number;
  /** CARAVEL_UPLOAD_LIMIT: bytes a second of one mover, as a number or quantity (`50Mi`); 0 (default) is no limit. */
  uploadLimit: number;
  /** CARAVEL_DOWNLOAD_LIMIT: the same for restores. */
  downloadLimit: number;
  /** CARAVEL_KUBELET_ROOT: the kubelets' root folder, for file-system backups; default `/var/lib/kubelet`. */
  kubeletRoot: string;
  /** CARAVEL_HEALTH_PORT: port of /healthz; default 8081. */
  healthPort: number;
  /** CARAVEL_KOPIA: the kopia binary of the worker; default `kopia` on PATH. */
  kopiaPath: string;
  /** CARAVEL_WORK_DIR: where the worker keeps temporary files; default the system's. */
  workDir: string;
  /** POD_NAME: name of this worker in logs and in Temporal; default the host name. */
  identity: string | undefined;
}

const NAME = { pattern: /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, form: 'at most 63 of a-z, 0-9 and "-"' };
const OBJECT = {
  pattern: /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/,
  form: 'at most 253 of a-z, 0-9, "-" and "."',
};
const WORD = { pattern: /^[^\s]{1,200}$/, form: 'at most 200 characters without a space' };
const FOLDER = {
  pattern: /^(\/(?!\.\.?(\/|$))[^/\s]+)+$/,
  form: 'an absolute path without a slash at its end',
};
const ANY = { pattern: /\S/, form: 'not blank' };

function readClientConfig(read: EnvironmentReader): ClientConfig {
  return {
    cluster: read.text('CARAVEL_CLUSTER', NAME, DEFAULT_CLUSTER),
    namespace: read.text('CONTROL_NAMESPACE', NAME, DEFAULT_NAMESPACE),
    taskQueue: read.text('CARAVEL_TASK_QUEUE', WORD, TASK_QUEUE),
    logLevel: read.choice('CARAVEL_LOG_LEVEL', LOG_LEVELS, 'info'),
  };
}

function finish<T>(read: EnvironmentReader, config: T): T {
  if (read.problems.length === 0) return config;
  const hint =
    'Correct the named environment variables; for a worker in the cluster they stand in ConfigMap caravel.';
  throw new CaravelError('InvalidInput', read.problems.join('; '), { hint });
}

export function loadClientConfig(environment: NodeJS.ProcessEnv = process.env): ClientConfig {
  const read = new EnvironmentReader(environment);
  return finish(read, readClientConfig(read));
}

export function loadConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const read = new EnvironmentReader(environment);
  const image = read.has('MOVER_IMAGE') ? 'MOVER_IMAGE' : 'CARAVEL_IMAGE';
  return finish(read, {
    ...readClientConfig(read),
    moverImage: read.has(image)
      ? read.text(image, WORD, '')
      : read.missing('MOVER_IMAGE', 'the image of the mover pods'),
    moverImagePullPolicy: read.choice('MOVER_IMAGE_PULL_POLICY', PULL_POLICIES, 'IfNotPresent'),
    moverServiceAccount: read.text('MOVER_SERVICE_ACCOUNT', NAME, 'caravel-mover'),
    movers: read.integer('CARAVEL_MOVERS', { min: 1, max: 1000 }, LIMITS.movers),
    allVersions: read.words('CARAVEL_FEATURES', FEATURES).has('EnableAPIGroupVersions'),
    nodeAgentConfig: read.text('CARAVEL_NODE_AGENT_CONFIG', OBJECT, 'node-agent-config'),
    // kopia refuses intervals above 45 minutes.
    checkpointSeconds: read.integer(
      'CARAVEL_CHECKPOINT_SECONDS',
      { min: 1, max: 2700 },
      LIMITS.checkpointSeconds,
    ),
    uploadLimit: read.bytes('CARAVEL_UPLOAD_LIMIT', 0),
    downloadLimit: read.bytes('CARAVEL_DOWNLOAD_LIMIT', 0),
    kubeletRoot: read.text('CARAVEL_KUBELET_ROOT', FOLDER, '/var/lib/kubelet'),
    healthPort: read.integer('CARAVEL_HEALTH_PORT', { min: 1, max: 65_535 }, 8081),
    kopiaPath: read.text('CARAVEL_KOPIA', ANY, 'kopia'),
    workDir: read.text('CARAVEL_WORK_DIR', ANY, tmpdir()),
    identity: read.has('POD_NAME') ? read.text('POD_NAME', ANY, '') : undefined,
  });
}
