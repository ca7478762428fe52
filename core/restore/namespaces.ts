import type { Manifest } from '../transform/manifest.ts';
import { isPart } from '../transform/manifest.ts';

/** The API server puts the name there itself. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

/**
 * The namespace as it will be created: labels, annotations (uid ranges and security contexts of OpenShift among them)
 * and spec of the stored one. It gets no label of the restore: it outlives it.
 */
export function namespaceManifest(stored: object | undefined, name: string): object {
  const { metadata, spec } = (stored ?? {}) as Partial<Manifest>;
  const { [NAME_LABEL]: _, ...labels } = metadata?.labels ?? {};
  const annotations = metadata?.annotations;
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels, ...(annotations && { annotations }) },
    ...(isPart(spec) && { spec }),
  };
}

/** The namespace whose manifest a target gets, when several become one: the one of that name, else the first. */
export function manifestSources(
  namespaces: readonly { source: string; target: string }[],
): Map<string, string> {
  const sources = new Map<string, string>();
  for (const { source, target } of namespaces) {
    if (!sources.has(target) || source === target) sources.set(target, source);
  }
  return sources;
}
