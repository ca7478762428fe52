import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

interface Index {
  schemaVersion: number;
  manifests: Descriptor[];
}

export interface Manifest {
  config: Descriptor;
  layers: Descriptor[];
}

interface ImageConfig {
  created?: string;
  history?: unknown[];
  rootfs: { type: string; diff_ids: string[] };
}

const refName = 'org.opencontainers.image.ref.name';
export const blobPath = ({ digest }: Descriptor): string => join('blobs', digest.replace(':', '/'));

const readJson = <T>(layout: string, path: string): T =>
  JSON.parse(readFileSync(join(layout, path), 'utf8')) as T;
const readIndex = (layout: string): Index => readJson(layout, 'index.json');

/** The descriptor and the manifest of one image of the layout. */
export function findImage(layout: string, tag: string): { descriptor: Descriptor; manifest: Manifest } {
  const descriptor = readIndex(layout).manifests.find(({ annotations }) => annotations?.[refName] === tag);
  if (!descriptor) throw new Error(`${layout} holds no image ${tag}`);
  return { descriptor, manifest: readJson(layout, blobPath(descriptor)) };
}

/** An index that names only this image, as an archive of it wants. */
export function indexOf(descriptor: Descriptor): string {
  return JSON.stringify({ schemaVersion: 2, manifests: [descriptor] } satisfies Index);
}

/** Makes a second image of the layout from one of it and a further layer. Returns its tag; keeps no earlier such image. */
export function addLayer(layout: string, baseTag: string, layer: string): string {
  const base = findImage(layout, baseTag);
  const config = readJson<ImageConfig>(layout, blobPath(base.manifest.config));
  const content = readFileSync(layer);
  const app = addBlob(layout, content, 'application/vnd.oci.image.layer.v1.tar');
  const diffIds = [...config.rootfs.diff_ids, app.digest];
  // Without history, which would have to tell of the new layer; nothing reads it.
  const { history: _history, ...rest } = config;
  const newConfig = { ...rest, rootfs: { type: 'layers', diff_ids: diffIds } };
  const configBlob = addBlob(layout, JSON.stringify(newConfig), base.manifest.config.mediaType);
  const manifest = { ...base.manifest, config: configBlob, layers: [...base.manifest.layers, app] };
  const entry = addBlob(layout, JSON.stringify(manifest), base.descriptor.mediaType);
  const tag = configBlob.digest.replace('sha256:', '').slice(0, 12);
  const named = { ...entry, annotations: { [refName]: tag } };
  writeFileSync(
    join(layout, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [base.descriptor, named] }),
  );
  removeUnused(layout);
  return tag;
}

function addBlob(layout: string, content: string | Buffer, mediaType: string): Descriptor {
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  const descriptor = { mediaType, digest, size: Buffer.byteLength(content) };
  writeFileSync(join(layout, blobPath(descriptor)), content);
  return descriptor;
}

function removeUnused(layout: string): void {
  const used = readIndex(layout).manifests.flatMap((descriptor) => {
    const manifest = readJson<Manifest>(layout, blobPath(descriptor));
    return [descriptor, manifest.config, ...manifest.layers].map(blobPath);
  });
  const dir = join('blobs', 'sha256');
  for (const name of readdirSync(join(layout, dir))) {
    if (!used.includes(join(dir, name))) rmSync(join(layout, dir, name));
  }
}
