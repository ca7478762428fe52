import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { run } from '../host/command.ts';
import { topologyKey } from './controller.ts';
import { CsiError, type Message, type Methods } from './server.ts';
import type { VolumeStore } from './store.ts';

/** The part of the driver that brings volumes to pods, by bind mounts. */
export class NodeService {
  private readonly store: VolumeStore;
  private readonly node: string;

  constructor(store: VolumeStore, node: string) {
    this.store = store;
    this.node = node;
  }

  methods(): Methods {
    return {
      NodeGetInfo: () => ({
        node_id: this.node,
        accessible_topology: { segments: { [topologyKey]: this.node } },
      }),
      NodeGetCapabilities: () => ({ capabilities: [] }),
      NodePublishVolume: (request) => this.publish(request),
      NodeUnpublishVolume: (request) => this.unpublish(request),
    };
  }

  private async publish(request: Message): Promise<Message> {
    const [id, target] = [String(request.volume_id), String(request.target_path)];
    const record = this.store.find('volumes', id);
    if (!record) throw new CsiError('NOT_FOUND', `volume ${id} does not exist`);
    if (isMounted(target)) return {};
    mkdirSync(dirname(target), { recursive: true });
    if (record.mode === 'block') {
      writeFileSync(target, '');
      await run('mount', ['--bind', await this.store.attach(id), target]);
    } else {
      mkdirSync(target, { recursive: true });
      await run('mount', ['--bind', this.store.path('volumes', id), target]);
      if (request.readonly) await run('mount', ['-o', 'remount,bind,ro', target]);
    }
    return {};
  }

  private async unpublish(request: Message): Promise<Message> {
    const target = String(request.target_path);
    while (isMounted(target)) await run('umount', [target]);
    // Never recursively: were it still mounted, that would delete the user's data.
    if (existsSync(target)) (statSync(target).isDirectory() ? rmdirSync : unlinkSync)(target);
    await this.detachWhenUnused(String(request.volume_id));
    return {};
  }

  private async detachWhenUnused(id: string): Promise<void> {
    if (this.store.find('volumes', id)?.mode !== 'block') return;
    for (const device of await this.store.loopDevices(id)) {
      // Bound elsewhere for another pod on this node: its last unpublish will detach it.
      if (mounts().some((mount) => mount.root === `/${basename(device)}`)) continue;
      await run('losetup', ['-d', device]);
    }
  }
}

interface Mount {
  root: string;
  point: string;
}

function mounts(): Mount[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n');
  return lines.map((line) => {
    const fields = line.split(' ');
    return { root: fields[3] ?? '', point: fields[4] ?? '' };
  });
}

function isMounted(path: string): boolean {
  return mounts().some((mount) => mount.point === path);
}
