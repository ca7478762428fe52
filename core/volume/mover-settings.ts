import { LABELS } from '../../contracts/ids.ts';
import { selectorMatches } from '../selection/label-selector.ts';
import type { Selector } from '../selection/label-selector.ts';
import type { BackupClaim, NodeAgentSettings } from './node-agent.ts';

/** What the node-agent's settings mean for movers, their claims and their number. */

export interface NodeFact {
  name: string;
  labels: Record<string, string>;
  unschedulable: boolean;
}

const OS = 'kubernetes.io/os';

/** Movers at once in the cluster: the numbers of its nodes together; the spread of the pods keeps to each node's. */
export function moverSlots(
  { loadConcurrency, loadAffinity }: NodeAgentSettings,
  nodes: readonly NodeFact[],
  standard: number,
): number {
  if (!loadConcurrency) return standard;
  const everywhere = loadAffinity.find(({ storageClass }) => storageClass === '');
  const usable = nodes.filter(
    ({ labels, unschedulable }) =>
      !unschedulable &&
      labels[OS] !== 'windows' &&
      (!everywhere || selectorMatches(everywhere.nodeSelector, labels)),
  );
  const onNode = ({ labels }: NodeFact) => {
    const own = loadConcurrency.perNodeConfig.filter(({ nodeSelector }) =>
      selectorMatches(nodeSelector, labels),
    );
    return own.length > 0 ? Math.min(...own.map(({ number }) => number)) : loadConcurrency.globalConfig;
  };
  const sum = usable.reduce((total, node) => total + onNode(node), 0);
  return Math.max(1, sum);
}

interface NodeRequirement {
  key: string;
  operator: string;
  values?: string[];
}

/** Nodes that a mover may run on: of the entry for the class, else of the one for all. */
export function moverPlacement(
  { loadAffinity }: NodeAgentSettings,
  storageClass: string,
): Record<string, unknown> {
  const entry =
    loadAffinity.find((candidate) => candidate.storageClass === storageClass) ??
    loadAffinity.find((candidate) => candidate.storageClass === '');
  const matchExpressions = [
    { key: OS, operator: 'NotIn', values: ['windows'] },
    ...(entry ? requirements(entry.nodeSelector) : []),
  ];
  return {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] },
      },
    },
    topologySpreadConstraints: [EVENLY],
  };
}

/** Slots count for the whole cluster; movers that spread leave each node its part. */
const EVENLY = {
  maxSkew: 1,
  topologyKey: 'kubernetes.io/hostname',
  whenUnsatisfiable: 'ScheduleAnyway',
  labelSelector: { matchLabels: { [LABELS.component]: 'mover', [LABELS.managedBy]: 'caravel' } },
};

const requirements = ({ matchLabels, matchExpressions }: Selector): NodeRequirement[] => [
  ...Object.entries(matchLabels ?? {}).map(([key, value]) => ({ key, operator: 'In', values: [value] })),
  ...(matchExpressions ?? []).map(({ key, operator, values = [] }) => ({
    key,
    operator,
    ...(values.length > 0 && { values }),
  })),
];

const AS_IT_IS: BackupClaim = {
  storageClass: '',
  readOnly: false,
  spcNoRelabeling: false,
  annotations: {},
};

/** How the temporary claim of a backup is made for volumes of this class. */
export const backupClaimFor = ({ backupPVC }: NodeAgentSettings, storageClass: string): BackupClaim =>
  (Object.hasOwn(backupPVC, storageClass) ? backupPVC[storageClass] : undefined) ?? AS_IT_IS;
