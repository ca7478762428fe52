import type { ClaimFate, VolumeOutcome } from '../model.ts';
import { partOf, partsOf, textOf } from '../transform/manifest.ts';
import type { Manifest } from '../transform/manifest.ts';

/** Claims that a pod mounts, generic ephemeral ones apart: those come with the pod. */
export const claimsOfPod = (pod: Manifest): string[] =>
  partsOf(partOf(pod['spec'])['volumes'])
    .map(({ persistentVolumeClaim }) => textOf(partOf(persistentVolumeClaim)['claimName']))
    .filter((name) => name !== '');

/** Why the pod cannot be created: the first of its claims that has not got its data. `namespace` is the stored one. */
export function hindrance(
  pod: Manifest,
  namespace: string,
  claims: Record<string, ClaimFate>,
  outcomes: ReadonlyMap<number, VolumeOutcome>,
): string | undefined {
  for (const name of claimsOfPod(pod)) {
    const key = `${namespace}/${name}`;
    const reason = Object.hasOwn(claims, key) ? missing(claims[key], outcomes) : undefined;
    if (reason !== undefined) return `claim ${name} has no data, so the pod is left out: ${reason}`;
  }
  return undefined;
}

function missing(
  fate: ClaimFate | undefined,
  outcomes: ReadonlyMap<number, VolumeOutcome>,
): string | undefined {
  if (fate?.fate === 'withhold') return fate.reason;
  if (fate?.fate !== 'recover') return undefined;
  const outcome = outcomes.get(fate.index);
  if (outcome?.ok) return undefined;
  const { code, message } = outcome?.problem ?? {
    code: 'Internal',
    message: 'its recovery did not report an end',
  };
  return `${code}: ${message}`;
}
