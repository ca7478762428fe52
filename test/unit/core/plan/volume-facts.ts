import type { ClaimFact, Facts, PodFact, PodVolumeFact, VolumeFact } from '../../../../core/model.ts';
import { noFacts } from '../../../../core/plan/facts.ts';
import type { SnapshotClass } from '../../../../core/plan/snapshot-class.ts';
import type { VolumePlanInput } from '../../../../core/plan/volumes.ts';

export const DRIVER = 'csi.example.com';

export const snapshotClass = (name: string, more: Partial<SnapshotClass> = {}): SnapshotClass => ({
  name,
  driver: DRIVER,
  labels: {},
  annotations: {},
  ...more,
});

export const claim = (name: string, more: Partial<ClaimFact> = {}): ClaimFact => ({
  namespace: 'shop',
  name,
  uid: `uid-${name}`,
  volume: `pv-${name}`,
  phase: 'Bound',
  storageClass: 'fast',
  volumeMode: 'Filesystem',
  accessModes: ['ReadWriteOnce'],
  requestedBytes: 1024,
  labels: {},
  annotations: {},
  ...more,
});

export const volume = (name: string, more: Partial<VolumeFact> = {}): VolumeFact => ({
  name: `pv-${name}`,
  driver: DRIVER,
  source: { type: 'csi', csi: { driver: DRIVER, volumeAttributes: {} } },
  storageClass: 'fast',
  claim: `shop/${name}`,
  reclaimPolicy: 'Delete',
  labels: {},
  capacity: '1Ki',
  ...more,
});

/** A volume of a kind without CSI driver. */
export const foreign = (name: string, type: string): VolumeFact => {
  const { driver: _driver, ...rest } = volume(name);
  return { ...rest, source: { type } };
};

export const claimVolume = (name: string, of: string, more: Partial<PodVolumeFact> = {}): PodVolumeFact => ({
  name,
  claim: of,
  source: { type: '' },
  use: 'mount',
  ...more,
});

export const ownVolume = (name: string, type: string, more: Partial<PodVolumeFact> = {}): PodVolumeFact => ({
  name,
  source: { type },
  use: 'mount',
  ...more,
});

export const podWith = (
  name: string,
  volumes: PodVolumeFact[],
  more: Partial<Omit<PodFact, 'volumes' | 'claims'>> = {},
): PodFact => ({
  namespace: 'shop',
  name,
  uid: `uid-${name}`,
  phase: 'Running',
  node: 'n1',
  claims: Object.fromEntries(
    volumes.flatMap((each) => (each.claim === undefined ? [] : [[each.name, each.claim]])),
  ),
  volumes,
  annotations: {},
  labels: {},
  ...more,
});

/** Its volumes are called v0, v1 … */
export const pod = (name: string, claims: string[], namespace = 'shop'): PodFact =>
  podWith(
    name,
    claims.map((each, at) => claimVolume(`v${at}`, each)),
    { namespace },
  );

export const input = (facts: Partial<Facts>, more: Partial<VolumePlanInput> = {}): VolumePlanInput => ({
  facts: { ...noFacts(), ...facts },
  snapshotVolumes: true,
  moveData: true,
  fsBackupByDefault: false,
  policies: [],
  groupLabel: 'velero.io/volume-group',
  annotations: {},
  classes: [snapshotClass('only')],
  provisioners: { fast: DRIVER },
  ...more,
});
