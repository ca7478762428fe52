import type { RestoreChanges, ServedResource } from '../../core/model.ts';
import { groupResource } from '../../core/model.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { imageChanges } from '../../core/transform/pod.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { ApiResource, KubeClient, KubeObject } from '../../platform/kube/types.ts';

/** What the planning of a restore reads of the cluster. */

export async function servedResources(kube: KubeClient): Promise<ServedResource[]> {
  const { resources } = await kube.discover();
  return resources.filter(({ preferred }) => preferred).map((resource: ApiResource) => ({ ...resource }));
}

export const servedNames = (served: readonly ServedResource[]) => new Set(served.map(groupResource));

interface StorageClass extends KubeObject {
  volumeBindingMode?: string;
}

/** StorageClass → volumeBindingMode. */
export async function bindingModes(kube: KubeClient): Promise<Record<string, string>> {
  const classes = await kube.list<StorageClass>(GVRS.storageclasses);
  return Object.fromEntries(
    classes.map(({ metadata, volumeBindingMode }) => [metadata.name, volumeBindingMode ?? 'Immediate']),
  );
}

/** Claims that are there to stay, as `<ns>/<name>`; those that are going away do not count. */
export async function existingClaims(kube: KubeClient, namespaces: Iterable<string>): Promise<Set<string>> {
  const found = new Set<string>();
  for (const namespace of new Set(namespaces)) {
    const object = await kube.find<KubeObject>(GVRS.namespaces, undefined, namespace);
    if (!object || object.metadata.deletionTimestamp) continue;
    const claims = await kube.list<KubeObject>(GVRS.persistentvolumeclaims, { namespace });
    for (const { metadata } of claims)
      if (!metadata.deletionTimestamp) found.add(`${namespace}/${metadata.name}`);
  }
  return found;
}

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

async function pluginConfig(
  kube: KubeClient,
  namespace: string,
  plugin: string,
): Promise<Record<string, string>> {
  const labelSelector = `velero.io/plugin-config,${plugin}=RestoreItemAction`;
  const found = await kube.list<ConfigMap>(GVRS.configmaps, { namespace, labelSelector });
  if (found.length > 1) {
    const names = found.map(({ metadata }) => metadata.name).join(', ');
    throw new CaravelError(
      'InvalidInput',
      `found more than one ConfigMap matching label selector ${labelSelector} in namespace ${namespace}: ${names}`,
    );
  }
  return found[0]?.data ?? {};
}

export async function configuredChanges(
  kube: KubeClient,
  namespace: string,
): Promise<Omit<RestoreChanges, 'knownClasses'>> {
  const [images, classes] = await Promise.all([
    pluginConfig(kube, namespace, 'velero.io/change-image-name'),
    pluginConfig(kube, namespace, 'velero.io/change-storage-class'),
  ]);
  return { images: imageChanges(images), classes };
}
