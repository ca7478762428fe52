/** What is built from which pinned Go module (the go.mod and go.sum in lab/go/<group>). */
export interface Recipe {
  group: string;
  /** Built only for labs that ask for it (`lab up --with <group>`). */
  optional?: true;
  packages: string[];
  flags: string[];
  /** Seconds on two cores with a cold Go build cache; only for the progress display. */
  typicalSeconds: number;
  /** Files taken along from module sources, so that a later start needs neither Go nor the module cache. */
  assets: { module: string; file: RegExp; folder: string; into: string }[];
}

const stripped = ['-ldflags', '-s -w'];
const kubernetes = (name: string): string => `k8s.io/kubernetes/cmd/${name}`;

/** What the Kubernetes programs say of themselves; a build from modules carries no version. */
const kubernetesVersion = [
  ['gitVersion', 'v1.34.4'],
  ['gitMajor', '1'],
  ['gitMinor', '34'],
  ['gitTreeState', 'clean'],
]
  .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
  .join(' ');
const snapshotter = 'github.com/kubernetes-csi/external-snapshotter';
const tanzu = 'github.com/vmware-tanzu';

export const recipes: Recipe[] = [
  {
    group: 'kopia',
    packages: ['github.com/kopia/kopia'],
    flags: ['-tags', 'nohtmlui', '-ldflags', '-s -w -X github.com/kopia/kopia/repo.BuildVersion=0.23.1'],
    typicalSeconds: 97,
    assets: [],
  },
  {
    group: 'vgw',
    packages: ['github.com/versity/versitygw/cmd/versitygw'],
    flags: stripped,
    typicalSeconds: 57,
    assets: [],
  },
  {
    group: 'kube',
    packages: [
      kubernetes('kube-apiserver'),
      kubernetes('kube-controller-manager'),
      kubernetes('kube-scheduler'),
      kubernetes('kubelet'),
      kubernetes('kube-proxy'),
      kubernetes('kubectl'),
      'github.com/kubernetes-csi/external-provisioner/v5/cmd/csi-provisioner',
    ],
    flags: ['-ldflags', `-s -w ${kubernetesVersion}`],
    typicalSeconds: 335,
    assets: [
      {
        module: 'github.com/container-storage-interface/spec',
        folder: '.',
        file: /^csi\.proto$/,
        into: 'proto',
      },
      {
        module: 'k8s.io/kubelet',
        folder: 'pkg/apis/pluginregistration/v1',
        file: /^api\.proto$/,
        into: 'proto',
      },
    ],
  },
  {
    group: 'snap',
    packages: [`${snapshotter}/v8/cmd/csi-snapshotter`, `${snapshotter}/v8/cmd/snapshot-controller`],
    flags: stripped,
    typicalSeconds: 174,
    assets: [
      {
        module: `${snapshotter}/client/v8`,
        folder: 'config/crd',
        file: /storage\.k8s\.io.*\.yaml$/,
        into: 'crds',
      },
    ],
  },
  {
    group: 'temporal',
    packages: ['github.com/temporalio/cli/cmd/temporal'],
    flags: stripped,
    typicalSeconds: 260,
    assets: [],
  },
  {
    group: 'velero',
    optional: true,
    packages: [
      `${tanzu}/velero/cmd/velero`,
      `${tanzu}/velero/cmd/velero-restore-helper`,
      `${tanzu}/velero-plugin-for-aws/velero-plugin-for-aws`,
      `${tanzu}/velero-plugin-for-aws/hack/cp-plugin`,
    ],
    flags: ['-ldflags', `-s -w -X ${tanzu}/velero/pkg/buildinfo.Version=v1.18.3`],
    typicalSeconds: 300,
    assets: [],
  },
];

/** What `lab up --with` may name. */
export const optionalGroups = recipes.filter(({ optional }) => optional).map(({ group }) => group);
