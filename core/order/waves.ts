/**
 * The restore order. Velero restores one type after the other; only these barriers are really needed, and inside a
 * wave everything may go at once.
 */
const WAVES: readonly (readonly [string, readonly string[]])[] = [
  ['crds', ['customresourcedefinitions.apiextensions.k8s.io']],
  [
    'storage',
    ['storageclasses.storage.k8s.io', 'volumesnapshotclasses.snapshot.storage.k8s.io', 'persistentvolumes'],
  ],
  ['claims', ['persistentvolumeclaims']],
  [
    'access',
    ['clusterroles.rbac.authorization.k8s.io', 'roles.rbac.authorization.k8s.io', 'serviceaccounts'],
  ],
  [
    'configuration',
    [
      'clusterrolebindings.rbac.authorization.k8s.io',
      'rolebindings.rbac.authorization.k8s.io',
      'secrets',
      'configmaps',
      'limitranges',
      'priorityclasses.scheduling.k8s.io',
    ],
  ],
  ['pods', ['pods']],
  ['replicas', ['replicasets.apps', 'clusterclasses.cluster.x-k8s.io', 'endpoints', 'services']],
];

const LAST = new Set([
  'clusterbootstraps.run.tanzu.vmware.com',
  'clusters.cluster.x-k8s.io',
  'clusterresourcesets.addons.cluster.x-k8s.io',
  'apps.kappctrl.k14s.io',
  'packageinstalls.packaging.carvel.dev',
  // They refuse whatever comes after them for as long as the pods behind them do not run.
  'mutatingwebhookconfigurations.admissionregistration.k8s.io',
  'validatingwebhookconfigurations.admissionregistration.k8s.io',
  'validatingadmissionpolicybindings.admissionregistration.k8s.io',
  'apiservices.apiregistration.k8s.io',
]);

export const WAVE_NAMES = [...WAVES.map(([name]) => name), 'workloads', 'last'];

const BY_RESOURCE = new Map(
  WAVES.flatMap(([name, members]) => members.map((member) => [member, name] as const)),
);

/** The wave in which objects of a group-resource are created. */
export const waveOf = (groupResource: string): string =>
  BY_RESOURCE.get(groupResource) ?? (LAST.has(groupResource) ? 'last' : 'workloads');

/** Types that a restore never creates: state of the old cluster, and the backup system's own records. */
export const NON_RESTORABLE: readonly string[] = [
  'nodes',
  'events',
  'events.events.k8s.io',
  'backups.velero.io',
  'restores.velero.io',
  'resticrepositories.velero.io',
  'csinodes.storage.k8s.io',
  'volumeattachments.storage.k8s.io',
  'backuprepositories.velero.io',
];
