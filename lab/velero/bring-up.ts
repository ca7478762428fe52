import type { Binaries } from '../build/binaries.ts';
import { labEnv } from '../env.ts';
import { loadImageOf } from '../images/load.ts';
import type { Lab } from '../layout.ts';
import { veleroImages } from './images.ts';
import { installVelero } from './install.ts';
import { veleroBucket, veleroNamespace } from './names.ts';

/** Loads the images of stock Velero and installs one beside Caravel. */
export async function bringUpVelero(
  lab: Lab,
  binaries: Binaries,
  say: (line: string) => void,
): Promise<void> {
  const started = Date.now();
  for (const recipe of veleroImages(binaries)) await loadImageOf(lab, recipe);
  const env = labEnv(lab.name);
  await installVelero(env, { namespace: veleroNamespace, bucket: veleroBucket, prefix: veleroNamespace });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  say(`Velero serves in namespace ${veleroNamespace} after ${seconds} s`);
}
