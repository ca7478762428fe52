import { messageOf } from '../errors/catalog.ts';
import { FieldReader } from '../format/fields.ts';
import { quantityBytes } from '../format/quantity.ts';

/** The document in the ConfigMap that `spec.resourcePolicy` names. */
export interface ResourcePolicies {
  /** First match wins. */
  volumePolicies: VolumePolicy[];
  includeExcludePolicy: IncludeExcludePolicy;
}

export const ACTIONS = ['skip', 'snapshot', 'fs-backup', 'custom'] as const;
export type VolumeAction = (typeof ACTIONS)[number];

export interface VolumePolicy {
  conditions: VolumeConditions;
  action: VolumeAction;
}

/** All of them must hold; an absent one holds. */
export interface VolumeConditions {
  /** Bytes; 0 is an open end. */
  capacity?: { low: number; high: number };
  storageClass?: readonly string[];
  nfs?: { server: string; path: string };
  csi?: { driver: string; volumeAttributes: Record<string, string> };
  volumeTypes?: readonly string[];
  pvcLabels?: Record<string, string>;
  pvcPhase?: readonly string[];
}

const LISTS = [
  'includedClusterScopedResources',
  'excludedClusterScopedResources',
  'includedNamespaceScopedResources',
  'excludedNamespaceScopedResources',
] as const;
export type IncludeExcludePolicy = Record<(typeof LISTS)[number], string[]>;

const CONDITIONS = ['capacity', 'storageClass', 'nfs', 'csi', 'volumeTypes', 'pvcLabels', 'pvcPhase'];

export const NO_POLICIES: ResourcePolicies = {
  volumePolicies: [],
  includeExcludePolicy: {
    includedClusterScopedResources: [],
    excludedClusterScopedResources: [],
    includedNamespaceScopedResources: [],
    excludedNamespaceScopedResources: [],
  },
};

/** Checks the parsed document; every fault is named with its field. */
export function readPolicies(document: unknown): { policies: ResourcePolicies; faults: string[] } {
  const read = new FieldReader();
  const fields = read.object(document, '', ['version', 'volumePolicies', 'includeExcludePolicy']);
  if (fields['version'] !== 'v1') {
    const found = JSON.stringify(fields['version'] ?? '');
    read.fault('version', `incompatible version number ${found} with supported version v1`);
  }
  const volumePolicies = read
    .list(fields['volumePolicies'], 'volumePolicies')
    .map((entry, at) => volumePolicy(read, entry, `volumePolicies[${at}]`));
  const includeExcludePolicy = includeExclude(read, fields['includeExcludePolicy'], 'includeExcludePolicy');
  return {
    policies: { volumePolicies, includeExcludePolicy },
    faults: [...read.faults, ...read.unknown],
  };
}

function volumePolicy(read: FieldReader, value: unknown, path: string): VolumePolicy {
  const { conditions, action } = read.object(value, path, ['conditions', 'action']);
  return {
    conditions: volumeConditions(read, conditions, `${path}.conditions`),
    action: volumeAction(read, action, `${path}.action`),
  };
}

function volumeAction(read: FieldReader, value: unknown, path: string): VolumeAction {
  // Parameters are for whoever carries out `custom`; any shape will do.
  const { type, parameters } = read.object(value, path, ['type', 'parameters']);
  read.map(parameters, `${path}.parameters`);
  const found = ACTIONS.find((action) => action === type);
  if (!found) {
    read.fault(
      `${path}.type`,
      `invalid action type ${JSON.stringify(type ?? '')}; known are ${ACTIONS.join(', ')}`,
    );
  }
  return found ?? 'skip';
}

function volumeConditions(read: FieldReader, value: unknown, path: string): VolumeConditions {
  const given = read.object(value, path, CONDITIONS);
  const has = (field: string) => given[field] !== undefined && given[field] !== null;
  const at = (field: string) => `${path}.${field}`;
  const texts = (field: string) => has(field) && { [field]: read.texts(given[field], at(field)) };
  const capacity = has('capacity') && capacityRange(read, given['capacity'], at('capacity'));
  return {
    ...(capacity && { capacity }),
    ...texts('storageClass'),
    ...(has('nfs') && { nfs: nfsCondition(read, given['nfs'], at('nfs')) }),
    ...(has('csi') && { csi: csiCondition(read, given['csi'], at('csi')) }),
    ...texts('volumeTypes'),
    ...(has('pvcLabels') && { pvcLabels: read.textMap(given['pvcLabels'], at('pvcLabels')) }),
    ...texts('pvcPhase'),
  };
}

function nfsCondition(read: FieldReader, value: unknown, path: string) {
  const { server, path: exported } = read.object(value, path, ['server', 'path']);
  return {
    server: read.text(server, `${path}.server`) ?? '',
    path: read.text(exported, `${path}.path`) ?? '',
  };
}

function csiCondition(read: FieldReader, value: unknown, path: string) {
  const fields = read.object(value, path, ['driver', 'volumeAttributes']);
  const driver = read.text(fields['driver'], `${path}.driver`) ?? '';
  const volumeAttributes = read.textMap(fields['volumeAttributes'], `${path}.volumeAttributes`);
  if (driver === '' && Object.keys(volumeAttributes).length > 0) {
    read.fault(`${path}.driver`, 'csi driver should not be empty when filtering by volume attributes');
  }
  return { driver, volumeAttributes };
}

/** `"10Gi,100Gi"`; an empty side is open. */
function capacityRange(read: FieldReader, value: unknown, path: string) {
  const text = read.text(value, path);
  if (text === undefined) return undefined;
  const sides = text.split(',').map((side) => side.trim());
  if (sides.length !== 2) {
    read.fault(path, `wrong format of Capacity ${JSON.stringify(text)}: expected "<from>,<to>"`);
    return undefined;
  }
  const [low = 0, high = 0] = sides.map((side) => sideBytes(read, side, path));
  if (high !== 0 && low > high) {
    read.fault(path, `illegal values for capacity ${JSON.stringify(text)}: from is above to`);
  }
  return { low, high };
}

function sideBytes(read: FieldReader, text: string, path: string): number {
  if (text === '') return 0;
  try {
    const bytes = quantityBytes(text);
    if (bytes < 0) read.fault(path, `illegal values for capacity: ${text} is negative`);
    return bytes;
  } catch (error) {
    read.fault(path, `wrong format of Capacity: ${messageOf(error)}`);
    return 0;
  }
}

function includeExclude(read: FieldReader, value: unknown, path: string): IncludeExcludePolicy {
  const given = read.object(value, path, LISTS);
  const lists = Object.fromEntries(
    LISTS.map((field) => [field, read.texts(given[field], `${path}.${field}`)]),
  ) as IncludeExcludePolicy;
  for (const field of LISTS.filter((name) => lists[name].includes('*'))) {
    read.fault(`${path}.${field}`, "cannot use '*' in includes or excludes filters in the policy");
  }
  for (const scope of ['ClusterScopedResources', 'NamespaceScopedResources'] as const) {
    const both = lists[`excluded${scope}`].filter((name) => lists[`included${scope}`].includes(name));
    for (const name of both) {
      read.fault(
        `${path}.excluded${scope}`,
        `excludes list cannot contain an item in the includes list: ${name}`,
      );
    }
  }
  return lists;
}
