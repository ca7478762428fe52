import { CaravelError } from '../../core/errors/catalog.ts';
import type { ScratchOwner } from '../../core/format/scratch-owner.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import type { Deps } from './deps.ts';

/** Asked once by each process: it stays the same as long as the cluster lives. */
const clusterUids = new WeakMap<KubeClient, Promise<string>>();

/** How scratch is marked that belongs to a workflow of this cluster. */
export async function scratchOwner(
  { kube, temporal }: Pick<Deps, 'kube' | 'temporal'>,
  workflowId: string,
): Promise<ScratchOwner> {
  const known = clusterUids.get(kube) ?? clusterUid(kube);
  clusterUids.set(kube, known);
  // Whoever comes next asks again.
  known.catch(() => clusterUids.delete(kube));
  return { workflowId, clusterUid: await known, temporalNamespace: temporal.options.namespace };
}

async function clusterUid(kube: KubeClient): Promise<string> {
  const { metadata } = await kube.get<KubeObject>(GVRS.namespaces, undefined, 'kube-system');
  if (!metadata.uid) throw new CaravelError('Internal', 'the namespace kube-system has no uid');
  return metadata.uid;
}
