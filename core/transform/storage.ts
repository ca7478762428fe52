import { CaravelError } from '../errors/catalog.ts';
import { isPart, partOf, partsOf, textOf } from './manifest.ts';
import type { Manifest, Part } from './manifest.ts';
import { dropAnnotations } from './metadata.ts';

/** Claims, volumes, and the storage classes that they name. */

const BINDING_ANNOTATIONS = ['pv.kubernetes.io/bind-completed', 'pv.kubernetes.io/bound-by-controller'];

const CLAIM_ANNOTATIONS = [
  ...BINDING_ANNOTATIONS,
  'volume.kubernetes.io/storage-provisioner',
  'volume.beta.kubernetes.io/storage-provisioner',
  'volume.kubernetes.io/selected-node',
  'velero.io/volume-snapshot-name',
  'velero.io/data-upload-name',
];

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

/** Class of a claim or volume; empty when it leaves that to the cluster. */
export const storageClassOf = (object: Manifest): string =>
  textOf(partOf(object['spec'])['storageClassName']) ||
  textOf(object.metadata.annotations?.[CLASS_ANNOTATION]);

/** What the binding of a claim, or a backup of it, left behind. */
export const transformClaim = (object: Manifest): void => dropAnnotations(object, CLAIM_ANNOTATIONS);

/** The claim will be given another volume than the one it had: nothing may stand in the way of that. */
export function unbindClaim(object: Manifest): void {
  const spec = partOf(object['spec']);
  for (const field of ['volumeName', 'dataSource', 'dataSourceRef', 'selector']) delete spec[field];
}

/** A volume that is kept waits for its claim, wherever that is restored to. */
export function transformVolume(object: Manifest, namespaces: Record<string, string>): void {
  dropAnnotations(object, BINDING_ANNOTATIONS);
  const reference = partOf(object['spec'])['claimRef'] as unknown;
  if (!isPart(reference)) return;
  delete reference['uid'];
  delete reference['resourceVersion'];
  const namespace = textOf(reference['namespace']);
  if (Object.hasOwn(namespaces, namespace)) reference['namespace'] = namespaces[namespace];
}

export interface ClassChanges {
  /** Old class → new class. */
  changes: Record<string, string>;
  /** Classes that are there, or will be when claims are made. */
  known: readonly string[];
}

/** Classes in claims and volumes, and in the claim templates of a StatefulSet. */
export function changeClasses(groupResource: string, object: Manifest, classes: ClassChanges): void {
  const spec = partOf(object['spec']);
  if (groupResource === 'statefulsets.apps') {
    for (const template of partsOf(spec['volumeClaimTemplates']))
      changeClass(partOf(template['spec']), classes);
  } else changeClass(spec, classes);
}

function changeClass(spec: Part, { changes, known }: ClassChanges): void {
  const old = textOf(spec['storageClassName']);
  if (old === '' || !Object.hasOwn(changes, old) || !changes[old]) return;
  const name = changes[old];
  if (!known.includes(name)) {
    throw new CaravelError(
      'StorageClassMissing',
      `StorageClass "${name}", which is to replace "${old}", does not exist`,
    );
  }
  spec['storageClassName'] = name;
}

/**
 * A claim that must not come up empty: its selector keeps provisioners away and matches no volume, so its pods wait,
 * and a StatefulSet makes no new claim in its place.
 */
export function withholdClaim(object: Manifest, mark: string, reason: string): void {
  unbindClaim(object);
  object['spec'] = {
    ...partOf(object['spec']),
    selector: { matchLabels: { 'velero.io/dynamic-pv-restore': mark } },
  };
  object.metadata.annotations = { ...object.metadata.annotations, 'caravel.dev/not-restored': reason };
}
