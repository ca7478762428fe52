import type { ControllerService } from './controller.ts';
import { CsiError, type Message, type Methods } from './server.ts';
import { snapshotMessage } from './controller.ts';
import type { SnapshotRecord, VolumeStore } from './store.ts';

/** Snapshots of several volumes at one moment. The group is the set of snapshots that carry its id. */
export class GroupControllerService {
  private readonly store: VolumeStore;
  private readonly controller: ControllerService;

  constructor(store: VolumeStore, controller: ControllerService) {
    this.store = store;
    this.controller = controller;
  }

  methods(): Methods {
    return {
      GroupControllerGetCapabilities: () => ({
        capabilities: [{ rpc: { type: 'CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT' } }],
      }),
      CreateVolumeGroupSnapshot: (request) =>
        this.controller.oneByOne(String(request.name), () => this.create(request)),
      DeleteVolumeGroupSnapshot: (request) =>
        this.controller.oneByOne(String(request.group_snapshot_id), () => this.delete(request)),
      GetVolumeGroupSnapshot: (request) => {
        const id = String(request.group_snapshot_id);
        const members = this.members(id);
        if (members.length === 0) throw new CsiError('NOT_FOUND', `group snapshot ${id} does not exist`);
        return { group_snapshot: groupMessage(id, members) };
      },
    };
  }

  private async create(request: Message): Promise<Message> {
    const id = String(request.name);
    const volumes = (request.source_volume_ids as string[]).map((volume) =>
      this.controller.requireVolume(volume),
    );
    const found = this.members(id);
    if (found.length === volumes.length) return { group_snapshot: groupMessage(id, found) };
    const createdAt = new Date().toISOString();
    const parameters = (request.parameters ?? {}) as Record<string, string>;
    const records = volumes.map(({ id: volume, mode, sizeBytes }, index): SnapshotRecord => {
      return { id: `${id}-${index}`, volume, mode, sizeBytes, parameters, createdAt, group: id };
    });
    await Promise.all(records.map((record) => this.store.createSnapshot(record)));
    return { group_snapshot: groupMessage(id, records) };
  }

  private async delete(request: Message): Promise<Message> {
    const members = this.members(String(request.group_snapshot_id)).map((record) => record.id);
    const ids = new Set([...members, ...((request.snapshot_ids ?? []) as string[])]);
    await Promise.all([...ids].map((id) => this.store.delete('snapshots', id)));
    return {};
  }

  private members(group: string): SnapshotRecord[] {
    return this.store.list('snapshots').filter((record) => record.group === group);
  }
}

function groupMessage(id: string, records: SnapshotRecord[]): Message {
  const snapshots = records.map(snapshotMessage);
  return {
    group_snapshot_id: id,
    snapshots,
    creation_time: snapshots[0]?.creation_time,
    ready_to_use: true,
  };
}
