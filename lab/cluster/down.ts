import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tryRun, waitUntil } from '../host/command.ts';
import { withLock } from '../host/lock.ts';
import { findLab, type Lab, labsDir } from '../layout.ts';
import { deleteCgroups, killCgroups } from './cgroups.ts';
import {
  deleteMountNamespace,
  deleteNetwork,
  deleteSharedFolders,
  isMounted,
  mountPoints,
} from './namespaces.ts';
import { recordedProcesses, stopProcess } from './processes.ts';
import { csiDir, storageImage } from './storage.ts';

/** Removes a lab and everything of it. Every step copes with what is already gone. */
export async function takeDown(name: string, say: (line: string) => void): Promise<void> {
  await withLock(
    `${labsDir}.lock`,
    () => say('another lab is coming up or going down: waiting for it'),
    async () => {
      const lab = findLab(name);
      if (!lab) {
        say(`there is no lab "${name}"`);
        return;
      }
      await killEverything(lab);
      await releaseLoopDevices(lab);
      await deleteMountNamespace(lab);
      await deleteNetwork(lab);
      await unmountStorage(lab);
      deleteCgroups(lab);
      deleteFolder(lab);
      await deleteSharedFolders();
      say(`lab "${name}" is gone`);
    },
  );
}

async function killEverything(lab: Lab): Promise<void> {
  await Promise.all(recordedProcesses(lab).map((process) => stopProcess(lab, process, 'SIGKILL')));
  // Containers and their shims, and what a lost pid file would have named.
  await waitUntil(`the end of the processes of lab "${lab.name}"`, 30_000, () => killCgroups(lab) === 0);
}

/** Block volumes hold loop devices, and kubelet holds loop devices on those. */
async function releaseLoopDevices(lab: Lab): Promise<void> {
  const { stdout } = await tryRun('losetup', ['--noheadings', '--raw', '--output', 'NAME,BACK-FILE']);
  for (const line of stdout.split('\n').filter(Boolean)) {
    const space = line.indexOf(' ');
    const file = line.slice(space + 1).replace(/ \(deleted\)$/, '');
    if (isLabFile(lab, file)) await tryRun('losetup', ['-d', line.slice(0, space)]);
  }
}

/** All labs call kubelet's folder by the same name; the file itself (it carries the pod's uid) lies in one of them. */
function isLabFile(lab: Lab, file: string): boolean {
  const kubelet = '/var/lib/kubelet/';
  if (file.startsWith(kubelet)) return existsSync(join(lab.dir, 'kubelet', file.slice(kubelet.length)));
  return file.startsWith(`${lab.dir}/`) && file !== storageImage(lab);
}

async function unmountStorage(lab: Lab): Promise<void> {
  for (let attempt = 0; isMounted(csiDir(lab)); attempt += 1) {
    const result = await tryRun('umount', [csiDir(lab)]);
    if (result.code === 0) continue;
    if (attempt > 20) throw new Error(`${csiDir(lab)} is in use: ${result.stderr.trim()}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  const image = storageImage(lab);
  if (!existsSync(image)) return;
  // The mount was the device's last user, unless a process of someone else still looks into it.
  await waitUntil('the release of the storage image', 10_000, () => !isLoopImage(image));
}

function isLoopImage(image: string): boolean {
  return readdirSync('/sys/block')
    .map((name) => join('/sys/block', name, 'loop/backing_file'))
    .some((file) => {
      try {
        return readFileSync(file, 'utf8').trim() === image;
      } catch {
        return false;
      }
    });
}

function deleteFolder(lab: Lab): void {
  const mounted = mountPoints().filter((point) => point.startsWith(`${lab.dir}/`));
  if (mounted.length > 0) throw new Error(`Still mounted, so nothing is deleted: ${mounted.join(' ')}`);
  rmSync(lab.dir, { recursive: true, force: true });
}
