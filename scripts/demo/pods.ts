import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';

const EXEC_MS = 300_000;
const READY_MS = 300_000;

export interface Workload extends KubeObject {
  spec: { replicas?: number };
  status?: { readyReplicas?: number; observedGeneration?: number };
}

/** The containers that the demonstration looks into, with the label of their pods. */
export const CONTAINERS = { database: 'postgres', web: 'httpd' } as const;
export type Part = keyof typeof CONTAINERS;

const WORKLOADS = [
  { gvr: GVRS.statefulsets, name: 'database' },
  { gvr: GVRS.deployments, name: 'web' },
] as const;

/** Waits until database and web server serve, and says what they wait for. */
export async function waitReady(
  kube: KubeClient,
  namespace: string,
  tell: (detail: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + READY_MS;
  for (const { gvr, name } of WORKLOADS) {
    while (!isReady(await kube.find<Workload>(gvr, namespace, name))) {
      signal.throwIfAborted();
      const state = `${name}: ${await podState(kube, namespace, name)}`;
      if (Date.now() > deadline) throw new Error(`not ready after ${READY_MS / 1000} s: ${state}`);
      tell(state);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
  tell('');
}

interface Pod extends KubeObject {
  status?: {
    phase?: string;
    conditions?: { type: string; status: string; message?: string }[];
    containerStatuses?: { state?: { waiting?: { reason?: string; message?: string } } }[];
  };
}

async function podState(kube: KubeClient, namespace: string, part: string): Promise<string> {
  const labelSelector = `app.kubernetes.io/name=${part}`;
  const [pod] = await kube.list<Pod>(GVRS.pods, { namespace, labelSelector });
  return pod ? stateOf(pod.status ?? {}) : 'no pod yet';
}

function stateOf({
  phase = 'Pending',
  conditions = [],
  containerStatuses = [],
}: NonNullable<Pod['status']>): string {
  const waiting = containerStatuses.find(({ state }) => state?.waiting)?.state?.waiting;
  if (waiting) return [waiting.reason, waiting.message].filter(Boolean).join(': ');
  const scheduled = conditions.find(({ type }) => type === 'PodScheduled');
  return scheduled?.status === 'False' ? (scheduled.message ?? phase) : phase;
}

function isReady(workload: Workload | undefined): boolean {
  if (!workload) return false;
  const { readyReplicas = 0, observedGeneration = 0 } = workload.status ?? {};
  const current = observedGeneration >= (workload.metadata.generation ?? 0);
  return current && readyReplicas >= (workload.spec.replicas ?? 1);
}

/** Runs a command in the one pod of a part and returns its output; anything else than success is an error. */
export async function runIn(
  kube: KubeClient,
  namespace: string,
  part: Part,
  command: string[],
  options: { stdin?: string; signal?: AbortSignal } = {},
): Promise<string> {
  const pods = await kube.list<KubeObject>(GVRS.pods, {
    namespace,
    labelSelector: `app.kubernetes.io/name=${part}`,
  });
  const pod = pods.find(({ metadata }) => !metadata.deletionTimestamp);
  if (!pod) throw new Error(`There is no pod of ${part} in namespace ${namespace}.`);
  const result = await kube.exec(namespace, pod.metadata.name, CONTAINERS[part], command, {
    timeoutMs: EXEC_MS,
    ...options,
  });
  if (result.exitCode === 0 && !result.truncated) return result.stdout;
  const words = result.truncated ? 'more output than expected' : result.stderr.trim() || result.stdout.trim();
  throw new Error(`${part} in ${namespace}: ${command[0]} ended with ${result.exitCode}: ${words}`);
}
