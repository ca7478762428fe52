import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { run, tryRun } from '../host/command.ts';
import type { Message } from './server.ts';

export type Mode = 'filesystem' | 'block';

export interface VolumeRecord {
  id: string;
  mode: Mode;
  sizeBytes: number;
  /** The snapshot or volume that it was made from. */
  source?: string;
  parameters: Record<string, string>;
  createdAt: string;
}

export interface SnapshotRecord {
  id: string;
  volume: string;
  mode: Mode;
  sizeBytes: number;
  parameters: Record<string, string>;
  createdAt: string;
  /** The group snapshot that it is a part of. */
  group?: string;
}

interface Records {
  volumes: VolumeRecord;
  snapshots: SnapshotRecord;
}
type Kind = keyof Records;

/**
 * Volumes and snapshots on one btrfs. A filesystem volume is a subvolume, a block volume a sparse file;
 * the data lies in volumes/<id> and snapshots/<id>, the facts in state/volumes/<id>.json and state/snapshots/<id>.json.
 * The record is written last and deleted first: data without a record is a half-done call, done anew by the retry.
 */
export class VolumeStore {
  private readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
    for (const kind of ['volumes', 'snapshots'] as const) {
      mkdirSync(join(dir, kind), { recursive: true });
      mkdirSync(join(dir, 'state', kind), { recursive: true });
    }
  }

  path(kind: Kind, id: string): string {
    return join(this.dir, kind, id);
  }

  find<K extends Kind>(kind: K, id: string): Records[K] | undefined {
    const file = this.recordFile(kind, id);
    if (!isSafeId(id) || !existsSync(file)) return undefined;
    return JSON.parse(readFileSync(file, 'utf8')) as Records[K];
  }

  list<K extends Kind>(kind: K): Records[K][] {
    return readdirSync(join(this.dir, 'state', kind))
      .filter((file) => file.endsWith('.json'))
      .map((file) => this.find(kind, file.slice(0, -'.json'.length)))
      .filter((record) => record !== undefined);
  }

  async createVolume(record: VolumeRecord, from?: { kind: Kind; id: string }): Promise<void> {
    const target = this.path('volumes', record.id);
    await this.removeData(target);
    if (from) await this.copy(record.mode, this.path(from.kind, from.id), target, false);
    else if (record.mode === 'filesystem') await run('btrfs', ['subvolume', 'create', target]);
    else writeFileSync(target, '');
    if (record.mode === 'block') truncateSync(target, record.sizeBytes);
    this.write('volumes', record);
  }

  async createSnapshot(record: SnapshotRecord): Promise<void> {
    const source = this.path('volumes', record.volume);
    const target = this.path('snapshots', record.id);
    await this.removeData(target);
    await this.copy(record.mode, source, target, true);
    this.write('snapshots', record);
  }

  async delete(kind: Kind, id: string): Promise<void> {
    if (!isSafeId(id)) return;
    rmSync(this.recordFile(kind, id), { force: true });
    const target = this.path(kind, id);
    for (const device of await this.devicesOf(target)) await tryRun('losetup', ['-d', device]);
    await this.removeData(target);
  }

  /** The loop device of a block volume, attached when it is not yet. */
  async attach(id: string): Promise<string> {
    const file = this.path('volumes', id);
    const [device] = await this.devicesOf(file);
    return device ?? (await run('losetup', ['--find', '--show', file])).trim();
  }

  loopDevices(id: string): Promise<string[]> {
    return this.devicesOf(this.path('volumes', id));
  }

  /** Request and recorded facts of its volume or snapshot as one text, in which faults look for their object. */
  describe(request: Message): string {
    const volume = this.find('volumes', String(request.volume_id || request.source_volume_id || ''));
    const snapshot = this.find('snapshots', String(request.snapshot_id || ''));
    const origin = snapshot && this.find('volumes', snapshot.volume);
    return JSON.stringify([request, volume, snapshot, origin]);
  }

  private async copy(mode: Mode, source: string, target: string, readOnly: boolean): Promise<void> {
    if (mode === 'filesystem') {
      await run('btrfs', ['subvolume', 'snapshot', ...(readOnly ? ['-r'] : []), source, target]);
      return;
    }
    // What was written to the device but still lies in its page cache belongs into the copy.
    for (const device of await this.devicesOf(source)) await run('sync', [device]);
    await run('cp', ['--reflink=always', '--sparse=auto', source, target]);
  }

  private async devicesOf(file: string): Promise<string[]> {
    const { stdout } = await tryRun('losetup', ['--noheadings', '--output', 'NAME', '--associated', file]);
    return stdout
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
  }

  private async removeData(target: string): Promise<void> {
    if (!existsSync(target)) return;
    const deleted = await tryRun('btrfs', ['subvolume', 'delete', target]);
    if (deleted.code !== 0) rmSync(target, { recursive: true, force: true });
  }

  private recordFile(kind: Kind, id: string): string {
    return join(this.dir, 'state', kind, `${id}.json`);
  }

  private write(kind: Kind, record: VolumeRecord | SnapshotRecord): void {
    const file = this.recordFile(kind, record.id);
    writeFileSync(`${file}.partial`, JSON.stringify(record));
    renameSync(`${file}.partial`, file);
  }
}

/** Ids become file names. */
function isSafeId(id: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(id);
}
