import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Binaries, buildBinaries } from '../build/binaries.ts';
import { startTimeoutMs, waitUntil } from '../host/command.ts';
import { withLock } from '../host/lock.ts';
import { checkHost, installMissingPackages } from '../host/requirements.ts';
import { controlNamespace, writeEnvironment } from '../env.ts';
import { importImage, listImages } from '../images/containerd.ts';
import { pauseRecipe } from '../images/busybox-images.ts';
import { imageArchive } from '../images/cached-image.ts';
import { findLab, type Lab, labsDir, openLab, saveRecord } from '../layout.ts';
import { bringUpVelero } from '../velero/bring-up.ts';
import { createBuckets } from './buckets.ts';
import { createCredentials } from './certificates.ts';
import { createCgroups } from './cgroups.ts';
import { components } from './components.ts';
import { adminKubeconfig, pauseImage, writeConfigs } from './configs.ts';
import { KubeClient, readManifest } from './kube-client.ts';
import { createMountNamespace, createNetwork } from './namespaces.ts';
import { isRunning } from './processes.ts';
import { startComponents } from './start.ts';
import { mountStorage } from './storage.ts';

/** Brings a lab up, or repairs what is missing of it. A lab keeps the optional groups that it once got. */
export async function bringUp(name: string, say: (line: string) => void, asked: string[] = []): Promise<Lab> {
  checkHost();
  const installed = await installMissingPackages(say);
  if (installed.length > 0) say(`installed ${installed.join(' ')}`);
  const extras = [...new Set([...(findLab(name)?.extras ?? []), ...asked])];
  const binaries = await buildBinaries(say, extras);
  const lab = await withLock(
    `${labsDir}.lock`,
    () => say('another lab is coming up or going down: waiting for it'),
    () => start({ ...openLab(name), extras }, binaries, say),
  );
  if (extras.includes('velero')) await bringUpVelero(lab, binaries, say);
  return lab;
}

async function start(lab: Lab, binaries: Binaries, say: (line: string) => void): Promise<Lab> {
  const { name } = lab;
  saveRecord(lab);
  const dead = components.map(({ name: each }) => each).filter((each) => !isRunning(lab, each));
  if (dead.length > 0 && dead.length < components.length) {
    say(`lab "${name}" is up, but these are not running and are started: ${dead.join(', ')}`);
  }
  const started = Date.now();
  await Promise.all([createNetwork(lab), mountStorage(lab), createCredentials(lab)]);
  await createMountNamespace(lab);
  createCgroups(lab);
  writeConfigs(lab);
  const client = new KubeClient(adminKubeconfig(lab));
  await startComponents(lab, binaries, () => applyBaseObjects(client, binaries));
  await Promise.all([importPause(lab), createBuckets(lab), waitForNode(client, lab)]);
  client.close();
  writeEnvironment(lab, binaries);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  say(dead.length > 0 ? `lab "${name}" is up after ${seconds} s` : `lab "${name}" was already up`);
  return lab;
}

/** Definitions first: the snapshot controllers look for them when they start. */
async function applyBaseObjects(client: KubeClient, binaries: Binaries): Promise<void> {
  const crds = binaries.asset('snap', 'crds');
  const definitions = readdirSync(crds).flatMap((file) => readManifest(join(crds, file)));
  await Promise.all(definitions.map((object) => client.apply(object)));
  const file = join(import.meta.dirname, 'base-objects.yaml');
  const objects = readManifest(file, { CONTROL_NAMESPACE: controlNamespace });
  await Promise.all(objects.map((object) => client.apply(object)));
}

async function importPause(lab: Lab): Promise<void> {
  if ((await listImages(lab)).includes(pauseImage)) return;
  await importImage(lab, await imageArchive(pauseRecipe));
}

async function waitForNode(client: KubeClient, lab: Lab): Promise<void> {
  await waitUntil(`node ${lab.nodeName} ready`, startTimeoutMs, async () => {
    const node = await client.request('GET', `/api/v1/nodes/${lab.nodeName}`);
    const status = node.body.status as { conditions?: { type: string; status: string }[] } | undefined;
    return status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  });
  await waitUntil('the storage driver known to the node', startTimeoutMs, async () => {
    const answer = await client.request('GET', `/apis/storage.k8s.io/v1/csinodes/${lab.nodeName}`);
    const drivers = (answer.body.spec as { drivers?: unknown[] } | undefined)?.drivers;
    return (drivers?.length ?? 0) > 0;
  });
}
