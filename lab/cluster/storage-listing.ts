import { VolumeStore } from '../csi/store.ts';
import type { Lab } from '../layout.ts';
import { csiDir } from './storage.ts';

/** Prints what the storage driver really holds, whatever Kubernetes thinks. */
export function printStorage(lab: Lab, json: boolean): void {
  const store = new VolumeStore(csiDir(lab));
  const volumes = store.list('volumes');
  const snapshots = store.list('snapshots');
  if (json) {
    console.log(JSON.stringify({ volumes, snapshots }, null, 2));
    return;
  }
  for (const volume of volumes) {
    const claim = volume.parameters['csi.storage.k8s.io/pvc/name'] ?? '';
    console.log(`volume    ${volume.id}  ${volume.mode}  ${volume.sizeBytes}  ${claim}`);
  }
  for (const snapshot of snapshots) console.log(`snapshot  ${snapshot.id}  of ${snapshot.volume}`);
  console.log(`${volumes.length} volumes, ${snapshots.length} snapshots`);
}
