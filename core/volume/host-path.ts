import { CaravelError } from '../errors/catalog.ts';
import type { VolumePlan } from '../model.ts';

/**
 * Where the kubelet keeps a volume of a running pod. Neither the worker nor the mover can look around on a node, so the
 * folder follows from the volume's type: a mover gets this one folder of this one volume and nothing beside it.
 */

/** Served by the kubelet through their CSI drivers; their PersistentVolumes keep the old type. */
const MIGRATED = [
  ...['awsElasticBlockStore', 'azureDisk', 'azureFile', 'cinder'],
  ...['gcePersistentDisk', 'portworxVolume', 'vsphereVolume'],
];

/** The kubelet's plugin folder of each type that it serves itself. */
const PLUGINS: Record<string, string> = {
  emptyDir: 'kubernetes.io~empty-dir',
  fc: 'kubernetes.io~fc',
  iscsi: 'kubernetes.io~iscsi',
  local: 'kubernetes.io~local-volume',
  nfs: 'kubernetes.io~nfs',
};

/** A name of the API: no slash, and neither `.` nor `..`. */
const NAME = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;

type PodVolume = Pick<VolumePlan, 'volume' | 'volumeType' | 'pod' | 'podVolume'>;

/** Absolute path on the node. */
export function hostPath(kubeletRoot: string, plan: PodVolume): string {
  const { pod, podVolume = '', volume, volumeType } = plan;
  // The kubelet names the folder after the PersistentVolume, or the volume in the pod when there is none.
  const names = [pod?.uid ?? '', volume || podVolume];
  const odd = names.find((name) => !NAME.test(name) || name.includes('..'));
  if (odd !== undefined) throw new CaravelError('Internal', `"${odd}" is no name of a pod or volume`);
  return [
    kubeletRoot,
    'pods',
    names[0],
    'volumes',
    ...folders(volumeType, names[1] ?? '', volume !== ''),
  ].join('/');
}

function folders(type: string, name: string, persistent: boolean): string[] {
  if (type === 'csi' || (persistent && MIGRATED.includes(type))) return ['kubernetes.io~csi', name, 'mount'];
  const plugin = Object.hasOwn(PLUGINS, type) ? PLUGINS[type] : undefined;
  if (plugin !== undefined) return [plugin, name];
  throw new CaravelError(
    'NotSupported',
    `volumes of type ${type || 'unknown'} cannot be read through a pod: their folder on the node is not known`,
  );
}
