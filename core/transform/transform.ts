import {
  isMadeToken,
  isTokenSecret,
  transformBinding,
  transformServiceAccount,
  transformTokenSecret,
} from './accounts.ts';
import { podSpecOf } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { addProvenance, resetMetadata } from './metadata.ts';
import type { Provenance } from './metadata.ts';
import { changeImages, transformPod } from './pod.ts';
import type { ImageChange } from './pod.ts';
import { transformService } from './service.ts';
import { changeClasses, transformClaim, transformVolume } from './storage.ts';
import type { ClassChanges } from './storage.ts';
import { transformDefinition, transformJob, transformWebhooks } from './workloads.ts';

/** What is changed in the objects of a restore, beyond what their kind demands. */
export interface TransformSettings {
  /** spec.namespaceMapping. */
  namespaces: Record<string, string>;
  preserveNodePorts: boolean;
  images: readonly ImageChange[];
  classes: ClassChanges;
  provenance: Provenance;
}

type Transform = (object: Manifest, settings: TransformSettings) => void;

const binding: Transform = (object, { namespaces }) => transformBinding(object, namespaces);

const BY_RESOURCE: Record<string, Transform> = {
  pods: transformPod,
  services: (object, { preserveNodePorts }) => transformService(object, preserveNodePorts),
  'jobs.batch': transformJob,
  serviceaccounts: transformServiceAccount,
  secrets: transformTokenSecret,
  'rolebindings.rbac.authorization.k8s.io': binding,
  'clusterrolebindings.rbac.authorization.k8s.io': binding,
  'customresourcedefinitions.apiextensions.k8s.io': transformDefinition,
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': transformWebhooks,
  'validatingwebhookconfigurations.admissionregistration.k8s.io': transformWebhooks,
  persistentvolumeclaims: transformClaim,
  persistentvolumes: (object, { namespaces }) => transformVolume(object, namespaces),
};

const WITH_CLASSES = new Set(['persistentvolumeclaims', 'persistentvolumes', 'statefulsets.apps']);

/**
 * Makes of a stored object the one to be created: what only made sense in the old cluster is taken away, what the
 * restore asks for is changed. The object is the caller's own and is changed in place.
 */
export function transformObject(
  groupResource: string,
  object: Manifest,
  settings: TransformSettings,
  namespace: string | undefined,
): void {
  if (Object.hasOwn(BY_RESOURCE, groupResource)) BY_RESOURCE[groupResource]?.(object, settings);
  const podSpec = settings.images.length > 0 ? podSpecOf(groupResource, object) : undefined;
  if (podSpec) changeImages(podSpec, settings.images);
  if (WITH_CLASSES.has(groupResource)) changeClasses(groupResource, object, settings.classes);
  // Last: some transforms look at the owners of fields.
  resetMetadata(object);
  if (namespace === undefined) delete object.metadata.namespace;
  else object.metadata.namespace = namespace;
  addProvenance(object, settings.provenance);
}

/** Changes nothing but what the kind demands; brings an object of the cluster into the form of a restored one. */
export const neutralSettings = (provenance: Provenance): TransformSettings => ({
  namespaces: {},
  preserveNodePorts: false,
  images: [],
  classes: { changes: {}, known: [] },
  provenance,
});

/** Objects that every cluster makes by itself, with contents of its own. */
const CLUSTER_MADE = new Set(['kube-root-ca.crt', 'openshift-service-ca.crt']);

const SKIPS: Record<string, (object: Manifest) => string | undefined> = {
  pods: ({ metadata, status }) => {
    if (metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return 'mirror pod of a kubelet';
    const phase: unknown = status?.phase;
    return phase === 'Succeeded' || phase === 'Failed' ? `the pod had ended (${phase})` : undefined;
  },
  'jobs.batch': ({ status }) => (status?.completionTime ? 'the job had ended' : undefined),
  'apiservices.apiregistration.k8s.io': ({ metadata }) =>
    metadata.labels?.['kube-aggregator.kubernetes.io/automanaged'] !== undefined
      ? 'the API server makes it by itself'
      : undefined,
  configmaps: ({ metadata }) =>
    CLUSTER_MADE.has(metadata.name) ? 'the cluster makes it by itself, with its own certificates' : undefined,
};

/** Why an object is not restored although it was asked for; looks at the object as it was stored. */
export const skipReason = (groupResource: string, object: Manifest): string | undefined =>
  Object.hasOwn(SKIPS, groupResource) ? SKIPS[groupResource]?.(object) : undefined;

/** The same for token Secrets, where it takes the ServiceAccounts of the namespace to tell. */
export function tokenSkipReason(object: Manifest, accounts: readonly string[]): string | undefined {
  return isTokenSecret(object) && isMadeToken(object, accounts)
    ? 'token of a ServiceAccount, which gets a new one'
    : undefined;
}
