import { join } from 'node:path';
import type { Binaries } from '../build/binaries.ts';
import { type Lab, ports } from '../layout.ts';
import { pki, readCredentials } from './certificates.ts';
import { adminKubeconfig, config, containerdSocket } from './configs.ts';
import type { Health } from './health.ts';
import type { Launch } from './processes.ts';

export interface Component {
  name: string;
  /** Started only when these are healthy. */
  after: string[];
  launch: (lab: Lab, binaries: Binaries) => Launch;
  health: (lab: Lab) => Health;
}

/** Where kubelet and the sidecars find the storage driver, as seen inside the lab. */
export const csiSocket = '/var/lib/kubelet/plugins/csi.caravel.dev/csi.sock';
const registrationSocket = '/var/lib/kubelet/plugins_registry/csi.caravel.dev-reg.sock';

const serverFlags = (lab: Lab): string[] => [
  `--kubeconfig=${adminKubeconfig(lab)}`,
  `--authentication-kubeconfig=${adminKubeconfig(lab)}`,
  `--authorization-kubeconfig=${adminKubeconfig(lab)}`,
  `--bind-address=${lab.address}`,
];

/** Quick retries and no client-side throttling: we measure overheads in tenths of a second. */
const sidecarFlags = (lab: Lab, port: number): string[] => [
  `--kubeconfig=${adminKubeconfig(lab)}`,
  `--http-endpoint=${lab.address}:${port}`,
  '--leader-election=false',
  '--kube-api-qps=100',
  '--kube-api-burst=200',
  '--retry-interval-start=200ms',
  '--retry-interval-max=5s',
  '--worker-threads=20',
];

const etcd: Component = {
  name: 'etcd',
  after: [],
  launch: (lab) => {
    const client = `http://${lab.address}:${ports.etcd}`;
    const peer = `http://${lab.address}:${ports.etcdPeer}`;
    return {
      command: [
        '/usr/bin/etcd',
        '--name=lab',
        `--data-dir=${join(lab.dir, 'etcd')}`,
        `--listen-client-urls=${client}`,
        `--advertise-client-urls=${client}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=lab=${peer}`,
        // A lost machine loses its lab; a killed etcd does not lose what it wrote.
        '--unsafe-no-fsync=true',
        '--quota-backend-bytes=4294967296',
        '--log-level=warn',
      ],
      env: { ETCD_UNSUPPORTED_ARCH: process.arch },
    };
  },
  health: (lab) => ({ url: `http://${lab.address}:${ports.etcd}/health` }),
};

const apiserver: Component = {
  name: 'apiserver',
  after: ['etcd'],
  launch: (lab, binaries) => ({
    command: [
      binaries.program('kube', 'kube-apiserver'),
      `--etcd-servers=http://${lab.address}:${ports.etcd}`,
      `--bind-address=${lab.address}`,
      `--advertise-address=${lab.address}`,
      `--secure-port=${ports.apiserver}`,
      `--tls-cert-file=${pki(lab, 'apiserver.crt')}`,
      `--tls-private-key-file=${pki(lab, 'apiserver.key')}`,
      `--client-ca-file=${pki(lab, 'ca.crt')}`,
      `--token-auth-file=${pki(lab, 'tokens.csv')}`,
      `--service-account-key-file=${pki(lab, 'service-account.key')}`,
      `--service-account-signing-key-file=${pki(lab, 'service-account.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-cluster-ip-range=${lab.serviceRange}`,
      `--kubelet-client-certificate=${pki(lab, 'apiserver-kubelet.crt')}`,
      `--kubelet-client-key=${pki(lab, 'apiserver-kubelet.key')}`,
      '--kubelet-preferred-address-types=InternalIP',
      '--authorization-mode=Node,RBAC',
      '--allow-privileged=true',
      '--endpoint-reconciler-type=lease',
      '--profiling=false',
    ],
  }),
  health: (lab) => ({ url: `https://${lab.address}:${ports.apiserver}/readyz` }),
};

