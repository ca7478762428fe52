import { storageClassOf } from '../transform/storage.ts';
import { partOf, partsOf, textOf } from '../transform/manifest.ts';
import type { Manifest, Part } from '../transform/manifest.ts';

/** What the planning of a restore needs of the stored objects, taken while they stream by. */

export interface StoredClaim {
  namespace: string;
  name: string;
  uid: string;
  /** PersistentVolume it was bound to; empty when it had none. */
  volume: string;
  /** Pod that it belongs to, for a generic ephemeral volume. */
  owner: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  manifest: Manifest;
}

export interface StoredVolume {
  name: string;
  reclaimPolicy: string;
}

export interface StoredPod {
  namespace: string;
  name: string;
  labels: Record<string, string>;
  /** Names of the claims that it mounts. */
  claims: string[];
  priorityClass: string;
  /** It runs no more. */
  ended: boolean;
  /** It asks for restore hooks by annotation. */
  hooks: boolean;
  /** Where it can run; only of pods with claims. */
  placement?: Record<string, unknown>;
}

export interface StoredUpload {
  namespace: string;
  name: string;
  backup: string;
  claim: string;
  dataMover: string;
  phase: string;
  message: string;
  snapshotId: string;
  bytes: number;
}

export interface StoredBinding {
  name: string;
  role: string;
  /** ServiceAccounts as `<ns>/<name>`. */
  accounts: string[];
}

export interface ArchiveFacts {
  namespaces: Manifest[];
  claims: StoredClaim[];
  volumes: StoredVolume[];
  pods: StoredPod[];
  uploads: StoredUpload[];
  /** StorageClass → volumeBindingMode. */
  classes: Record<string, string>;
  accounts: { namespace: string; name: string; labels: Record<string, string> }[];
  bindings: StoredBinding[];
}

export const noFacts = (): ArchiveFacts => ({
  namespaces: [],
  claims: [],
  volumes: [],
  pods: [],
  uploads: [],
  classes: {},
  accounts: [],
  bindings: [],
});

const identity = ({ metadata }: Manifest) => ({
  namespace: textOf(metadata.namespace),
  name: metadata.name,
  labels: metadata.labels ?? {},
});

function claimOf(object: Manifest): StoredClaim {
  const owner = partsOf(object.metadata['ownerReferences']).find(({ kind }) => kind === 'Pod');
  return {
    ...identity(object),
    uid: textOf(object.metadata['uid']),
    volume: textOf(partOf(object['spec'])['volumeName']),
    owner: textOf(owner?.['name']),
    annotations: object.metadata.annotations ?? {},
    manifest: object,
  };
}

const HOOK_ANNOTATIONS = [
  'init.hook.restore.velero.io/container-image',
  'post.hook.restore.velero.io/command',
];

function podOf(object: Manifest): StoredPod {
  const spec = partOf(object['spec']);
  const claims = partsOf(spec['volumes'])
    .map(({ persistentVolumeClaim }) => textOf(partOf(persistentVolumeClaim)['claimName']))
    .filter((name) => name !== '');
  const annotations = object.metadata.annotations ?? {};
  return {
    ...identity(object),
    claims,
    priorityClass: textOf(spec['priorityClassName']),
    ended: ['Succeeded', 'Failed'].includes(textOf(partOf(object['status'])['phase'])),
    hooks: HOOK_ANNOTATIONS.some((name) => Object.hasOwn(annotations, name)),
    ...(claims.length > 0 && { placement: placementOf(spec) }),
  };
}

/**
 * Nodes the pod may run on. What binds it to other pods is left out: a mover runs in another namespace, where such
 * terms would mean other pods or none.
 */
function placementOf(spec: Part): Record<string, unknown> {
  const nodeAffinity = partOf(spec['affinity'])['nodeAffinity'] as Part | undefined;
  return {
    ...(spec['nodeSelector'] && { nodeSelector: spec['nodeSelector'] as unknown }),
    ...(nodeAffinity && { affinity: { nodeAffinity } }),
    ...(spec['tolerations'] && { tolerations: spec['tolerations'] as unknown }),
  };
}

function uploadOf(object: Manifest): StoredUpload {
  const spec = partOf(object['spec']);
  const status = partOf(object['status']);
  return {
    namespace: textOf(object.metadata.namespace),
    name: object.metadata.name,
    backup: object.metadata.labels?.['velero.io/backup-name'] ?? '',
    claim: `${textOf(spec['sourceNamespace'])}/${textOf(spec['sourcePVC'])}`,
    dataMover: textOf(spec['datamover']),
    phase: textOf(status['phase']),
    message: textOf(status['message']),
    snapshotId: textOf(status['snapshotID']),
    bytes: Number(partOf(status['progress'])['totalBytes']) || 0,
  };
}

function bindingOf(object: Manifest): StoredBinding {
  const accounts = partsOf(object['subjects']).filter(({ kind }) => kind === 'ServiceAccount');
  const role = partOf(object['roleRef']);
  return {
    name: object.metadata.name,
    role: role['kind'] === 'ClusterRole' ? textOf(role['name']) : '',
    accounts: accounts.map(({ namespace, name }) => `${textOf(namespace)}/${textOf(name)}`),
  };
}

const COLLECTORS: Record<string, (facts: ArchiveFacts, object: Manifest) => void> = {
  namespaces: (facts, object) => void facts.namespaces.push(object),
  persistentvolumeclaims: (facts, object) => void facts.claims.push(claimOf(object)),
  persistentvolumes: (facts, object) => {
    const reclaimPolicy = textOf(partOf(object['spec'])['persistentVolumeReclaimPolicy']) || 'Retain';
    facts.volumes.push({ name: object.metadata.name, reclaimPolicy });
  },
  pods: (facts, object) => void facts.pods.push(podOf(object)),
  'datauploads.velero.io': (facts, object) => void facts.uploads.push(uploadOf(object)),
  'storageclasses.storage.k8s.io': (facts, object) => {
    facts.classes[object.metadata.name] = textOf(object['volumeBindingMode']) || 'Immediate';
  },
  serviceaccounts: (facts, object) => void facts.accounts.push(identity(object)),
  'clusterrolebindings.rbac.authorization.k8s.io': (facts, object) =>
    void facts.bindings.push(bindingOf(object)),
};

/** Resources whose objects the planning looks at. */
export const FACT_RESOURCES: readonly string[] = Object.keys(COLLECTORS);

export function collectFact(facts: ArchiveFacts, groupResource: string, object: Manifest): void {
  COLLECTORS[groupResource]?.(facts, object);
}

/** Does the claim name a class, and which; empty when that is left to the cluster. */
export const classOfClaim = (claim: StoredClaim): string => storageClassOf(claim.manifest);
