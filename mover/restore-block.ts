import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { SnapshotFacts, TransferResult } from '../contracts/mover.ts';
import { LIMITS } from '../contracts/settings.ts';
import { CaravelError, messageOf } from '../core/errors/catalog.ts';
import { parseDirectory } from '../platform/kopia/output.ts';
import type { DirectoryEntry } from '../platform/kopia/output.ts';
import { factsOf } from '../platform/kopia/facts.ts';
import { snapshotManifest } from '../platform/kopia/snapshots.ts';
import type { Mover } from './context.ts';
import { deviceSize } from './device.ts';
import { DownloadMeter } from './download-meter.ts';
import { ObjectServer } from './object-server.ts';
import { persist } from './persist.ts';
import { BLOCK } from './limits.ts';
import { cutRanges } from './ranges.ts';
import type { Range } from './ranges.ts';

/**
 * Writes a snapshot to a block device. `kopia restore` cannot do that, and `kopia show` reads one chunk after the
 * other; so kopia serves the object on a socket, and many ranges of it are read at once. Every byte is written, zeroes
 * too: what the device held before is not known.
 */
export async function restoreBlock(mover: Mover): Promise<TransferResult> {
  const { spec, stages } = mover;
  const state: BlockRestore = { meter: new DownloadMeter(mover.emit), written: 0, ranges: undefined };
  const { entry, facts } = await stages.time('kopia', () =>
    persist(mover, {
      name: 'transfer',
      moved: () => state.written,
      work: () => receive(mover, state),
    }),
  );
  const size = entry.size ?? 0;
  state.meter.finish(size, 1);
  return {
    snapshotId: spec.restore?.snapshotId ?? '',
    ...{ bytesTotal: size, bytesUploaded: 0, notKept: {}, stagesMs: stages.ms },
    ...{ files: facts.files, dirs: facts.dirs, symlinks: facts.symlinks },
  };
}

interface BlockRestore {
  meter: DownloadMeter;
  written: number;
  /** What is not written yet; survives a kopia that dies. */
  ranges: Range[] | undefined;
}

interface Received {
  entry: DirectoryEntry;
  facts: SnapshotFacts;
}

async function receive(mover: Mover, state: BlockRestore): Promise<Received> {
  const { kopia, spec, paths, stop } = mover;
  const over = new AbortController();
  const signal = AbortSignal.any([stop.signal, over.signal]);
  const server = new ObjectServer(mover, join(paths.work, 'kopia.sock'));
  try {
    const { facts: told, snapshotId = '' } = spec.restore ?? {};
    const reading = told ?? snapshotManifest(kopia, snapshotId, { signal }).then(factsOf);
    const [facts] = await Promise.all([reading, server.ready()]);
    const entry = deviceEntry(parseDirectory(await server.text(facts.root)), spec.blockEntry);
    const size = entry.size ?? 0;
    checkDevice(paths.volume, size);
    state.meter.expect({ size });
    state.ranges ??= cutRanges(size);
    await writeAll(mover, state, server, entry.obj);
    return { entry, facts };
  } catch (error) {
    stop.signal.throwIfAborted();
    throw await server.explain(error);
  } finally {
    over.abort();
    server.close();
  }
}

/** Velero's layout: one file, named like the device. */
function deviceEntry(entries: DirectoryEntry[], name: string | undefined): DirectoryEntry {
  const files = entries.filter(({ type }) => type === 'f');
  const found = files.length === 1 ? files[0] : files.find((entry) => entry.name === name);
  if (!found)
    throw new CaravelError(
      'SnapshotMissing',
      'the snapshot is not one of a block volume: it has no single file',
    );
  return found;
}

function checkDevice(path: string, needed: number): void {
  const size = deviceSize(path);
  if (size < needed) {
    const message = `the device has ${size} bytes, the snapshot needs ${needed}`;
    throw new CaravelError('MoverFailed', message, { retryable: false });
  }
}

async function writeAll(
  mover: Mover,
  state: BlockRestore,
  server: ObjectServer,
  object: string,
): Promise<void> {
  const device = await openDevice(mover.paths.volume);
  const pending = [...(state.ranges ?? [])];
  const watch = server.watch(
    () => state.written,
    () => state.meter.show(state.written),
  );
  try {
    const reader = async () => {
      const connection = server.connect();
      for (let range = pending.shift(); range; range = pending.shift()) {
        await server.read(connection, object, range, async (piece, position) => {
          await writeWhole(device, piece, position);
          state.written += piece.length;
        });
        state.ranges = state.ranges?.filter((each) => each !== range);
      }
    };
    const readers = Math.min(BLOCK.readers, mover.spec.parallel || LIMITS.parallelDown, pending.length);
    await Promise.all(Array.from({ length: readers }, reader));
    await mover.stages.time('sync', () => device.sync());
  } finally {
    watch();
    await device.close();
  }
}

async function openDevice(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    const message = `cannot write to the device: ${messageOf(error)}`;
    throw new CaravelError('MoverFailed', message, { retryable: false });
  }
}

async function writeWhole(device: FileHandle, piece: Buffer, position: number): Promise<void> {
  for (let done = 0; done < piece.length;) {
    const { bytesWritten } = await device.write(piece, done, piece.length - done, position + done);
    done += bytesWritten;
  }
}
