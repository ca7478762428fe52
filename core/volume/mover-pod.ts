import {
  MOVER_CONTAINER,
  MOVER_CREDENTIALS_PATH,
  MOVER_DATA_PATH,
  MOVER_SPEC_ENV,
  MOVER_VOLUME_PATH,
  MOVER_WORK_PATH,
} from '../../contracts/mover.ts';
import type { MoverSpec } from '../../contracts/mover.ts';
import { NO_SETTINGS } from './node-agent.ts';
import type { NodeAgentSettings } from './node-agent.ts';

/** Where the data is: in a claim of the same namespace, or in a folder of the node that a pod uses meanwhile. */
export type MoverData =
  | {
      claim: string;
      readOnly?: boolean;
      /** Files of a read-only volume cannot be given the label of the mover. */
      noRelabeling?: boolean;
    }
  | { hostPath: string };

export interface MoverPodInput {
  name: string;
  namespace: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  image: string;
  imagePullPolicy: string;
  serviceAccount: string;
  data: MoverData;
  /** Secret with the repository's credentials. */
  secret: string;
  spec: MoverSpec;
  graceSeconds: number;
  /** nodeSelector, affinity and tolerations; of the pod that will use the volume, for restores. */
  placement: Record<string, unknown>;
  settings?: MoverPodSettings;
}

export type MoverPodSettings = Pick<
  NodeAgentSettings,
  'podResources' | 'priorityClassName' | 'podLabels' | 'podAnnotations' | 'privilegedFsBackup'
>;

/** Reading everything needs one capability; writing owners, modes and special bits needs these. */
const CAPABILITIES = {
  backup: ['DAC_READ_SEARCH'],
  restore: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'MKNOD'],
} as const;

/**
 * The pod that moves one volume's data. It runs as uid 0 with the fewest capabilities, without fsGroup (which would
 * change the owners of the data) and without any right in the cluster.
 */
export function moverPod(input: MoverPodInput): object {
  const { name, namespace, labels, annotations, spec, settings = NO_SETTINGS } = input;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: { ...settings.podLabels, ...labels },
      annotations: { ...settings.podAnnotations, ...annotations },
    },
    spec: {
      ...input.placement,
      ...(settings.priorityClassName && { priorityClassName: settings.priorityClassName }),
      restartPolicy: 'Never',
      serviceAccountName: input.serviceAccount,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: input.graceSeconds,
      securityContext: { runAsUser: 0, runAsGroup: 0, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [moverContainer(input)],
      volumes: [
        { name: 'data', ...dataSource(input.data) },
        { name: 'credentials', secret: { secretName: input.secret, defaultMode: 0o400 } },
        { name: 'work', emptyDir: {} },
        ...(spec.volumeMode === 'Filesystem' ? [{ name: 'around', emptyDir: {} }] : []),
      ],
    },
  };
}

const dataSource = (data: MoverData) =>
  'claim' in data
    ? { persistentVolumeClaim: { claimName: data.claim, ...(data.readOnly && { readOnly: true }) } }
    : // The runtime would make a folder that is missing, in the kubelet's own.
      { hostPath: { path: data.hostPath, type: 'Directory' } };

/** What the kubelet mounts below a folder of the node later on is seen as well. */
const IN_USE = { readOnly: true, mountPropagation: 'HostToContainer' };

function mountOf(data: MoverData): object {
  const how = 'hostPath' in data ? IN_USE : data.readOnly ? { readOnly: true } : {};
  return { name: 'data', mountPath: MOVER_VOLUME_PATH, ...how };
}

/** With SELinux the files may carry the label of another pod, which no confined container may read. */
function securityContext({ data, spec, settings = NO_SETTINGS }: MoverPodInput): object {
  const inUse = 'hostPath' in data;
  const unconfined = inUse || data.noRelabeling;
  if (inUse && settings.privilegedFsBackup) return { privileged: true, readOnlyRootFilesystem: true };
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'], add: [...CAPABILITIES[spec.direction]] },
    ...(unconfined && { seLinuxOptions: { type: 'spc_t' } }),
  };
}

const some = (map: Record<string, string>) => Object.keys(map).length > 0;

function resourcesOf({ podResources: { requests, limits } }: MoverPodSettings): object {
  if (!some(requests) && !some(limits)) return {};
  return { resources: { ...(some(requests) && { requests }), ...(some(limits) && { limits }) } };
}

