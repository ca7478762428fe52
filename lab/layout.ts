import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const labsDir = '/var/lib/caravel-lab';
const maximumIndex = 15;

export interface LabRecord {
  name: string;
  /** Makes the lab's addresses and interface names its own. */
  index: number;
  /** The image that `deploy` loaded last. */
  image?: string;
  /** The optional groups that it has. */
  extras?: string[];
}

/** Everything that follows from a lab's name and index: folders, addresses, ports. */
export interface Lab extends LabRecord {
  dir: string;
  nodeName: string;
  namespace: string;
  mountNamespaceFile: string;
  hostInterface: string;
  hostAddress: string;
  /** The one address that is right on the host and in pods. */
  address: string;
  podRange: string;
  serviceRange: string;
  serviceAddress: string;
  cgroup: string;
}

export const ports = {
  apiserver: 6443,
  etcd: 2379,
  etcdPeer: 2380,
  controllerManager: 10257,
  scheduler: 10259,
  kubelet: 10250,
  kubeletHealth: 10248,
  proxyHealth: 10256,
  proxyMetrics: 10249,
  snapshotController: 8101,
  provisioner: 8102,
  snapshotter: 8103,
  temporal: 7233,
  temporalUi: 8233,
  temporalMetrics: 9233,
  s3: 7070,
} as const;

export function labFromRecord(record: LabRecord): Lab {
  const { name, index } = record;
  if (!/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/.test(name)) {
    throw new Error(`"${name}" is no lab name: use up to 22 small letters, digits and dashes.`);
  }
  const network = `10.96.${index * 16}`;
  return {
    ...record,
    dir: join(labsDir, name),
    nodeName: `${name}-node`,
    namespace: `caravel-${name}`,
    mountNamespaceFile: join(labsDir, '.ns', name),
    hostInterface: `caravel${index}`,
    hostAddress: `10.201.${index}.1`,
    address: `10.201.${index}.2`,
    podRange: `10.202.${index}.0/24`,
    serviceRange: `${network}.0/20`,
    serviceAddress: `${network}.1`,
    cgroup: `/caravel-lab-${name}`,
  };
}

const recordFile = (name: string): string => join(labsDir, name, 'lab.json');

/** The lab of that name when it has been brought up, else nothing. */
export function findLab(name: string): Lab | undefined {
  if (!existsSync(recordFile(name))) return undefined;
  return labFromRecord(JSON.parse(readFileSync(recordFile(name), 'utf8')) as LabRecord);
}

export function requireLab(name: string): Lab {
  const lab = findLab(name);
  if (!lab) throw new Error(`There is no lab "${name}": start it with npm run lab -- up --name ${name}`);
  return lab;
}

export function existingLabs(): Lab[] {
  if (!existsSync(labsDir)) return [];
  return readdirSync(labsDir)
    .map((name) => findLab(name))
    .filter((lab) => lab !== undefined);
}

/** Finds the lab or gives it the first free index. The caller holds the lock over all labs. */
export function openLab(name: string): Lab {
  const found = findLab(name);
  if (found) return found;
  const taken = new Set(existingLabs().map((lab) => lab.index));
  let index = 1;
  while (taken.has(index)) index += 1;
  if (index > maximumIndex) throw new Error(`There are already ${maximumIndex} labs: take one down first.`);
  const lab = labFromRecord({ name, index });
  saveRecord(lab);
  return lab;
}

export function saveRecord(record: LabRecord): void {
  const { name, index, image, extras } = record;
  mkdirSync(join(labsDir, name), { recursive: true });
  writeFileSync(recordFile(name), JSON.stringify({ name, index, image, extras }, null, 2));
}