const controllerManager: Component = {
  name: 'controller-manager',
  after: ['apiserver'],
  launch: (lab, binaries) => ({
    command: [
      binaries.program('kube', 'kube-controller-manager'),
      ...serverFlags(lab),
      `--secure-port=${ports.controllerManager}`,
      `--service-account-private-key-file=${pki(lab, 'service-account.key')}`,
      `--root-ca-file=${pki(lab, 'ca.crt')}`,
      '--leader-elect=false',
      '--kube-api-qps=200',
      '--kube-api-burst=400',
      '--profiling=false',
    ],
  }),
  health: (lab) => ({ url: `https://${lab.address}:${ports.controllerManager}/healthz` }),
};

const scheduler: Component = {
  name: 'scheduler',
  after: ['apiserver'],
  launch: (lab, binaries) => ({
    command: [
      binaries.program('kube', 'kube-scheduler'),
      ...serverFlags(lab).slice(1),
      `--secure-port=${ports.scheduler}`,
      `--config=${config(lab, 'scheduler.yaml')}`,
    ],
  }),
  health: (lab) => ({ url: `https://${lab.address}:${ports.scheduler}/healthz` }),
};

const containerd: Component = {
  name: 'containerd',
  after: [],
  launch: (lab) => ({ command: ['/usr/bin/containerd', '--config', config(lab, 'containerd.toml')] }),
  health: (lab) => ({ socket: containerdSocket(lab) }),
};

const kubelet: Component = {
  name: 'kubelet',
  after: ['apiserver', 'containerd'],
  launch: (lab, binaries) => ({
    command: [
      binaries.program('kube', 'kubelet'),
      `--config=${config(lab, 'kubelet.yaml')}`,
      `--kubeconfig=${config(lab, 'kubelet.kubeconfig')}`,
      `--hostname-override=${lab.nodeName}`,
      `--node-ip=${lab.address}`,
      '--root-dir=/var/lib/kubelet',
      '--cert-dir=/var/lib/kubelet/pki',
    ],
  }),
  health: (lab) => ({ url: `http://${lab.address}:${ports.kubeletHealth}/healthz` }),
};

const kubeProxy: Component = {
  name: 'kube-proxy',
  after: ['apiserver'],
  launch: (lab, binaries) => ({
    command: [binaries.program('kube', 'kube-proxy'), `--config=${config(lab, 'kube-proxy.yaml')}`],
  }),
  health: (lab) => ({ url: `http://${lab.address}:${ports.proxyHealth}/livez` }),
};

const csiDriver: Component = {
  name: 'csi-driver',
  after: [],
  launch: (lab, binaries) => ({
    command: [
      process.execPath,
      join(import.meta.dirname, '../csi/main.ts'),
      ...['--socket', csiSocket],
      ...['--registration-socket', registrationSocket],
      ...['--store', join(lab.dir, 'csi')],
      ...['--faults', join(lab.dir, 'faults.json')],
      ...['--node', lab.nodeName],
      ...['--protos', binaries.asset('kube', 'proto')],
    ],
  }),
  health: (lab) => ({ socket: csiSocket.replace('/var/lib/kubelet', join(lab.dir, 'kubelet')) }),
};

const provisioner: Component = {
  name: 'csi-provisioner',
  after: ['apiserver', 'csi-driver'],
  launch: (lab, binaries) => ({
    // It ends when it loses the driver.
    respawn: true,
    command: [
      binaries.program('kube', 'csi-provisioner'),
      ...sidecarFlags(lab, ports.provisioner),
      `--csi-address=${csiSocket}`,
      '--feature-gates=Topology=true',
      '--extra-create-metadata',
      '--timeout=60s',
    ],
  }),
  health: (lab) => ({ url: `http://${lab.address}:${ports.provisioner}/metrics` }),
};

