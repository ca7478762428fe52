import { existsSync, readFileSync } from 'node:fs';
import { run, tryRun } from './command.ts';

const minimumGo: [number, number] = [1, 26];

/** A command that the lab calls, and the Debian package that brings it. */
const packages: [command: string, debianPackage: string][] = [
  ['/usr/bin/containerd', 'containerd'],
  ['/usr/sbin/runc', 'runc'],
  ['/usr/bin/etcd', 'etcd-server'],
  ['/usr/lib/cni/bridge', 'containernetworking-plugins'],
  ['/usr/sbin/iptables', 'iptables'],
  ['/sbin/mkfs.btrfs', 'btrfs-progs'],
  ['/usr/bin/buildah', 'buildah'],
  ['/usr/bin/mmdebstrap', 'mmdebstrap'],
  ['/bin/busybox', 'busybox-static'],
  ['/sbin/ip', 'iproute2'],
  ['/usr/bin/openssl', 'openssl'],
  ['/sbin/losetup', 'mount'],
  ['/usr/bin/nsenter', 'util-linux'],
];

export function checkHost(): void {
  if (process.platform !== 'linux') {
    throw new Error('The lab runs on Linux only: use a Debian 12 machine or virtual machine.');
  }
  if (process.getuid?.() !== 0) {
    throw new Error('The lab needs root (namespaces, mounts, containers): run it with sudo or as root.');
  }
  const osRelease = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  if (!/^(ID|ID_LIKE)=.*debian/m.test(osRelease)) {
    throw new Error('The lab installs Debian packages: run it on Debian 12 or a derivative of it.');
  }
}

export async function checkGo(): Promise<void> {
  const result = await tryRun('go', ['env', 'GOVERSION']).catch(() => undefined);
  const found = /^go(\d+)\.(\d+)/.exec(result?.stdout ?? '');
  const hint = `install Go ${minimumGo.join('.')} or newer from https://go.dev/dl and put it on PATH.`;
  if (!found) throw new Error(`The lab builds Kubernetes from source and found no Go: ${hint}`);
  const [major, minor] = [Number(found[1]), Number(found[2])];
  if (major < minimumGo[0] || (major === minimumGo[0] && minor < minimumGo[1])) {
    throw new Error(`The lab needs a newer Go than ${found[0]}: ${hint}`);
  }
}

/** Installs what is missing and returns the names of what it installed. */
export async function installMissingPackages(say: (line: string) => void): Promise<string[]> {
  const missing = packages.filter(([file]) => !existsSync(file)).map(([, name]) => name);
  if (missing.length === 0) return [];
  say(`installing Debian packages: ${missing.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-q'], { env });
  await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], { env });
  return missing;
}
