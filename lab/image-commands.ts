import { type Binaries, locateBinaries } from './build/binaries.ts';
import { applyProject } from './cluster/deploy.ts';
import { type LabEnvironment, writeEnvironment } from './env.ts';
import { requireSnapshots } from './existing-cluster.ts';
import type { Variables } from './existing-cluster.ts';
import { webRecipe } from './images/busybox-images.ts';
import { buildAndLoadCaravel } from './images/caravel-image.ts';
import { importImage } from './images/containerd.ts';
import { loadImageOf } from './images/load.ts';
import { postgresRecipe } from './images/postgres-image.ts';
import { type Lab, saveRecord } from './layout.ts';

type Say = (line: string) => void;

/** Builds the project's image, loads it, applies the project's objects. */
export async function deploy(lab: Lab, imageOnly: boolean, say: Say): Promise<void> {
  const binaries = locateBinaries();
  const started = Date.now();
  const seconds = (): string => ((Date.now() - started) / 1000).toFixed(1);
  const image = await buildAndLoadCaravel(lab, binaries, say);
  say(`${image} is built and loaded after ${seconds()} s`);
  const environment = remember(lab, image, binaries);
  if (imageOnly) return;
  await applyProject(environment.KUBECONFIG, { ...environment, CARAVEL_IMAGE: image }, say);
  say(`deployed after ${seconds()} s`);
}

/** Applies the project's objects to a cluster that is not the lab's; its nodes have or pull the image. */
export async function deployTo(variables: Variables, say: Say): Promise<void> {
  const kubeconfig = variables['KUBECONFIG'] ?? '';
  await requireSnapshots(kubeconfig);
  await applyProject(kubeconfig, variables, say);
}

function remember(lab: Lab, image: string, binaries: Binaries): LabEnvironment {
  const changed = { ...lab, image };
  saveRecord(changed);
  return writeEnvironment(changed, binaries);
}

/** Loads an image archive; one of Caravel itself becomes CARAVEL_IMAGE. */
export async function loadImage(lab: Lab, file: string, say: Say): Promise<void> {
  const names = await importImage(lab, file);
  say(`loaded ${names.join(' ')}`);
  const caravel = names.find((name) => /\/caravel:/.test(name));
  if (caravel) remember(lab, caravel, locateBinaries());
}

const testImages = [webRecipe, postgresRecipe];

/** Makes and loads the images of the demonstration and the tests. */
export async function loadTestImages(lab: Lab, say: Say): Promise<void> {
  for (const recipe of testImages) {
    await loadImageOf(lab, recipe);
    say(`${recipe.name} is loaded`);
  }
}
