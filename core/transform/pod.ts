import { containersOf, partsOf, textOf } from './manifest.ts';
import type { Manifest, Part } from './manifest.ts';

/** Init containers by which an earlier restore held the pod back until its volumes were filled. */
const WAITERS = new Set(['restore-wait', 'restic-wait']);

/** What a scheduler, an admission or an earlier restore put into the pod goes; it is decided anew. */
export function transformPod(object: Manifest): void {
  const spec = object['spec'] as Part | undefined;
  if (!spec) return;
  delete spec['nodeName'];
  delete spec['priority'];
  // The API refuses them at creation; they were somebody's debugging session.
  delete spec['ephemeralContainers'];
  dropWaiters(spec);
  dropTokenVolumes(spec);
}

function dropWaiters(spec: Part): void {
  if (!Array.isArray(spec['initContainers'])) return;
  spec['initContainers'] = partsOf(spec['initContainers']).filter(({ name }) => !WAITERS.has(textOf(name)));
}

/** Volumes with the token Secret of the ServiceAccount, as Kubernetes before 1.21 mounted it. */
function dropTokenVolumes(spec: Part): void {
  const account = textOf(spec['serviceAccountName']);
  if (account === '') return;
  const kept = ({ name }: Part) => !textOf(name).startsWith(`${account}-token-`);
  if (Array.isArray(spec['volumes'])) spec['volumes'] = partsOf(spec['volumes']).filter(kept);
  for (const container of containersOf(spec)) {
    if (Array.isArray(container['volumeMounts'])) {
      container['volumeMounts'] = partsOf(container['volumeMounts']).filter(kept);
    }
  }
}

/** Replaces parts of image names; for each image the first pair that fits. */
export function changeImages(podSpec: Part, changes: readonly ImageChange[]): void {
  for (const container of containersOf(podSpec)) {
    const image = textOf(container['image']);
    const change = changes.find(({ from }) => image.includes(from));
    if (change) container['image'] = image.replaceAll(change.from, change.to);
  }
}

export interface ImageChange {
  from: string;
  to: string;
}

/** `old,new` pairs of the ConfigMap's values, in the order of its keys; what is no pair is passed over. */
export function imageChanges(data: Record<string, string> | undefined): ImageChange[] {
  const keys = Object.keys(data ?? {}).sort();
  return keys.flatMap((key) => {
    const text = data?.[key] ?? '';
    const comma = text.indexOf(',');
    const from = text.slice(0, Math.max(comma, 0)).trim();
    const to = text.slice(comma + 1).trim();
    return comma < 0 || from === '' || to === '' ? [] : [{ from, to }];
  });
}
