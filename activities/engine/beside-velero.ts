import { CaravelError } from '../../core/errors/catalog.ts';
import { toCaravelError } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';

/** Deployments and DaemonSets, as far as it matters here. */
interface Workload extends KubeObject {
  spec?: {
    replicas?: number;
    template?: { spec?: { containers?: { command?: string[]; args?: string[] }[] } };
  };
}

/** A program called velero that is told to be a server or a node agent. */
function runsVelero({ spec = {} }: Workload): boolean {
  const containers = spec.template?.spec?.containers ?? [];
  return containers.some(({ command = [], args = [] }) => {
    const words = [...command, ...args];
    const at = words.findIndex((word) => /(^|\/)velero$/.test(word));
    return at >= 0 && ['server', 'node-agent'].includes(words[at + 1] ?? '');
  });
}

/** What of Velero is at work in the namespace: `Deployment velero`. What is scaled to nothing is not. */
async function veleroIn(kube: KubeClient, namespace: string): Promise<string[]> {
  const [deployments, daemonSets] = await Promise.all([
    kube.list<Workload>(GVRS.deployments, { namespace }),
    kube.list<Workload>(GVRS.daemonsets, { namespace }),
  ]);
  const server = deployments.filter((each) => each.spec?.replicas !== 0 && runsVelero(each));
  const agent = daemonSets.filter(runsVelero);
  return [
    ...server.map(({ metadata }) => `Deployment ${metadata.name}`),
    ...agent.map(({ metadata }) => `DaemonSet ${metadata.name}`),
  ];
}

/** Why nothing new may begin; undefined when no Velero is at work, or nobody may look. */
export async function besideVelero(kube: KubeClient, namespace: string): Promise<CaravelError | undefined> {
  let found: string[];
  try {
    found = await veleroIn(kube, namespace);
  } catch (error) {
    const known = toCaravelError(error);
    if (known instanceof CaravelError && known.retryable) throw error;
    return undefined;
  }
  if (found.length === 0) return undefined;
  return new CaravelError('VeleroRunning', `${found.join(' and ')} of Velero run in namespace ${namespace}`);
}
