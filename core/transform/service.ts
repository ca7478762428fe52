import { CaravelError } from '../errors/catalog.ts';
import { isPart, numberIn, partOf, partsOf, textOf } from './manifest.ts';
import type { Manifest, Part } from './manifest.ts';

/**
 * Addresses and ports that the old cluster assigned are given up; those that the user asked for are kept. Who asked
 * shows in kubectl's annotation, or else in the owners of the fields.
 */

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

export function transformService(object: Manifest, preserveNodePorts: boolean): void {
  const spec = object['spec'] as Part | undefined;
  if (!spec) return;
  if (spec['clusterIP'] !== 'None') {
    delete spec['clusterIP'];
    delete spec['clusterIPs'];
  }
  if (preserveNodePorts || spec['type'] === 'ExternalName') return;
  const applied = lastApplied(object);
  dropPorts(spec, applied ? askedByAnnotation(applied) : askedByFields(object));
}

function dropPorts(spec: Part, asked: Asked): void {
  for (const port of partsOf(spec['ports'])) {
    if (port['nodePort'] !== undefined && !asked.port(port)) delete port['nodePort'];
  }
  const local = spec['type'] === 'LoadBalancer' && spec['externalTrafficPolicy'] === 'Local';
  if (local && numberIn(spec['healthCheckNodePort']) > 0 && !asked.health) delete spec['healthCheckNodePort'];
}

interface Asked {
  port(port: Part): boolean;
  health: boolean;
}

function lastApplied(object: Manifest): Part | undefined {
  const text = object.metadata.annotations?.[LAST_APPLIED];
  if (text === undefined || text === '') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (isPart(value)) return partOf(value['spec']);
  } catch {
    // Told below, like JSON that is no object.
  }
  throw new CaravelError(
    'InvalidInput',
    `annotation ${LAST_APPLIED} of the service is not JSON of an object`,
  );
}

function askedByAnnotation(applied: Part): Asked {
  const ports = partsOf(applied['ports']).filter((port) => numberIn(port['nodePort']) > 0);
  const named = new Set(ports.map((port) => textOf(port['name'])).filter((name) => name !== ''));
  const unnamed = new Set(ports.filter((port) => !port['name']).map((port) => numberIn(port['nodePort'])));
  return {
    port: ({ name, nodePort }) => (name ? named.has(textOf(name)) : unnamed.has(numberIn(nodePort))),
    health: numberIn(applied['healthCheckNodePort']) > 0,
  };
}

function askedByFields(object: Manifest): Asked {
  const owned = partsOf(object.metadata['managedFields']).map((entry) =>
    partOf(partOf(entry['fieldsV1'])['f:spec']),
  );
  const key = (port: Part) =>
    `k:{"port":${numberIn(port['port'])},"protocol":"${textOf(port['protocol']) || 'TCP'}"}`;
  return {
    port: (port) => owned.some((fields) => 'f:nodePort' in partOf(partOf(fields['f:ports'])[key(port)])),
    health: owned.some((fields) => 'f:healthCheckNodePort' in fields),
  };
}
