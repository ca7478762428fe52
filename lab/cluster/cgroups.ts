import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identify, signal } from '../host/process-identity.ts';
import type { Lab } from '../layout.ts';

const root = '/sys/fs/cgroup';
const unified = existsSync(join(root, 'cgroup.controllers'));

/** The hierarchies that kubelet and runc use: one on cgroup v2, one for each controller on v1. */
function hierarchies(): string[] {
  if (unified) return [root];
  return readdirSync(root)
    .map((name) => join(root, name))
    .filter((dir) => existsSync(join(dir, 'cgroup.procs')));
}

/** The group that holds every process of the lab's own: what `down` must find even when pid files are lost. */
export function trackingFile(lab: Lab): string {
  return join(unified ? root : join(root, 'pids'), lab.cgroup, 'system', 'cgroup.procs');
}

export function createCgroups(lab: Lab): void {
  for (const hierarchy of hierarchies()) {
    for (const group of [lab.cgroup, `${lab.cgroup}/system`]) {
      const dir = join(hierarchy, group);
      mkdirSync(dir, { recursive: true });
      fillCpuset(dir);
    }
    if (unified) delegateControllers(hierarchy, join(hierarchy, lab.cgroup));
  }
}

/** On v1 a new cpuset is empty and would take no process. */
function fillCpuset(dir: string): void {
  for (const name of ['cpuset.cpus', 'cpuset.mems']) {
    const file = join(dir, name);
    if (unified || !existsSync(file) || readFileSync(file, 'utf8').trim() !== '') continue;
    writeFileSync(file, readFileSync(join(dir, '..', name), 'utf8'));
  }
}

function delegateControllers(...dirs: string[]): void {
  for (const dir of dirs) {
    writeFileSync(join(dir, 'cgroup.subtree_control'), '+cpu +cpuset +memory +pids +io');
  }
}

function groupsBelow(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const children = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...children.flatMap((entry) => groupsBelow(join(dir, entry.name))), dir];
}

function processesBelow(dir: string): number[] {
  return groupsBelow(dir).flatMap((group) => {
    try {
      return readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
    } catch {
      return [];
    }
  });
}

/** Kills what runs in the lab's groups; they hold nothing else. Returns how many processes were found. */
export function killCgroups(lab: Lab): number {
  const pids = new Set(hierarchies().flatMap((hierarchy) => processesBelow(join(hierarchy, lab.cgroup))));
  for (const pid of pids) {
    const identity = identify(pid);
    if (identity) signal(identity, 'SIGKILL');
  }
  return pids.size;
}

export function deleteCgroups(lab: Lab): void {
  for (const hierarchy of hierarchies()) {
    for (const group of groupsBelow(join(hierarchy, lab.cgroup))) rmdirSync(group);
  }
}
