import type { PvInfo } from '../format/volume-info.ts';
import { partOf } from '../transform/manifest.ts';
import type { Manifest, Part } from '../transform/manifest.ts';

/** Place of the old volume; the new one knows its own, and pods could not reach it by another. */
const isPlace = (label: string) =>
  /^(topology\.kubernetes\.io|failure-domain\.beta\.kubernetes\.io)\//.test(label);

/** What the new volume lacks of the old one's reclaim policy and labels; undefined when it has all. */
export function volumeSettings(volume: Manifest, { reclaimPolicy, labels }: PvInfo): Part | undefined {
  const policy = partOf(volume['spec'])['persistentVolumeReclaimPolicy'];
  const missing = Object.entries(labels ?? {}).filter(
    ([name, value]) => !isPlace(name) && volume.metadata.labels?.[name] !== value,
  );
  const patch: Part = {
    ...(missing.length > 0 && { metadata: { labels: Object.fromEntries(missing) } }),
    ...(reclaimPolicy &&
      reclaimPolicy !== policy && { spec: { persistentVolumeReclaimPolicy: reclaimPolicy } }),
  };
  return Object.keys(patch).length > 0 ? patch : undefined;
}
