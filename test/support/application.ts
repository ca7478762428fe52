import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { insideLab } from '../../lab/cluster/namespaces.ts';
import { requireLab } from '../../lab/layout.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { namespaceObject, removeNamespace } from './world.ts';
import type { World } from './world.ts';

/** A small application with volumes whose content the test makes and compares from outside. */

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

export interface ClaimOptions {
  storageClass?: string;
  block?: boolean;
  size?: string;
}

/** Namespace with one claim and a pod for each name; returns when the pods run. */
export async function createApplication(
  world: World,
  namespace: string,
  claims: Record<string, ClaimOptions>,
): Promise<void> {
  const { kube } = world;
  await removeNamespace(kube, namespace);
  await kube.create(GVRS.namespaces, undefined, namespaceObject(namespace, { team: 'shipping' }));
  for (const [name, options] of Object.entries(claims)) {
    await kube.create(GVRS.persistentvolumeclaims, namespace, claim(name, options));
    await kube.create(GVRS.pods, namespace, pod(name, options, world.env.CARAVEL_IMAGE ?? ''));
  }
  for (const name of Object.keys(claims)) await podRuns(world, namespace, name);
}

function claim(name: string, { storageClass = 'caravel-csi', block, size = '1Gi' }: ClaimOptions) {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, labels: { app: name } },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: storageClass,
      volumeMode: block ? 'Block' : 'Filesystem',
      resources: { requests: { storage: size } },
    },
  };
}

function pod(name: string, { block }: ClaimOptions, image: string) {
  const data = block
    ? { volumeDevices: [{ name: 'data', devicePath: '/data' }] }
    : { volumeMounts: [{ name: 'data', mountPath: '/data' }] };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        { name: 'main', image, imagePullPolicy: 'Never', command: ['sleep', 'infinity'], ...data },
      ],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: name } }],
    },
  };
}

export async function podRuns(world: World, namespace: string, name: string): Promise<void> {
  await world.kube.waitFor<KubeObject & { status?: { phase?: string } }, true>(
    GVRS.pods,
    namespace,
    name,
    (object) => (object?.status?.phase === 'Running' ? true : undefined),
    { timeoutMs: 120_000 },
  );
}

/** Where the storage driver keeps the volume of a claim. */
export async function volumePath(world: World, namespace: string, name: string): Promise<string> {
  const found = await world.kube.get<{ spec: { volumeName: string } }>(
    GVRS.persistentvolumeclaims,
    namespace,
    name,
  );
  const lab = requireLab(world.env.CARAVEL_LAB);
  return join(lab.dir, 'csi', 'volumes', found.spec.volumeName);
}

/** Makes, fills or describes a folder as it is seen inside the lab. */
export async function volumeTree(world: World, ...args: string[]): Promise<string> {
  const lab = requireLab(world.env.CARAVEL_LAB);
  const node = join(ROOT, 'node_modules/.bin/node');
  const [program = '', ...rest] = insideLab(lab, [node, join(ROOT, 'test/support/tree-cli.ts'), ...args]);
  return (await run(program, rest, { maxBuffer: 64 * 1024 * 1024 })).stdout;
}

/** Fills the volume of a claim with everything that is easily lost. */
export const makeVolumeTree = async (world: World, namespace: string, name: string) =>
  await volumeTree(world, 'make', await volumePath(world, namespace, name));

export const fillVolume = async (
  world: World,
  namespace: string,
  name: string,
  count: number,
  bytes: number,
) =>
  await volumeTree(world, 'random', await volumePath(world, namespace, name), String(count), String(bytes));

export const describeVolume = async (world: World, namespace: string, name: string): Promise<string[]> =>
  JSON.parse(await volumeTree(world, 'describe', await volumePath(world, namespace, name))) as string[];

/** Runs a program in the pod of a claim. */
export async function inPod(
  world: World,
  namespace: string,
  name: string,
  command: string[],
): Promise<string> {
  const { exitCode, stdout, stderr } = await world.kube.exec(namespace, name, 'main', command, {
    timeoutMs: 120_000,
  });
  if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
  return stdout;
}
