/**
 * What all custom resources have in common. Types only, apart from `readResource`; nothing here loads TypeBox, so
 * workflows may import this file.
 */

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Fields of metadata that Caravel reads; the rest is kept as it came. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  [field: string]: unknown;
}

export interface CustomResource<Kind extends string = string, Spec = object, Status = object> {
  apiVersion: string;
  kind: Kind;
  metadata: ObjectMeta;
  spec: Spec;
  status?: Status;
}

/** The Kubernetes client keeps a number that JavaScript would change (1.0, above 2^53) as JSON.rawJSON. */
function isRawNumber(value: object): value is { rawJSON: string } {
  return 'rawJSON' in value && Object.isFrozen(value);
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => item !== null).map(plain);
  if (typeof value !== 'object' || value === null) return value;
  if (isRawNumber(value)) return Number(value.rawJSON);
  const entries = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(entries.map(([name, field]) => [name, plain(field)]));
}

/**
 * Makes the types of this folder true for an object of the API server: the CRDs allow explicit nulls and a missing
 * spec, the types do not. Every reader of a custom resource goes through here.
 */
export function readResource<T extends CustomResource>(raw: object): T {
  const resource = plain(raw) as Partial<T>;
  return { ...resource, spec: resource.spec ?? {} } as T;
}
