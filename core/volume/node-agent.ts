import { messageOf } from '../errors/catalog.ts';
import { FieldReader } from '../format/fields.ts';
import { parseQuantity } from '../format/quantity.ts';
import { selectorErrors } from '../selection/label-selector.ts';
import type { Selector } from '../selection/label-selector.ts';

/** The ConfigMap by which Velero's node-agent is told where and how movers run, as far as it concerns ours. */
export interface NodeAgentSettings {
  loadAffinity: LoadAffinity[];
  /** Absent: the cluster-wide number of the worker's configuration counts. */
  loadConcurrency?: LoadConcurrency;
  /** By the class of the volume that is backed up. */
  backupPVC: Record<string, BackupClaim>;
  /** Of the mover's container, without what is 0. */
  podResources: PodResources;
  priorityClassName: string;
  privilegedFsBackup: boolean;
  podLabels: Record<string, string>;
  podAnnotations: Record<string, string>;
}

export interface LoadAffinity {
  nodeSelector: Selector;
  /** Empty: for all classes that no other entry names. */
  storageClass: string;
}

export interface LoadConcurrency {
  /** Movers on a node that no entry selects. */
  globalConfig: number;
  perNodeConfig: { nodeSelector: Selector; number: number }[];
}

export interface BackupClaim {
  /** Empty: the class of the volume. */
  storageClass: string;
  readOnly: boolean;
  /** Only together with readOnly. */
  spcNoRelabeling: boolean;
  annotations: Record<string, string>;
}

export interface PodResources {
  requests: Record<string, string>;
  limits: Record<string, string>;
}

export const NO_SETTINGS: NodeAgentSettings = {
  loadAffinity: [],
  backupPVC: {},
  podResources: { requests: {}, limits: {} },
  priorityClassName: '',
  privilegedFsBackup: false,
  podLabels: {},
  podAnnotations: {},
};

const FIELDS = [
  'loadAffinity',
  'loadConcurrency',
  'backupPVC',
  'restorePVC',
  'podResources',
  'priorityClassName',
  'privilegedFsBackup',
  'podLabels',
  'podAnnotations',
  'cachePVC',
];

export interface ReadSettings {
  settings: NodeAgentSettings;
  faults: string[];
  /** Fields of another version, perhaps; they have no effect. */
  unknown: string[];
}

export function readNodeAgent(document: unknown): ReadSettings {
  const read = new FieldReader();
  const fields = read.object(document, '', FIELDS);
  const loadConcurrency = concurrency(read, fields['loadConcurrency'], 'loadConcurrency');
  // Movers are the first consumers of restored volumes in any case, and keep no cache between them.
  read.object(fields['restorePVC'], 'restorePVC', ['ignoreDelayBinding']);
  read.object(fields['cachePVC'], 'cachePVC', ['storageClass', 'residentThresholdInMB']);
  const settings: NodeAgentSettings = {
    loadAffinity: read
      .list(fields['loadAffinity'], 'loadAffinity')
      .map((entry, at) => affinity(read, entry, `loadAffinity[${at}]`)),
    ...(loadConcurrency && { loadConcurrency }),
    backupPVC: Object.fromEntries(
      read
        .map(fields['backupPVC'], 'backupPVC')
        .map(([name, entry]) => [name, backupClaim(read, entry, `backupPVC.${name}`)]),
    ),
    podResources: resources(read, fields['podResources'], 'podResources'),
    priorityClassName: read.text(fields['priorityClassName'], 'priorityClassName') ?? '',
    privilegedFsBackup: read.flag(fields['privilegedFsBackup'], 'privilegedFsBackup'),
    podLabels: read.textMap(fields['podLabels'], 'podLabels'),
    podAnnotations: read.textMap(fields['podAnnotations'], 'podAnnotations'),
  };
  return { settings, faults: read.faults, unknown: read.unknown };
}

