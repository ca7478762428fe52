/** An object of the API as it stands in a backup. Nothing but its name is certain. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    [field: string]: unknown;
  };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- objects of any kind; each use looks at what is there
  [field: string]: any;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a part of such an object
export type Part = Record<string, any>;

const isRaw = (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON;

/** A JSON object; numbers that are kept as text (`JSON.rawJSON`) are values, although they are objects too. */
export const isPart = (value: unknown): value is Part =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isRaw(value);

/** The object in a field, or an empty one that is not part of anything. */
export const partOf = (value: unknown): Part => (isPart(value) ? value : {});

/** The objects in a list; whatever else stands there is not looked at. */
export const partsOf = (value: unknown): Part[] => (Array.isArray(value) ? value.filter(isPart) : []);

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Number of a field that is a number, a number in quotes, or a number kept as text. */
export function numberIn(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return /^\d+$/.test(value) ? Number(value) : 0;
  return isRaw(value) ? Number((value as { rawJSON: string }).rawJSON) : 0;
}

const HOLDERS: Record<string, readonly string[]> = {
  pods: ['spec'],
  'cronjobs.batch': ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
  'deployments.apps': ['spec', 'template', 'spec'],
  'daemonsets.apps': ['spec', 'template', 'spec'],
  'replicasets.apps': ['spec', 'template', 'spec'],
  'statefulsets.apps': ['spec', 'template', 'spec'],
  replicationcontrollers: ['spec', 'template', 'spec'],
  'jobs.batch': ['spec', 'template', 'spec'],
};

/** The pod spec in an object that is or makes pods; undefined for all others. */
export function podSpecOf(groupResource: string, object: Manifest): Part | undefined {
  const path = Object.hasOwn(HOLDERS, groupResource) ? HOLDERS[groupResource] : undefined;
  if (!path) return undefined;
  let at: unknown = object;
  for (const field of path) at = partOf(at)[field];
  return isPart(at) ? at : undefined;
}

/** Everything in a pod that has an image, ephemeral containers apart. */
export const containersOf = (podSpec: Part): Part[] => [
  ...partsOf(podSpec['initContainers']),
  ...partsOf(podSpec['containers']),
];
