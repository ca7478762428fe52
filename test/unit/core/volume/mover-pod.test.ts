import { describe, expect, it } from 'vitest';
import { MOVER_VOLUME_PATH, MOVER_WORK_PATH } from '../../../../contracts/mover.ts';
import type { MoverSpec } from '../../../../contracts/mover.ts';
import { moverPod, moverState, waitsForVolume } from '../../../../core/volume/mover-pod.ts';
import type { MoverPodInput } from '../../../../core/volume/mover-pod.ts';

const spec: MoverSpec = {
  version: 1,
  direction: 'backup',
  attempt: 2,
  runUid: 'u',
  volumeMode: 'Filesystem',
  repository: {
    bucket: 'b',
    prefix: 'velero/kopia/shop/',
    endpoint: 's3:9000',
    region: 'r',
    tls: false,
    skipTlsVerify: false,
  },
  source: 'default@default:snapshot-data-upload-download/kopia/shop/data',
  tags: {},
  parallel: 8,
  checkpointSeconds: 180,
  uploadLimit: 0,
  downloadLimit: 0,
};

const input: MoverPodInput = {
  name: 'b-0123-2',
  namespace: 'velero',
  labels: { 'caravel.dev/run-uid': 'u' },
  annotations: { 'caravel.dev/workflow-id': 'w' },
  image: 'caravel:1',
  imagePullPolicy: 'IfNotPresent',
  serviceAccount: 'caravel-mover',
  data: { claim: 'b-0123' },
  secret: 'b-0123-repo',
  spec,
  graceSeconds: 60,
  placement: {},
};

interface Container {
  name: string;
  image: string;
  env: { name: string; value?: string; valueFrom?: object }[];
  securityContext: object;
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
  volumeDevices?: { name: string; devicePath: string }[];
}

interface Pod {
  metadata: object;
  spec: Record<string, unknown> & { containers: Container[]; volumes: { name: string }[] };
}

const podOf = (more: Partial<MoverPodInput> = {}) => moverPod({ ...input, ...more }) as Pod;
const containerOf = (more: Partial<MoverPodInput> = {}) => podOf(more).spec.containers[0]!;

describe('the mover pod', () => {
  it('has no right in the cluster, and no service addresses in its environment', () => {
    expect(podOf().spec).toMatchObject({
      serviceAccountName: 'caravel-mover',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 60,
    });
  });

  it('is root without privileges, and leaves the owners of the data alone', () => {
    const { securityContext } = podOf().spec;
    expect(securityContext).toEqual({
      runAsUser: 0,
      runAsGroup: 0,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(JSON.stringify(podOf())).not.toMatch(/fsGroup|privileged|hostPath|hostNetwork|hostPID/);
  });

  it.each([
    ['backup' as const, ['DAC_READ_SEARCH']],
    ['restore' as const, ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'MKNOD']],
  ])('for a %s has only the capabilities %j', (direction, add) => {
    expect(containerOf({ spec: { ...spec, direction } }).securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add },
    });
  });

  it('takes the credentials from files that only root reads, never from its environment', () => {
    const container = containerOf();
    expect(container.env.map(({ name }) => name)).toEqual(['CARAVEL_MOVER_SPEC', 'HOME', 'TMPDIR']);
    expect(container.env.some(({ valueFrom }) => valueFrom)).toBe(false);
    expect(container).not.toHaveProperty('envFrom');
    expect(JSON.parse(container.env[0]?.value ?? '')).toEqual(spec);
    expect(container.env[0]?.value).not.toMatch(/password|secret|accessKey/i);
    expect(podOf().spec.volumes).toContainEqual({
      name: 'credentials',
      secret: { secretName: 'b-0123-repo', defaultMode: 0o400 },
    });
    expect(container.volumeMounts).toContainEqual({
      name: 'credentials',
      mountPath: '/var/run/caravel/repository',
      readOnly: true,
    });
  });

  it('mounts the volume of its claim, and a scratch of its own', () => {
    expect(podOf().spec.volumes).toContainEqual({
      name: 'data',
      persistentVolumeClaim: { claimName: 'b-0123' },
    });
    expect(containerOf().volumeMounts).toContainEqual({ name: 'data', mountPath: MOVER_VOLUME_PATH });
    expect(containerOf().volumeMounts).toContainEqual({ name: 'work', mountPath: MOVER_WORK_PATH });
    expect(containerOf()).not.toHaveProperty('volumeDevices');
  });

  it('reads a folder that a pod uses without changing it, and sees what is mounted there later', () => {
    const data = { hostPath: '/var/lib/kubelet/pods/u/volumes/kubernetes.io~csi/pv-1/mount' };
    const placement = { nodeName: 'n1', tolerations: [{ operator: 'Exists' }] };
    const pod = podOf({ data, placement });
    expect(pod.spec).toMatchObject({ nodeName: 'n1', automountServiceAccountToken: false });
    expect(pod.spec.volumes.filter((volume) => 'hostPath' in volume)).toEqual([
      { name: 'data', hostPath: { path: data.hostPath, type: 'Directory' } },
    ]);
    const container = containerOf({ data, placement });
    expect(container.volumeMounts).toContainEqual({
      name: 'data',
      mountPath: MOVER_VOLUME_PATH,
      readOnly: true,
      mountPropagation: 'HostToContainer',
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['DAC_READ_SEARCH'] },
      seLinuxOptions: { type: 'spc_t' },
    });
    expect(JSON.stringify(pod)).not.toMatch(/fsGroup|privileged|hostNetwork|hostPID/);
  });

  it('gets a block volume as a device', () => {
    const container = containerOf({ spec: { ...spec, volumeMode: 'Block' } });
    expect(container.volumeDevices).toEqual([{ name: 'data', devicePath: MOVER_VOLUME_PATH }]);
    expect(container.volumeMounts.map(({ name }) => name)).not.toContain('data');
  });

  it('mounts every volume that it declares, and no other', () => {
    for (const volumeMode of ['Filesystem', 'Block'] as const) {
      const pod = podOf({ spec: { ...spec, volumeMode } });
      const { volumeMounts, volumeDevices = [] } = pod.spec.containers[0]!;
      const used = [...volumeMounts, ...volumeDevices].map(({ name }) => name);
      expect(used.toSorted()).toEqual(pod.spec.volumes.map(({ name }) => name).toSorted());
    }
  });

  it('is marked as its run wants it', () => {
    expect(podOf().metadata).toEqual({
      name: 'b-0123-2',
      namespace: 'velero',
      labels: input.labels,
      annotations: input.annotations,
    });
  });

  it('stands where the future pod can stand, and a placement changes nothing else', () => {
    const placement = {
      nodeSelector: { zone: 'a' },
      tolerations: [{ operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      restartPolicy: 'Always',
      serviceAccountName: 'admin',
      automountServiceAccountToken: true,
      securityContext: { fsGroup: 1000 },
      containers: [],
      volumes: [],
    };
    const { nodeSelector, tolerations, affinity } = placement;
    expect(podOf({ placement }).spec).toEqual({ ...podOf().spec, nodeSelector, tolerations, affinity });
  });
});

