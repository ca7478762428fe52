import type { Manifest, Part } from '../transform/manifest.ts';
import { partsOf, textOf } from '../transform/manifest.ts';
import { BACKUP_LABEL, provenanceLabels, RESTORE_LABEL } from '../transform/metadata.ts';
import type { Provenance } from '../transform/metadata.ts';
import { neutralSettings, transformObject } from '../transform/transform.ts';
import { unbindClaim } from '../transform/storage.ts';
import { jsonEqual, mergePatch } from './json-equal.ts';

/** What is to be done about an object that is there already. */
export type ExistingDecision =
  /** It is as it should be. */
  | { action: 'leave'; patch?: Part }
  /** It differs, and the policy is to leave it. */
  | { action: 'warn'; warning: string }
  /** It is changed; when that fails, it gets the labels at least. */
  | { action: 'update'; patch: Part; fallback: Part };

export interface ExistingInput {
  groupResource: string;
  /** As it would be created. */
  wanted: Manifest;
  /** As it is in the cluster; changed in place. */
  present: Manifest;
  policy: string;
  provenance: Provenance;
}

/** Both sides in the same form: what the cluster adds to each object of a kind is no difference. */
function comparable(groupResource: string, object: Manifest, provenance: Provenance): Manifest {
  transformObject(groupResource, object, neutralSettings(provenance), object.metadata.namespace);
  if (groupResource === 'persistentvolumeclaims') unbindClaim(object);
  return object;
}

export function decideExisting(input: ExistingInput): ExistingDecision {
  const { groupResource, present, policy, provenance } = input;
  if (groupResource === 'serviceaccounts') return mergeAccount(input);
  const labels = { metadata: { labels: provenanceLabels(provenance) } };
  const labelled = Object.entries(labels.metadata.labels).every(
    ([name, value]) => present.metadata.labels?.[name] === value,
  );
  const now = comparable(groupResource, present, provenance);
  const wanted = structuralCopy(groupResource, input.wanted);
  const update = policy === 'update';
  if (jsonEqual(now, wanted))
    return update && !labelled ? { action: 'leave', patch: labels } : { action: 'leave' };
  if (!update) return { action: 'warn', warning: differs(wanted) };
  // The labels are equal on both sides by now, so the difference never has them.
  const { metadata = {}, ...rest } = mergePatch(now, wanted) ?? {};
  const merged = { ...(metadata as Part)['labels'], ...labels.metadata.labels };
  return {
    action: 'update',
    patch: { ...rest, metadata: { ...metadata, labels: merged } },
    fallback: labels,
  };
}

function structuralCopy(groupResource: string, wanted: Manifest): Manifest {
  if (groupResource !== 'persistentvolumeclaims') return wanted;
  const copy = { ...wanted, spec: { ...wanted['spec'] } };
  unbindClaim(copy);
  return copy;
}

const differs = ({ kind, metadata }: Manifest) =>
  `could not restore, ${kind} "${metadata.name}" already exists. Warning: the in-cluster version is different than the backed-up version`;

/** Every namespace has a ServiceAccount before it is restored; what is missing from one is added, nothing changed. */
function mergeAccount({ wanted, present, provenance }: ExistingInput): ExistingDecision {
  const patch: Part = {};
  for (const field of ['secrets', 'imagePullSecrets']) {
    const here = partsOf(present[field]);
    const names = new Set(here.map(({ name }) => textOf(name)));
    const missing = partsOf(wanted[field]).filter(({ name }) => !names.has(textOf(name)));
    if (missing.length > 0) patch[field] = [...here, ...missing];
  }
  const metadata: Part = {};
  for (const field of ['labels', 'annotations'] as const) {
    const here = present.metadata[field] ?? {};
    // The marks of the restore go to objects that it made.
    const missing = Object.entries(wanted.metadata[field] ?? {}).filter(
      ([name]) => !Object.hasOwn(here, name) && name !== BACKUP_LABEL && name !== RESTORE_LABEL,
    );
    if (missing.length > 0) metadata[field] = Object.fromEntries(missing);
  }
  if (Object.keys(metadata).length > 0) patch['metadata'] = metadata;
  const labels = { metadata: { labels: provenanceLabels(provenance) } };
  return Object.keys(patch).length === 0
    ? { action: 'leave' }
    : { action: 'update', patch, fallback: labels };
}

/** Was the object made by this restore, in an attempt whose end nobody saw? */
export function madeByRun(present: Manifest, provenance: Provenance, startedAt: string): boolean {
  const made = Date.parse(textOf(present.metadata['creationTimestamp']));
  return present.metadata.labels?.[RESTORE_LABEL] === provenance.restore && made >= Date.parse(startedAt);
}
