import type { KubeObject } from '../../platform/kube/types.ts';

/** Whether one custom resource definition takes every object that another one takes, without pruning a field of it. */

interface Schema {
  type?: string;
  nullable?: boolean;
  enum?: unknown[];
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema;
  items?: Schema;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  [keyword: string]: unknown;
}

interface Version {
  name: string;
  served: boolean;
  storage: boolean;
  subresources?: { status?: object };
  schema: { openAPIV3Schema: Schema };
}

/** Keywords that refuse values. Equal ones are wide enough; nobody needs the others compared yet. */
const LIMITS = [
  'type',
  'format',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
];

/** Everything that the wider definition refuses or drops though the narrower one keeps it. */
export function lostBy(wider: KubeObject, narrower: KubeObject): string[] {
  return versionsOf(narrower).flatMap((version) => {
    const at = `${narrower.metadata.name} ${version.name}`;
    const own = versionsOf(wider).find(({ name }) => name === version.name);
    if (!own?.served || own.storage !== version.storage) return [`${at} is not served in the same way`];
    // A writer that has no status subresource writes status with the object, where a subresource would ignore it.
    const same = Boolean(own.subresources?.status) === Boolean(version.subresources?.status);
    return [
      ...(same ? [] : [`${at} differs in its status subresource`]),
      ...lostIn(at, own.schema.openAPIV3Schema, version.schema.openAPIV3Schema),
    ];
  });
}

const versionsOf = (definition: KubeObject) => (definition['spec'] as { versions: Version[] }).versions;

function lostIn(at: string, wider: Schema | undefined, narrower: Schema): string[] {
  if (!wider) return [`${at} is dropped`];
  return [...limitsOf(at, wider, narrower), ...lostInside(at, wider, narrower)];
}

function limitsOf(at: string, wider: Schema, narrower: Schema): string[] {
  const limits = LIMITS.filter((key) => wider[key] !== undefined && wider[key] !== narrower[key]);
  const values = (narrower.enum ?? []).filter((value) => wider.enum && !wider.enum.includes(value));
  const required = (wider.required ?? []).filter((name) => !narrower.required?.includes(name));
  return [
    ...limits.map((key) => `${at} has another ${key}`),
    ...(wider.enum && !narrower.enum ? [`${at} has an enum`] : []),
    ...values.map((value) => `${at} refuses ${String(value)}`),
    ...required.map((name) => `${at} requires ${name}`),
    ...(narrower.nullable && !wider.nullable ? [`${at} refuses null`] : []),
  ];
}

function lostInside(at: string, wider: Schema, narrower: Schema): string[] {
  if (wider['x-kubernetes-preserve-unknown-fields']) return [];
  const properties = Object.entries(narrower.properties ?? {}).flatMap(([name, schema]) =>
    lostIn(`${at}.${name}`, wider.properties?.[name] ?? wider.additionalProperties, schema),
  );
  const { items, additionalProperties } = narrower;
  return [
    ...properties,
    ...(items ? lostIn(`${at}[]`, wider.items, items) : []),
    ...(additionalProperties ? lostIn(`${at}{}`, wider.additionalProperties, additionalProperties) : []),
    ...(narrower['x-kubernetes-preserve-unknown-fields'] && !items ? [`${at} drops unknown fields`] : []),
  ];
}
