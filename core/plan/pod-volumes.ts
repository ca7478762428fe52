import type { PodFact, PodVolumeFact, VolumeFact, VolumePod } from '../model.ts';

/** Which volumes of pods a file-system backup may and should read. */

/** A volume as one pod uses it. */
export interface PodUse {
  pod: PodFact;
  volume: PodVolumeFact;
}

export const OPT_IN = 'backup.velero.io/backup-volumes';
export const OPT_OUT = 'backup.velero.io/backup-volumes-excludes';

/** Made by Kubernetes from objects that are in the backup themselves. */
const FROM_OBJECTS = ['secret', 'configMap', 'projected', 'downwardAPI'];

export const holdsNoData = ({ name, source }: PodVolumeFact): boolean =>
  FROM_OBJECTS.includes(source.type) || name.startsWith('default-token');

/** Names as they stand between the commas; a blank is a part of its name. */
const namesIn = ({ annotations }: PodFact, key: string): string[] => annotations[key]?.split(',') ?? [];

export type Rule = { selects: boolean; reason: string };

/** Opt-in by the pod's annotation, or opt-out when file-system backup is the default. */
export function ruleFor({ pod, volume }: PodUse, byDefault: boolean): Rule {
  const name = `${pod.namespace}/${pod.name}`;
  if (!byDefault) {
    const selects = namesIn(pod, OPT_IN).includes(volume.name);
    const how = selects ? 'opted in due to annotation' : `not named by annotation ${OPT_IN}`;
    return { selects, reason: `${how} in pod ${name}` };
  }
  const selects = !namesIn(pod, OPT_OUT).includes(volume.name);
  const reason = selects
    ? 'spec.defaultVolumesToFsBackup is true'
    : `opted out due to annotation in pod ${name}`;
  return { selects, reason };
}

/** Names in the opt-in annotation that are no volumes of the pod. */
export function unknownOptIns(pod: PodFact, byDefault: boolean): string[] {
  if (byDefault) return [];
  const known = pod.volumes.map(({ name }) => name);
  return namesIn(pod, OPT_IN).filter((name) => name !== '' && !known.includes(name));
}

/** A pod that ended keeps nothing mounted and will not run again. */
export const hasEnded = ({ phase }: PodFact): boolean => phase === 'Succeeded' || phase === 'Failed';

export interface Obstacle {
  /** By what the volume is: no pod could change it. */
  byKind: boolean;
  reason: string;
}

/** What keeps the volume from being read through this pod. */
export function obstacleTo({ pod, volume }: PodUse, persistent?: VolumeFact): Obstacle | undefined {
  const name = `${pod.namespace}/${pod.name}`;
  const kind = (reason: string): Obstacle => ({ byKind: true, reason });
  if ((persistent?.source ?? volume.source).type === 'hostPath')
    return kind('hostPath volumes are not backed up');
  if (volume.use === 'device')
    return kind(`volume ${volume.name} of pod ${name} is a block device, which has no file system`);
  if (volume.use === 'none')
    return kind(`volume ${volume.name} of pod ${name} is not mounted by any container`);
  if (pod.phase !== 'Running' || !pod.node)
    return { byKind: false, reason: `pod ${name} is ${pod.phase || 'not running'}, not Running` };
  return undefined;
}

export const podOf = ({ namespace, name, uid, node = '' }: PodFact): VolumePod => ({
  namespace,
  name,
  uid,
  node,
});
