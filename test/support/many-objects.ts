import pLimit from 'p-limit';
import { GVRS } from '../../platform/kube/gvr.ts';
import { namespaceObject, removeNamespace } from './world.ts';
import type { World } from './world.ts';

/** A new namespace with so many Secrets and ConfigMaps of 1 KiB each. */
export async function fillNamespace(
  { kube }: World,
  namespace: string,
  { secrets, maps }: { secrets: number; maps: number },
): Promise<void> {
  await removeNamespace(kube, namespace);
  await kube.create(GVRS.namespaces, undefined, namespaceObject(namespace));
  const text = 'x'.repeat(1024);
  const object = (kind: string, at: number) => ({
    apiVersion: 'v1',
    kind,
    metadata: { name: `${kind.toLowerCase()}-${at}` },
    ...(kind === 'Secret' ? { stringData: { text } } : { data: { text } }),
  });
  const limit = pLimit(16);
  const make = (count: number, kind: string, gvr: (typeof GVRS)['secrets' | 'configmaps']) =>
    Array.from({ length: count }, (_, at) => limit(() => kube.create(gvr, namespace, object(kind, at))));
  await Promise.all([...make(secrets, 'Secret', GVRS.secrets), ...make(maps, 'ConfigMap', GVRS.configmaps)]);
}
