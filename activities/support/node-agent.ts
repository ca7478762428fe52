import { CaravelError } from '../../core/errors/catalog.ts';
import { moverSlots } from '../../core/volume/mover-settings.ts';
import { NO_SETTINGS, readNodeAgent } from '../../core/volume/node-agent.ts';
import type { NodeAgentSettings, ReadSettings } from '../../core/volume/node-agent.ts';
import { documentOf } from '../../platform/config/documents.ts';
import { toCaravelError } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import type { Deps } from './deps.ts';

/** The node-agent's ConfigMap as it is now; without one, movers run as the worker's configuration says. */
export async function nodeAgentSettings(deps: Deps, namespace: string): Promise<ReadSettings> {
  const name = deps.config.nodeAgentConfig;
  const at = `ConfigMap ${namespace}/${name}`;
  const named = (texts: string[]) => texts.map((text) => `${at}: ${text}`);
  try {
    const configMap = await deps.kube.find<KubeObject & { data?: Record<string, string> }>(
      GVRS.configmaps,
      namespace,
      name,
    );
    if (!configMap) return { settings: NO_SETTINGS, faults: [], unknown: [] };
    const { settings, faults, unknown } = readNodeAgent(documentOf(configMap, at));
    return { settings, faults: named(faults), unknown: named(unknown) };
  } catch (error) {
    const known = toCaravelError(error);
    if (!(known instanceof CaravelError) || known.retryable) throw known;
    return { settings: NO_SETTINGS, faults: [`${at}: ${known.message}`], unknown: [] };
  }
}

/** Mover slots of the cluster. */
export async function moversOf({ kube, config }: Deps, settings: NodeAgentSettings): Promise<number> {
  if (!settings.loadConcurrency) return config.movers;
  const nodes = await kube.list<KubeObject & { spec?: { unschedulable?: boolean } }>(GVRS.nodes);
  const facts = nodes.map(({ metadata, spec }) => ({
    name: metadata.name,
    labels: metadata.labels ?? {},
    unschedulable: spec?.unschedulable === true,
  }));
  return moverSlots(settings, facts, config.movers);
}