function moverContainer(input: MoverPodInput): object {
  const { image, imagePullPolicy, spec, settings = NO_SETTINGS } = input;
  const data =
    spec.volumeMode === 'Block'
      ? { volumeDevices: [{ name: 'data', devicePath: MOVER_VOLUME_PATH }] }
      : { volumeMounts: [{ name: 'around', mountPath: MOVER_DATA_PATH }, mountOf(input.data)] };
  const mounts = [
    { name: 'credentials', mountPath: MOVER_CREDENTIALS_PATH, readOnly: true },
    { name: 'work', mountPath: MOVER_WORK_PATH },
  ];
  return {
    name: MOVER_CONTAINER,
    image,
    imagePullPolicy,
    args: ['mover/main.ts'],
    env: [
      { name: MOVER_SPEC_ENV, value: JSON.stringify(spec) },
      { name: 'HOME', value: MOVER_WORK_PATH },
      { name: 'TMPDIR', value: MOVER_WORK_PATH },
    ],
    securityContext: securityContext(input),
    ...resourcesOf(settings),
    ...data,
    volumeMounts: 'volumeMounts' in data ? [...data.volumeMounts, ...mounts] : mounts,
  };
}

/** State of a mover pod as its object shows it. */
export type MoverState =
  { state: 'starting'; fault?: StartFault } | { state: 'running' } | { state: 'ended'; message: string };

export interface StartFault {
  code: 'MoverImagePull' | 'MoverUnschedulable' | 'PodVolumeMissing';
  message: string;
  /** No time will mend it: neither kubelet nor scheduler will try again. */
  final?: boolean;
}

interface Waiting {
  reason?: string;
  message?: string;
}

interface PodStatus {
  phase?: string;
  reason?: string;
  message?: string;
  conditions?: { type: string; status: string; reason?: string; message?: string }[];
  containerStatuses?: { state?: ContainerState }[];
}

interface ContainerState {
  waiting?: Waiting;
  running?: object;
  terminated?: { message?: string; exitCode?: number };
}

const ENDED = new Set(['Failed', 'Succeeded']);
/** The kubelet turns a pod away that the scheduler did not place. */
const TURNED_AWAY = /^(?:OutOf|NodeAffinity|UnexpectedAdmissionError|TopologyAffinity)/;
const PULL_FAULTS = new Set(['ImagePullBackOff', 'ErrImagePull', 'RegistryUnavailable']);
/** Nobody will ever pull these. */
const NO_PULL = new Set(['ErrImageNeverPull', 'InvalidImageName']);

export function moverState(status: PodStatus = {}): MoverState {
  const { terminated, running, waiting } = containerState(status);
  if (terminated) return { state: 'ended', message: terminated.message ?? '' };
  if (ENDED.has(status.phase ?? '')) return endedBeforehand(status);
  return running ? { state: 'running' } : startState(status, waiting ?? {});
}

/** No container of it ever ran. */
function endedBeforehand({ reason = '', message = '' }: PodStatus): MoverState {
  if (!TURNED_AWAY.test(reason)) return { state: 'ended', message: '' };
  return startFault('MoverUnschedulable', `${reason}: ${message}`, true);
}

const containerState = (status: PodStatus): ContainerState => status.containerStatuses?.[0]?.state ?? {};

/** Neither running nor ended: on its way, or kept from starting. */
function startState(status: PodStatus, { reason = '', message = '' }: Waiting): MoverState {
  const final = NO_PULL.has(reason);
  if (final || PULL_FAULTS.has(reason)) return startFault('MoverImagePull', `${reason}: ${message}`, final);
  const words = schedulersWords(status);
  return words ? startFault('MoverUnschedulable', words) : { state: 'starting' };
}

function schedulersWords({ conditions = [] }: PodStatus): string | undefined {
  const scheduled = conditions.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status !== 'False') return undefined;
  const words = scheduled.message ?? 'not schedulable';
  return waitsForVolume(words) ? undefined : words;
}

const startFault = (code: StartFault['code'], message: string, final = false): MoverState => ({
  state: 'starting',
  fault: { code, message, ...(final && { final }) },
});

/** The scheduler also waits for a claim that is being provisioned; that is no reason to give up. */
export const waitsForVolume = (message: string) =>
  /unbound immediate PersistentVolumeClaims|waiting for.*volume|binding volumes|persistentvolumeclaim .* not found|bound to non-existent pv/i.test(
    message,
  );