const waiting = (reason: string, message = 'words') => ({
  phase: 'Pending',
  containerStatuses: [{ state: { waiting: { reason, message } } }],
});
const unscheduled = (message?: string) => ({
  phase: 'Pending',
  conditions: [
    { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', ...(message && { message }) },
  ],
});
const fault = (code: string, message: string, final = false) => ({
  state: 'starting',
  fault: { code, message, ...(final && { final }) },
});

describe('the state of a mover', () => {
  it.each<[string, Parameters<typeof moverState>[0], object]>([
    ['unknown', undefined, { state: 'starting' }],
    ['new', {}, { state: 'starting' }],
    ['pending', { phase: 'Pending' }, { state: 'starting' }],
    ['being created', waiting('ContainerCreating'), { state: 'starting' }],
    ['pulling fails', waiting('ImagePullBackOff'), fault('MoverImagePull', 'ImagePullBackOff: words')],
    ['pull error', waiting('ErrImagePull'), fault('MoverImagePull', 'ErrImagePull: words')],
    ['image absent', waiting('ErrImageNeverPull'), fault('MoverImagePull', 'ErrImageNeverPull: words', true)],
    ['image name', waiting('InvalidImageName'), fault('MoverImagePull', 'InvalidImageName: words', true)],
    ['unschedulable', unscheduled('0/1 nodes'), fault('MoverUnschedulable', '0/1 nodes')],
    [
      'waiting for its volume',
      unscheduled('pod has unbound immediate PersistentVolumeClaims'),
      { state: 'starting' },
    ],
    ['unschedulable, no words', unscheduled(), fault('MoverUnschedulable', 'not schedulable')],
    [
      'scheduled',
      { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'True' }] },
      { state: 'starting' },
    ],
    ['running', { phase: 'Running', containerStatuses: [{ state: { running: {} } }] }, { state: 'running' }],
    [
      'terminated while the pod still counts as running',
      { phase: 'Running', containerStatuses: [{ state: { terminated: { message: '{"t":"result"}' } } }] },
      { state: 'ended', message: '{"t":"result"}' },
    ],
    [
      'killed without a word',
      { phase: 'Failed', containerStatuses: [{ state: { terminated: { exitCode: 137 } } }] },
      { state: 'ended', message: '' },
    ],
    ['evicted before it began', { phase: 'Failed' }, { state: 'ended', message: '' }],
    ['succeeded', { phase: 'Succeeded' }, { state: 'ended', message: '' }],
  ])('%s', (_name, status, expected) => expect(moverState(status)).toEqual(expected));
});

describe("the scheduler's words", () => {
  it.each([
    'pod has unbound immediate PersistentVolumeClaims. preemption: not eligible',
    'waiting for a volume to be created, either by the external provisioner',
    'running PreBind plugin "VolumeBinding": waiting for pod volumes',
    'persistentvolumeclaim "b-0123" not found',
    'running PreBind plugin "VolumeBinding": binding volumes: provisioning failed for PVC "b-0123"',
    '0/1 nodes are available: 1 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s).',
  ])('%j are no fault yet', (message) => expect(waitsForVolume(message)).toBe(true));

  it.each([
    '0/3 nodes are available: 3 Insufficient memory.',
    "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
    '0/1 nodes are available: 1 node(s) had volume node affinity conflict.',
  ])('%j are one', (message) => expect(waitsForVolume(message)).toBe(false));
});