const snapshotter: Component = {
  name: 'csi-snapshotter',
  after: ['apiserver', 'csi-driver'],
  launch: (lab, binaries) => ({
    // It ends when it loses the driver.
    respawn: true,
    command: [
      binaries.program('snap', 'csi-snapshotter'),
      ...sidecarFlags(lab, ports.snapshotter),
      `--csi-address=${csiSocket}`,
      '--extra-create-metadata',
      '--feature-gates=CSIVolumeGroupSnapshot=true',
      '--timeout=60s',
    ],
  }),
  health: (lab) => ({ url: `http://${lab.address}:${ports.snapshotter}/metrics` }),
};

const snapshotController: Component = {
  name: 'snapshot-controller',
  after: ['apiserver'],
  launch: (lab, binaries) => ({
    command: [
      binaries.program('snap', 'snapshot-controller'),
      ...sidecarFlags(lab, ports.snapshotController),
      '--feature-gates=CSIVolumeGroupSnapshot=true',
    ],
  }),
  health: (lab) => ({ url: `http://${lab.address}:${ports.snapshotController}/metrics` }),
};

const temporal: Component = {
  name: 'temporal',
  after: [],
  launch: (lab, binaries) => ({
    command: [
      binaries.program('temporal', 'temporal'),
      ...['server', 'start-dev'],
      ...['--ip', lab.address, '--port', String(ports.temporal)],
      ...['--ui-ip', lab.address, '--ui-port', String(ports.temporalUi)],
      ...['--metrics-port', String(ports.temporalMetrics)],
      ...['--db-filename', join(lab.dir, 'temporal', 'temporal.db')],
      // As with etcd: what was written survives the process, not the machine.
      ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=OFF'],
      ...['--namespace', 'default', '--log-level', 'warn'],
    ],
    env: { HOME: join(lab.dir, 'temporal') },
  }),
  // The answer comes from the innermost part, by way of all the others.
  health: (lab) => ({
    url: `http://${lab.address}:${ports.temporalUi}/api/v1/namespaces/default/workflows/lab-health`,
    saying: 'workflow not found',
  }),
};

const s3: Component = {
  name: 's3',
  after: [],
  launch: (lab, binaries) => {
    const { s3AccessKey, s3SecretKey } = readCredentials(lab);
    return {
      command: [
        binaries.program('vgw', 'versitygw'),
        ...['--port', `${lab.address}:${ports.s3}`, '--region', 'us-east-1', '--quiet'],
        ...['posix', '--sidecar', join(lab.dir, 's3', 'metadata'), join(lab.dir, 's3', 'data')],
      ],
      // By environment, so that the secret stands in no process list.
      env: { ROOT_ACCESS_KEY: s3AccessKey, ROOT_SECRET_KEY: s3SecretKey },
    };
  },
  health: (lab) => ({ port: ports.s3, host: lab.address }),
};

const dns: Component = {
  name: 'dns',
  after: ['apiserver'],
  launch: (lab) => ({
    command: [
      process.execPath,
      join(import.meta.dirname, '../dns/main.ts'),
      ...['--kubeconfig', adminKubeconfig(lab)],
      ...['--address', lab.address],
    ],
  }),
  health: (lab) => ({ nameServer: lab.address, name: 'kubernetes.default.svc.cluster.local' }),
};

/** In the order in which they are started. */
export const components: Component[] = [
  etcd,
  containerd,
  csiDriver,
  temporal,
  s3,
  apiserver,
  controllerManager,
  scheduler,
  kubelet,
  kubeProxy,
  snapshotController,
  provisioner,
  snapshotter,
  dns,
];

export function findComponent(name: string): Component {
  const found = components.find((component) => component.name === name);
  const names = components.map((component) => component.name).join(', ');
  if (!found) throw new Error(`There is no component "${name}". There are: ${names}`);
  return found;
}
