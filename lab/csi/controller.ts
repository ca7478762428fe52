import { CsiError, type Message, type Methods } from './server.ts';
import type { Mode, SnapshotRecord, VolumeRecord, VolumeStore } from './store.ts';

export const topologyKey = 'topology.csi.caravel.dev/node';
const defaultSizeBytes = 1024 ** 3;

interface VolumeSource {
  kind: 'volumes' | 'snapshots';
  id: string;
  mode: Mode;
  sizeBytes: number;
}

/** The part of the driver that makes and deletes volumes and snapshots. Calls for one object run one after another. */
export class ControllerService {
  private readonly store: VolumeStore;
  private readonly node: string;
  private readonly queues = new Map<string, Promise<unknown>>();

  constructor(store: VolumeStore, node: string) {
    this.store = store;
    this.node = node;
  }

  methods(): Methods {
    const capabilities = [
      'CREATE_DELETE_VOLUME',
      'CREATE_DELETE_SNAPSHOT',
      'CLONE_VOLUME',
      'LIST_SNAPSHOTS',
      'LIST_VOLUMES',
    ];
    return {
      ControllerGetCapabilities: () => ({ capabilities: capabilities.map((type) => ({ rpc: { type } })) }),
      CreateVolume: (request) => this.oneByOne(String(request.name), () => this.createVolume(request)),
      DeleteVolume: (request) => this.oneByOne(String(request.volume_id), () => this.deleteVolume(request)),
      CreateSnapshot: (request) => this.oneByOne(String(request.name), () => this.createSnapshot(request)),
      DeleteSnapshot: (request) =>
        this.oneByOne(String(request.snapshot_id), () => this.deleteSnapshot(request)),
      ListSnapshots: (request) => this.listSnapshots(request),
      ListVolumes: () => ({
        entries: this.store.list('volumes').map((record) => ({ volume: this.volumeMessage(record) })),
      }),
      ValidateVolumeCapabilities: (request) => {
        this.requireVolume(String(request.volume_id));
        return { confirmed: { volume_capabilities: request.volume_capabilities } };
      },
    };
  }

  private async createVolume(request: Message): Promise<Message> {
    const source = this.volumeSource(request);
    const wanted = wantedVolume(request, source);
    if (source) checkSource(wanted, source);
    const found = this.store.find('volumes', wanted.id);
    if (found && !isSameVolume(found, wanted)) {
      throw new CsiError('ALREADY_EXISTS', `volume ${wanted.id} exists with another size, mode or source`);
    }
    if (!found) await this.store.createVolume(wanted, source);
    return { volume: this.volumeMessage(found ?? wanted, request.volume_content_source) };
  }

  private async deleteVolume(request: Message): Promise<Message> {
    await this.store.delete('volumes', String(request.volume_id));
    return {};
  }

  private async createSnapshot(request: Message): Promise<Message> {
    const id = String(request.name);
    const volume = String(request.source_volume_id);
    const found = this.store.find('snapshots', id);
    if (found && found.volume !== volume) {
      throw new CsiError('ALREADY_EXISTS', `snapshot ${id} exists of volume ${found.volume}`);
    }
    if (found) return { snapshot: snapshotMessage(found) };
    const { mode, sizeBytes } = this.requireVolume(volume);
    const parameters = request.parameters ?? {};
    const record = { id, volume, mode, sizeBytes, parameters, createdAt: new Date().toISOString() };
    await this.store.createSnapshot(record);
    return { snapshot: snapshotMessage(record) };
  }

  private async deleteSnapshot(request: Message): Promise<Message> {
    await this.store.delete('snapshots', String(request.snapshot_id));
    return {};
  }

  private listSnapshots(request: Message): Message {
    const { snapshot_id: id, source_volume_id: volume } = request;
    const records = this.store
      .list('snapshots')
      .filter((record) => (!id || record.id === id) && (!volume || record.volume === volume));
    return { entries: records.map((record) => ({ snapshot: snapshotMessage(record) })) };
  }

  private volumeSource(request: Message): VolumeSource | undefined {
    const source = request.volume_content_source;
    if (!source) return undefined;
    const kind = source.snapshot ? 'snapshots' : 'volumes';
    const id = String(source.snapshot?.snapshot_id ?? source.volume?.volume_id);
    const record = this.store.find(kind, id);
    if (!record) throw new CsiError('NOT_FOUND', `the source ${kind.slice(0, -1)} ${id} does not exist`);
    return { kind, id, mode: record.mode, sizeBytes: record.sizeBytes };
  }

  requireVolume(id: string): VolumeRecord {
    const record = this.store.find('volumes', id);
    if (!record) throw new CsiError('NOT_FOUND', `volume ${id} does not exist`);
    return record;
  }

  private volumeMessage(record: VolumeRecord, source?: Message): Message {
    return {
      volume_id: record.id,
      capacity_bytes: record.sizeBytes,
      accessible_topology: [{ segments: { [topologyKey]: this.node } }],
      ...(source ? { content_source: source } : {}),
    };
  }

  async oneByOne(key: string, work: () => Promise<Message>): Promise<Message> {
    const turn = (this.queues.get(key) ?? Promise.resolve()).then(work, work);
    this.queues.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.queues.get(key) === turn) this.queues.delete(key);
    }
  }
}

function wantedVolume(request: Message, source: VolumeSource | undefined): VolumeRecord {
  const requestedBytes = Number(request.capacity_range?.required_bytes ?? 0);
  return {
    id: String(request.name),
    mode: requestedMode(request),
    sizeBytes: requestedBytes || (source?.sizeBytes ?? defaultSizeBytes),
    ...(source ? { source: source.id } : {}),
    parameters: request.parameters ?? {},
    createdAt: new Date().toISOString(),
  };
}

function requestedMode(request: Message): Mode {
  const capabilities: Message[] = request.volume_capabilities ?? [];
  return capabilities.some((capability) => capability.block) ? 'block' : 'filesystem';
}

function checkSource(record: VolumeRecord, source: VolumeSource): void {
  if (record.mode !== source.mode) {
    throw new CsiError(
      'INVALID_ARGUMENT',
      `a ${record.mode} volume cannot be made from a ${source.mode} source`,
    );
  }
  if (record.sizeBytes < source.sizeBytes) {
    throw new CsiError(
      'OUT_OF_RANGE',
      `${record.sizeBytes} bytes are less than the source's ${source.sizeBytes}`,
    );
  }
}

function isSameVolume(one: VolumeRecord, other: VolumeRecord): boolean {
  return one.mode === other.mode && one.sizeBytes === other.sizeBytes && one.source === other.source;
}

export function snapshotMessage(record: SnapshotRecord): Message {
  const milliseconds = Date.parse(record.createdAt);
  return {
    snapshot_id: record.id,
    source_volume_id: record.volume,
    size_bytes: record.sizeBytes,
    creation_time: {
      seconds: Math.floor(milliseconds / 1000),
      nanos: (milliseconds % 1000) * 1_000_000,
    },
    ready_to_use: true,
    group_snapshot_id: record.group ?? '',
  };
}
