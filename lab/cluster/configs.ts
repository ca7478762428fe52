import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { type Lab, ports } from '../layout.ts';
import { pki, readCredentials } from './certificates.ts';

export const config = (lab: Lab, file: string): string => join(lab.dir, 'config', file);
export const adminKubeconfig = (lab: Lab): string => join(lab.dir, 'kubeconfig');
export const containerdSocket = (lab: Lab): string => join(lab.dir, 'containerd', 'containerd.sock');
export const pauseImage = 'localhost/lab-pause:1';

/** Writes the configuration files that are missing or changed; they take effect at the component's next start. */
export function writeConfigs(lab: Lab): void {
  const credentials = readCredentials(lab);
  write(adminKubeconfig(lab), kubeconfig(lab, 'lab-admin', credentials.adminToken));
  write(config(lab, 'kubelet.kubeconfig'), kubeconfig(lab, 'kubelet', credentials.kubeletToken));
  write(config(lab, 'kubelet.yaml'), stringify(kubelet(lab)));
  write(config(lab, 'scheduler.yaml'), stringify(scheduler(lab)));
  write(config(lab, 'kube-proxy.yaml'), stringify(kubeProxy(lab)));
  write(config(lab, 'containerd.toml'), containerd(lab));
  write(config(lab, 'cni/10-lab.conflist'), JSON.stringify(cni(lab), null, 2));
  write(config(lab, 'resolv.conf'), `nameserver ${lab.hostAddress}\n`);
}

function write(file: string, text: string): void {
  // kube-proxy ends when its file is touched.
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode: 0o600 });
}

function kubeconfig(lab: Lab, user: string, token: string): string {
  const authority = readFileSync(pki(lab, 'ca.crt')).toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': lab.name,
    clusters: [
      {
        name: lab.name,
        cluster: {
          server: `https://${lab.address}:${ports.apiserver}`,
          'certificate-authority-data': authority,
        },
      },
    ],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: lab.name, context: { cluster: lab.name, user } }],
  });
}

function kubelet(lab: Lab): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: lab.address,
    port: ports.kubelet,
    readOnlyPort: 0,
    healthzBindAddress: lab.address,
    healthzPort: ports.kubeletHealth,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: pki(lab, 'ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: lab.cgroup,
    failCgroupV1: false,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    containerRuntimeEndpoint: `unix://${containerdSocket(lab)}`,
    // The machine's disk is shared with much else: fullness of it is not the lab's affair.
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '1%',
      'nodefs.inodesFree': '1%',
      'imagefs.available': '1%',
    },
    // There is no registry to fetch an image from again.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    serializeImagePulls: false,
    resolvConf: config(lab, 'resolv.conf'),
    clusterDomain: 'cluster.local',
    clusterDNS: [lab.address],
    maxPods: 220,
    kubeAPIQPS: 100,
    kubeAPIBurst: 200,
    eventRecordQPS: 50,
    eventBurst: 100,
    podLogsDir: '/var/log/pods',
    shutdownGracePeriod: '0s',
  };
}

function scheduler(lab: Lab): object {
  return {
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    leaderElection: { leaderElect: false },
    clientConnection: { kubeconfig: adminKubeconfig(lab), qps: 200, burst: 400 },
  };
}

function kubeProxy(lab: Lab): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    bindAddress: lab.address,
    clusterCIDR: lab.podRange,
    hostnameOverride: lab.nodeName,
    healthzBindAddress: `${lab.address}:${ports.proxyHealth}`,
    metricsBindAddress: `${lab.address}:${ports.proxyMetrics}`,
    clientConnection: { kubeconfig: adminKubeconfig(lab) },
    iptables: { minSyncPeriod: '0s' },
    // These settings belong to the whole machine, which is not the lab's to change.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}

function containerd(lab: Lab): string {
  const at = (path: string): string => JSON.stringify(join(lab.dir, 'containerd', path));
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  const internal = 'plugins."io.containerd.internal.v1';
  return `version = 2
root = ${at('root')}
state = ${at('state')}
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
address = ${JSON.stringify(containerdSocket(lab))}
[${internal}.opt"]
path = ${at('opt')}
[${cri}]
sandbox_image = "${pauseImage}"
stream_server_address = "${lab.address}"
netns_mounts_under_state_dir = true
restrict_oom_score_adj = true
disable_apparmor = true
[${cri}.containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"
[${cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.runc.options]
SystemdCgroup = false
[${cri}.cni]
bin_dir = "/usr/lib/cni"
conf_dir = ${JSON.stringify(config(lab, 'cni'))}
`;
}

function cni(lab: Lab): object {
  return {
    cniVersion: '0.4.0',
    name: 'lab',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: '/var/lib/cni/networks',
          ranges: [[{ subnet: lab.podRange }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  };
}
