import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { RESOURCE_DEFINITIONS } from '../../../../contracts/api/definitions.ts';
import { crdYaml } from '../../../../scripts/generate-crds.ts';

/** A node of an OpenAPI v3 schema, as far as the rules look at it. */
interface Schema {
  type?: string;
  format?: string;
  nullable?: boolean;
  description?: string;
  enum?: unknown[];
  required?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema;
  [key: string]: unknown;
}

interface Crd {
  metadata: { name: string; annotations?: object };
  spec: {
    group: string;
    scope: string;
    names: Record<string, unknown>;
    versions: {
      name: string;
      served: boolean;
      storage: boolean;
      subresources?: object;
      additionalPrinterColumns?: { name: string; jsonPath: string; priority?: number }[];
      schema: { openAPIV3Schema: Schema };
    }[];
  };
}

const crds = RESOURCE_DEFINITIONS.map((definition) => parse(crdYaml(definition)) as Crd);
const named = (plural: string) => crds.find(({ metadata }) => metadata.name.startsWith(`${plural}.`))!;
const version = (plural: string) => named(plural).spec.versions[0]!;

function* walk(schema: Schema, path: string): Generator<[string, Schema]> {
  yield [path, schema];
  for (const [name, field] of Object.entries(schema.properties ?? {})) yield* walk(field, `${path}.${name}`);
  if (schema.items) yield* walk(schema.items, `${path}[]`);
  if (schema.additionalProperties) yield* walk(schema.additionalProperties, `${path}{}`);
}

const nodes = crds.flatMap((crd) => [
  ...walk(crd.spec.versions[0]!.schema.openAPIV3Schema, crd.metadata.name),
]);
const node = (path: string): Schema => nodes.find(([each]) => each === path)![1];

/** Where the schema has a field of that JSON path; columns must not point nowhere. */
const hasField = (plural: string, jsonPath: string) =>
  jsonPath.startsWith('.metadata.') || nodes.some(([path]) => path === `${plural}.velero.io${jsonPath}`);

const ALLOWED = new Set([
  ...['type', 'format', 'nullable', 'description', 'enum', 'required', 'properties', 'items', 'default'],
  ...['additionalProperties', 'minItems', 'x-kubernetes-map-type', 'x-kubernetes-list-type'],
  'x-kubernetes-preserve-unknown-fields',
]);

describe('custom resource definitions', () => {
  it('are the 13 kinds in their groups', () => {
    expect(crds.map(({ metadata, spec }) => `${metadata.name}/${spec.versions[0]!.name}`).sort()).toEqual([
      'backuprepositories.velero.io/v1',
      'backups.velero.io/v1',
      'backupstoragelocations.velero.io/v1',
      'datadownloads.velero.io/v2alpha1',
      'datauploads.velero.io/v2alpha1',
      'deletebackuprequests.velero.io/v1',
      'downloadrequests.velero.io/v1',
      'podvolumebackups.velero.io/v1',
      'podvolumerestores.velero.io/v1',
      'restores.velero.io/v1',
      'schedules.velero.io/v1',
      'serverstatusrequests.velero.io/v1',
      'volumesnapshotlocations.velero.io/v1',
    ]);
    const short = crds
      .filter(({ spec }) => spec.names['shortNames'])
      .map(({ spec }) => spec.names['shortNames']);
    expect(short.flat()).toEqual(['bsl', 'vsl', 'ssr']);
  });

  it('have one served version, no status subresource, no annotation', () => {
    for (const { spec, metadata } of crds) {
      expect(spec.versions).toHaveLength(1);
      expect(spec.versions[0]).toMatchObject({ served: true, storage: true });
      expect(spec.versions[0]).not.toHaveProperty('subresources');
      expect(spec.scope).toBe('Namespaced');
      expect(metadata.annotations).toBeUndefined();
    }
  });

  it('require nothing at the root', () => {
    for (const { spec } of crds) expect(spec.versions[0]!.schema.openAPIV3Schema.required).toBeUndefined();
  });

  it('are structural: a type everywhere, no combination of schemas', () => {
    for (const [path, schema] of nodes) {
      expect(schema.type, path).toMatch(/^(string|boolean|integer|object|array)$/);
      expect(
        Object.keys(schema).filter((key) => !ALLOWED.has(key)),
        path,
      ).toEqual([]);
      for (const name of schema.required ?? []) expect(schema.properties, path).toHaveProperty(name);
      if (schema.type === 'array') expect(schema.items, path).toBeDefined();
    }
  });

  it('describe every named field', () => {
    const silent = nodes.filter(
      ([path, { description }]) =>
        /\.(spec|status)\./.test(path) && !/(\[\]|\{\})$/.test(path) && !description,
    );
    expect(silent.map(([path]) => path)).toEqual([]);
  });

  it('keep byte counts in 64 bits', () => {
    for (const [path, schema] of nodes) {
      if (/(bytesDone|[bB]ytes|snapshotSize)$/.test(path))
        expect(schema, path).toMatchObject({ type: 'integer', format: 'int64' });
    }
    expect(node('datadownloads.velero.io.spec.snapshotSize').format).toBe('int64');
    expect(node('backups.velero.io.status.errors').format).toBeUndefined();
  });

  it.each([
    'backups.velero.io.spec.includedNamespaces',
    'backups.velero.io.spec.labelSelector',
    'backups.velero.io.spec.snapshotMoveData',
    'backups.velero.io.spec.uploaderConfig',
    'backups.velero.io.status.startTimestamp',
    'restores.velero.io.spec.restoreStatus',
    'restores.velero.io.spec.resourceModifier',
    'restores.velero.io.spec.resourcePolicy',
    'restores.velero.io.spec.existingResourcePolicy',
    'backupstoragelocations.velero.io.spec.backupSyncPeriod',
    'datauploads.velero.io.spec.csiSnapshot',
    'datauploads.velero.io.spec.dataMoverConfig',
    'serverstatusrequests.velero.io.status.plugins',
  ])('%s may be null', (path) => {
    expect(node(path).nullable).toBe(true);
  });

  it.each(['schedules.velero.io.spec.skipImmediately', 'datadownloads.velero.io.spec.dataMoverConfig'])(
    '%s may not be null',
    (path) => {
      expect(node(path).nullable).toBeUndefined();
    },
  );

  it('leave foreign objects whole', () => {
    const raw = nodes.filter(([, schema]) => schema['x-kubernetes-preserve-unknown-fields'] === true);
    expect(raw.map(([path]) => path)).toEqual([
      'restores.velero.io.spec.hooks.resources[].postHooks[].init.initContainers[]',
    ]);
  });

  it('have columns that point at fields of theirs', () => {
    for (const { spec } of crds) {
      const plural = spec.names['plural'] as string;
      for (const column of spec.versions[0]!.additionalPrinterColumns ?? []) {
        expect(hasField(plural, column.jsonPath), `${plural} ${column.name} ${column.jsonPath}`).toBe(true);
      }
    }
    expect(version('podvolumebackups').additionalPrinterColumns).toContainEqual(
      expect.objectContaining({ name: 'Node', jsonPath: '.spec.node' }),
    );
    expect(version('backups').additionalPrinterColumns).toBeUndefined();
  });

  it('are what is committed', async () => {
    const { crdFiles } = await import('../../../../scripts/generate-crds.ts');
    const { readFile } = await import('node:fs/promises');
    for (const [name, content] of crdFiles()) {
      expect(await readFile(new URL(`../../../../deploy/crds/${name}`, import.meta.url), 'utf8'), name).toBe(
        content,
      );
    }
  });
});