function affinity(read: FieldReader, value: unknown, path: string): LoadAffinity {
  const { nodeSelector, storageClass } = read.object(value, path, ['nodeSelector', 'storageClass']);
  return {
    nodeSelector: selector(read, nodeSelector, `${path}.nodeSelector`),
    storageClass: read.text(storageClass, `${path}.storageClass`) ?? '',
  };
}

function selector(read: FieldReader, value: unknown, path: string): Selector {
  const { matchLabels, matchExpressions } = read.object(value, path, ['matchLabels', 'matchExpressions']);
  const found: Selector = {
    matchLabels: read.textMap(matchLabels, `${path}.matchLabels`),
    matchExpressions: read
      .list(matchExpressions, `${path}.matchExpressions`)
      .map((entry, at) => requirement(read, entry, `${path}.matchExpressions[${at}]`)),
  };
  for (const error of selectorErrors(found)) read.fault(path, error);
  return found;
}

function requirement(read: FieldReader, value: unknown, path: string) {
  const { key, operator, values } = read.object(value, path, ['key', 'operator', 'values']);
  return {
    key: read.text(key, `${path}.key`) ?? '',
    operator: read.text(operator, `${path}.operator`) ?? '',
    values: read.texts(values, `${path}.values`),
  };
}

function concurrency(read: FieldReader, value: unknown, path: string): LoadConcurrency | undefined {
  if (value === undefined || value === null) return undefined;
  const fields = read.object(value, path, ['globalConfig', 'perNodeConfig', 'prepareQueueLength']);
  // Nothing waits once it is prepared: slots are taken before. So any length is kept.
  read.count(fields['prepareQueueLength'], `${path}.prepareQueueLength`, 0);
  return {
    globalConfig: read.count(fields['globalConfig'], `${path}.globalConfig`, 1) ?? 1,
    perNodeConfig: read.list(fields['perNodeConfig'], `${path}.perNodeConfig`).map((entry, at) => {
      const here = `${path}.perNodeConfig[${at}]`;
      const { nodeSelector, number } = read.object(entry, here, ['nodeSelector', 'number']);
      const count = read.count(number, `${here}.number`, 1);
      if (number === undefined) read.fault(`${here}.number`, 'is missing');
      return { nodeSelector: selector(read, nodeSelector, `${here}.nodeSelector`), number: count ?? 1 };
    }),
  };
}

function backupClaim(read: FieldReader, value: unknown, path: string): BackupClaim {
  const fields = read.object(value, path, ['storageClass', 'readOnly', 'spcNoRelabeling', 'annotations']);
  return {
    storageClass: read.text(fields['storageClass'], `${path}.storageClass`) ?? '',
    readOnly: read.flag(fields['readOnly'], `${path}.readOnly`),
    spcNoRelabeling: read.flag(fields['spcNoRelabeling'], `${path}.spcNoRelabeling`),
    annotations: read.textMap(fields['annotations'], `${path}.annotations`),
  };
}

const RESOURCES = [
  ['cpu', 'cpu'],
  ['memory', 'memory'],
  ['ephemeralStorage', 'ephemeral-storage'],
] as const;

function resources(read: FieldReader, value: unknown, path: string): PodResources {
  const known = RESOURCES.flatMap(([field]) => [`${field}Request`, `${field}Limit`]);
  const fields = read.object(value, path, known);
  const of = (end: 'Request' | 'Limit') =>
    Object.fromEntries(
      RESOURCES.flatMap(([field, resource]) => {
        const quantity = amount(read, fields[`${field}${end}`], `${path}.${field}${end}`);
        return quantity === undefined ? [] : [[resource, quantity]];
      }),
    );
  return { requests: of('Request'), limits: of('Limit') };
}

/** Undefined for 0, which means that there is none. */
function amount(read: FieldReader, value: unknown, path: string): string | undefined {
  const text = read.text(value, path);
  if (text === undefined || text === '') return undefined;
  try {
    const number = parseQuantity(text);
    if (number < 0n) read.fault(path, `must not be negative`);
    return number === 0n ? undefined : text;
  } catch (error) {
    read.fault(path, messageOf(error));
    return undefined;
  }
}
