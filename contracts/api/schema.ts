import { Type, type Static, type TSchema } from 'typebox';

/**
 * Building blocks of the schemas: what they emit is at once JSON Schema (for validation) and a structural OpenAPI v3
 * schema (for the CRDs). So: no unions, no patternProperties, enums always with a type.
 */

export interface FieldOptions {
  /** The API server accepts an explicit null; `readResource` takes it away again. */
  nullable?: boolean;
  minItems?: number;
  default?: string;
}

export const text = (description: string, options: FieldOptions = {}) =>
  Type.String({ description, ...options });
export const flag = (description: string, options: FieldOptions = {}) =>
  Type.Boolean({ description, ...options });
export const integer = (description: string) => Type.Integer({ description });
/** Byte counts: 32 bits end at 2 GiB. */
export const int64 = (description: string) => Type.Integer({ description, format: 'int64' });
export const time = (description: string) =>
  Type.String({ description, format: 'date-time', nullable: true });
/** A Go duration such as `1h30m`. The schema has no pattern: what Go accepts is wider than any pattern worth reading. */
export const duration = (description: string, options: FieldOptions = {}) => text(description, options);
/** Base64; JSON has no bytes. */
export const bytes = (description: string) => Type.String({ description, format: 'byte' });

export const choice = <const Values extends readonly string[]>(values: Values, description: string) =>
  Type.Unsafe<Values[number]>({ type: 'string', enum: [...values], description });

export const list = <Item extends TSchema>(items: Item, description: string, options: FieldOptions = {}) =>
  Type.Array(items, { description, ...options });

export const textList = (description: string, options: FieldOptions = {}) =>
  list(Type.String(), description, options);

export const textMap = (description: string, options: FieldOptions = {}) =>
  Type.Unsafe<Record<string, string>>({
    type: 'object',
    additionalProperties: { type: 'string' },
    description,
    ...options,
  });

/** An object of a foreign schema, kept whole. */
export const rawObject = (description: string) =>
  Type.Unsafe<Record<string, unknown>>({
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
    description,
  });

const ATOMIC = { 'x-kubernetes-map-type': 'atomic' };
const ATOMIC_LIST = { 'x-kubernetes-list-type': 'atomic' };

export const LabelSelectorSchema = Type.Object(
  {
    matchLabels: Type.Optional(textMap('Labels that must all have these values.')),
    matchExpressions: Type.Optional(
      Type.Array(
        Type.Object({
          key: text('Label to test.'),
          operator: text('In, NotIn, Exists or DoesNotExist.'),
          values: Type.Optional(
            Type.Array(Type.String(), { description: 'Values for In and NotIn.', ...ATOMIC_LIST }),
          ),
        }),
        { description: 'Tests that must all hold.', ...ATOMIC_LIST },
      ),
    ),
  },
  ATOMIC,
);
export type LabelSelector = Static<typeof LabelSelectorSchema>;

/** The same selector shape at another place: each place has its own description. */
export const labelSelector = (description: string) =>
  Type.Object(LabelSelectorSchema.properties, { description, nullable: true, ...ATOMIC });

export const labelSelectors = (description: string) =>
  list(LabelSelectorSchema, description, { nullable: true });

export const secretKey = (description: string) =>
  Type.Object(
    {
      name: Type.Optional(text('Name of the Secret.', { default: '' })),
      key: text('Key in the Secret.'),
      optional: Type.Optional(flag('Whether the Secret or the key may be missing.')),
    },
    { description, ...ATOMIC },
  );

export const localObject = (description: string, options: FieldOptions = {}) =>
  Type.Object(
    {
      apiGroup: Type.Optional(text('API group of the object; empty for the core group.')),
      kind: text('Kind of the object.'),
      name: text('Name of the object.'),
    },
    { description, ...options, ...ATOMIC },
  );

export const objectReference = (description: string) =>
  Type.Object(
    {
      apiVersion: Type.Optional(text('API version of the object.')),
      kind: Type.Optional(text('Kind of the object.')),
      namespace: Type.Optional(text('Namespace of the object.')),
      name: Type.Optional(text('Name of the object.')),
      uid: Type.Optional(text('Uid of the object.')),
      resourceVersion: Type.Optional(text('Resource version of the object, when one is meant.')),
      fieldPath: Type.Optional(text('Part of the object, when one is meant.')),
    },
    { description, ...ATOMIC },
  );

export const bytesProgress = (description: string) =>
  Type.Object(
    {
      totalBytes: Type.Optional(int64('Bytes of the volume, as far as known.')),
      bytesDone: Type.Optional(int64('Bytes dealt with so far.')),
    },
    { description },
  );

/** Phases of every single data movement, old and new. */
export const TRANSFER_PHASES = [
  'New',
  'Accepted',
  'Prepared',
  'InProgress',
  'Canceling',
  'Canceled',
  'Completed',
  'Failed',
] as const;
export type TransferPhase = (typeof TRANSFER_PHASES)[number];

/** Root of a kind. Its own fields are optional: an object without a spec is legal at the API server. */
export const root = <Spec extends TSchema, Status extends TSchema>(
  description: string,
  parts: { spec: Spec; status: Status },
) =>
  Type.Object(
    {
      apiVersion: Type.Optional(text('Version of the API that the object is written in.')),
      kind: Type.Optional(text('Kind of the object.')),
      metadata: Type.Optional(Type.Unsafe<Record<string, unknown>>({ type: 'object' })),
      spec: Type.Optional(parts.spec),
      status: Type.Optional(parts.status),
    },
    { description },
  );
