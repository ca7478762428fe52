import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, shellQuote, tryRun } from '../host/command.ts';
import { existingLabs, type Lab, labsDir } from '../layout.ts';

const namespacesDir = join(labsDir, '.ns');

/** Folders with fixed names in Kubernetes and containerd, and the lab's own folder that stands in for each. */
const privateFolders: [fixed: string, own: string][] = [
  ['/var/lib/kubelet', 'kubelet'],
  ['/var/lib/cni', 'cni'],
  ['/var/log/pods', 'pod-logs'],
  ['/var/log/containers', 'container-logs'],
  ['/run/containerd', 'run-containerd'],
];

/** The command line that runs `command` inside the lab's network and mount namespace, in the same process. */
export function insideLab(lab: Lab, command: string[]): string[] {
  return [
    'nsenter',
    `--net=/run/netns/${lab.namespace}`,
    `--mount=${lab.mountNamespaceFile}`,
    '--',
    ...command,
  ];
}

export function isMounted(path: string): boolean {
  return mountPoints().includes(path);
}

/** All mount points of this process's mount namespace. */
export function mountPoints(): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n');
  return lines.map((line) => (line.split(' ')[4] ?? '').replaceAll('\\040', ' '));
}

export async function createNetwork(lab: Lab): Promise<void> {
  if (!existsSync(`/run/netns/${lab.namespace}`)) await run('ip', ['netns', 'add', lab.namespace]);
  if (!existsSync(`/sys/class/net/${lab.hostInterface}`)) {
    await run('ip', [
      ...['link', 'add', lab.hostInterface, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', lab.namespace],
    ]);
  }
  // The host also reaches pods and services: handy in tests, and it lets pods answer to the host.
  await run('sh', [
    '-ec',
    `ip addr replace ${lab.hostAddress}/24 dev ${lab.hostInterface}
     ip link set ${lab.hostInterface} up
     ip route replace ${lab.podRange} via ${lab.address}
     ip route replace ${lab.serviceRange} via ${lab.address}`,
  ]);
  await run('nsenter', [
    `--net=/run/netns/${lab.namespace}`,
    'sh',
    '-ec',
    `ip link set lo up
     ip addr replace ${lab.address}/24 dev eth0
     ip link set eth0 up
     ip route replace default via ${lab.hostAddress}
     echo 1 > /proc/sys/net/ipv4/ip_forward
     ${temporalLoopback(lab)}`,
  ]);
}

/**
 * The parts of Temporal's development server listen on the lab's address but call each other, on random ports, at
 * 127.0.0.1: those calls are led back.
 */
function temporalLoopback(lab: Lab): string {
  const rule = `OUTPUT -d 127.0.0.1/32 -p tcp --dport 30000:65535 -j DNAT --to-destination ${lab.address}`;
  return `iptables -t nat -C ${rule} 2>/dev/null || iptables -t nat -A ${rule}`;
}

export async function deleteNetwork(lab: Lab): Promise<void> {
  await tryRun('ip', ['link', 'del', lab.hostInterface]);
  if (existsSync(`/run/netns/${lab.namespace}`)) await run('ip', ['netns', 'del', lab.namespace]);
}

/** Makes the lab's mount namespace and keeps it by a bind mount, so that no process has to hold it. */
export async function createMountNamespace(lab: Lab): Promise<void> {
  if (isMounted(lab.mountNamespaceFile)) return;
  mkdirSync(namespacesDir, { recursive: true });
  if (!isMounted(namespacesDir)) {
    // Keeping a mount namespace needs a place that is not shared with any other.
    await run('mount', ['--bind', namespacesDir, namespacesDir]);
    await run('mount', ['--make-private', namespacesDir]);
  }
  writeFileSync(lab.mountNamespaceFile, '');
  const foreign = existingLabs()
    .filter((other) => other.name !== lab.name)
    .map((other) => join(other.dir, 'csi'))
    .filter(isMounted);
  const binds = privateFolders.map(([fixed, own]) => {
    mkdirSync(fixed, { recursive: true });
    mkdirSync(join(lab.dir, own), { recursive: true });
    return `mount --bind ${shellQuote(join(lab.dir, own))} ${fixed}`;
  });
  const script = [
    ...foreign.map((path) => `umount -l ${shellQuote(path)}`),
    ...binds,
    // Mounts that kubelet and the driver make must reach the containers' own mount namespaces.
    'mount --make-rshared /',
  ].join('\n');
  await run('unshare', [
    `--mount=${lab.mountNamespaceFile}`,
    '--propagation',
    'private',
    'sh',
    '-ec',
    script,
  ]);
}

export async function deleteMountNamespace(lab: Lab): Promise<void> {
  if (isMounted(lab.mountNamespaceFile)) await run('umount', [lab.mountNamespaceFile]);
  rmSync(lab.mountNamespaceFile, { force: true });
}

/** After the last lab: the folders that only served as mount points. */
export async function deleteSharedFolders(): Promise<void> {
  if (existingLabs().length > 0) return;
  if (isMounted(namespacesDir)) await run('umount', [namespacesDir]);
  for (const folder of [namespacesDir, labsDir, ...privateFolders.map(([fixed]) => fixed)]) {
    try {
      rmdirSync(folder);
    } catch {
      // Not there, or in use by others.
    }
  }
}
