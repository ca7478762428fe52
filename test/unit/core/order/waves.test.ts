import { describe, expect, it } from 'vitest';
import { NON_RESTORABLE, WAVE_NAMES, waveOf } from '../../../../core/order/waves.ts';

const at = (groupResource: string) => WAVE_NAMES.indexOf(waveOf(groupResource));

/** Velero's own order of the types that others need. */
const VELERO = [
  'customresourcedefinitions.apiextensions.k8s.io',
  'storageclasses.storage.k8s.io',
  'persistentvolumes',
  'persistentvolumeclaims',
  'clusterroles.rbac.authorization.k8s.io',
  'roles.rbac.authorization.k8s.io',
  'serviceaccounts',
  'clusterrolebindings.rbac.authorization.k8s.io',
  'rolebindings.rbac.authorization.k8s.io',
  'secrets',
  'configmaps',
  'limitranges',
  'priorityclasses.scheduling.k8s.io',
  'pods',
  'replicasets.apps',
  'clusterclasses.cluster.x-k8s.io',
  'endpoints',
  'services',
  'deployments.apps',
  'clusterbootstraps.run.tanzu.vmware.com',
];

describe('the restore order', () => {
  it("never turns Velero's around", () => {
    const waves = VELERO.map(at);
    expect(waves).toEqual(waves.toSorted((a, b) => a - b));
    expect(waves).not.toContain(-1);
  });

  it('has barriers where something must be there before', () => {
    expect(at('customresourcedefinitions.apiextensions.k8s.io')).toBeLessThan(at('shops.example.com'));
    expect(at('storageclasses.storage.k8s.io')).toBeLessThan(at('persistentvolumeclaims'));
    expect(at('persistentvolumeclaims')).toBeLessThan(at('pods'));
    expect(at('serviceaccounts')).toBeLessThan(at('pods'));
    expect(at('clusterroles.rbac.authorization.k8s.io')).toBeLessThan(
      at('clusterrolebindings.rbac.authorization.k8s.io'),
    );
    expect(at('configmaps')).toBeLessThan(at('pods'));
    expect(at('pods')).toBeLessThan(at('replicasets.apps'));
    expect(at('replicasets.apps')).toBeLessThan(at('deployments.apps'));
  });

  it.each([
    ['clusters.cluster.x-k8s.io', 'last'],
    ['packageinstalls.packaging.carvel.dev', 'last'],
    ['statefulsets.apps', 'workloads'],
    ['anything.example.com', 'workloads'],
    // Of the same plural as a type with a place of its own.
    ['services.serving.knative.dev', 'workloads'],
    ['toString', 'workloads'],
  ])('%s are in the wave %s', (groupResource, wave) => expect(waveOf(groupResource)).toBe(wave));

  it('names every wave once', () => {
    expect(new Set(WAVE_NAMES).size).toBe(WAVE_NAMES.length);
    expect(WAVE_NAMES.slice(-2)).toEqual(['workloads', 'last']);
  });

  it('leaves out the state of the old cluster and of the backup system', () => {
    expect(NON_RESTORABLE).toEqual([
      'nodes',
      'events',
      'events.events.k8s.io',
      'backups.velero.io',
      'restores.velero.io',
      'resticrepositories.velero.io',
      'csinodes.storage.k8s.io',
      'volumeattachments.storage.k8s.io',
      'backuprepositories.velero.io',
    ]);
  });
});
