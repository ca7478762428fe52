import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { SnapshotFacts, TransferResult } from '../contracts/mover.ts';
import { LIMITS } from '../contracts/settings.ts';
import { CaravelError } from '../core/errors/catalog.ts';
import { snapshotRestore } from '../platform/kopia/commands.ts';
import { parseRestoreProgress, parseRestoreSummary } from '../platform/kopia/output.ts';
import type { RestoreSummary } from '../platform/kopia/output.ts';
import { factsOf } from '../platform/kopia/facts.ts';
import { snapshotManifest } from '../platform/kopia/snapshots.ts';
import type { Mover } from './context.ts';
import { warn } from './context.ts';
import { SKIP_EXISTING_AGE } from './limits.ts';
import { persist } from './persist.ts';
import { DownloadMeter } from './download-meter.ts';
import { watchKopia } from './watch.ts';

const run = promisify(execFile);

/** Writes a snapshot into a file system; what an earlier try has finished is left alone where that is safe. */
export async function restore(mover: Mover): Promise<TransferResult> {
  const { spec, stages } = mover;
  const snapshot = new SnapshotReader(mover);
  // The first try starts at once, in an empty volume; any other must know what it may skip.
  if (spec.attempt > 1) await stages.time('lookup', () => snapshot.read());
  const state: RestoreState = { ignorePermissions: false, meter: new DownloadMeter(mover.emit) };
  const summary = await stages.time('kopia', () => receive(mover, snapshot, state));
  const stored = await snapshot.read();
  compareCounts(summary, stored);
  await stages.time('sync', () => syncVolume(mover.paths.volume));
  state.meter.finish(stored.size, stored.files);
  return {
    snapshotId: spec.restore?.snapshotId ?? '',
    bytesTotal: stored.size,
    bytesUploaded: 0,
    ...{ files: stored.files, dirs: stored.dirs, symlinks: stored.symlinks },
    notKept: state.ignorePermissions ? { permissions: 1 } : {},
    stagesMs: stages.ms,
  };
}

interface RestoreState {
  ignorePermissions: boolean;
  meter: DownloadMeter;
}

/** Reads the manifest once, beside the restore itself, unless the worker has told what stands in it. */
class SnapshotReader {
  #found: Promise<SnapshotFacts> | undefined;
  readonly #mover: Mover;

  constructor(mover: Mover) {
    this.#mover = mover;
  }

  read(): Promise<SnapshotFacts> {
    const { kopia, spec, stop } = this.#mover;
    const { facts, snapshotId = '' } = spec.restore ?? {};
    this.#found ??= facts
      ? Promise.resolve(facts)
      : persist(this.#mover, {
          name: 'manifest',
          work: async () => factsOf(await snapshotManifest(kopia, snapshotId, { signal: stop.signal })),
        });
    return this.#found;
  }
}

function receive(mover: Mover, snapshot: SnapshotReader, state: RestoreState): Promise<RestoreSummary> {
  return persist(mover, {
    name: 'transfer',
    moved: () => state.meter.moved,
    work: async (round) => {
      const again = round > 0 || mover.spec.attempt > 1;
      const skipExisting = again && maySkip(await snapshot.read());
      // A snapshot that is missing or not whole ends the restore before it has gone far.
      const over = new AbortController();
      const known = snapshot.read().then((found) => state.meter.expect(found));
      known.catch((error: unknown) => over.abort(error));
      try {
        const summary = await receiveOnce(mover, state, { skipExisting, signal: over.signal });
        await known;
        return summary;
      } catch (error) {
        if (!(error instanceof CaravelError) || error.code !== 'SnapshotMissing') throw error;
        await known;
        throw new CaravelError('RepositoryCorrupt', error.message);
      }
    },
  });
}

function maySkip({ maxTime, endTime }: SnapshotFacts): boolean {
  return Date.parse(maxTime) + SKIP_EXISTING_AGE < Date.parse(endTime);
}

interface ReceiveOptions {
  skipExisting: boolean;
  signal: AbortSignal;
}

async function receiveOnce(
  mover: Mover,
  state: RestoreState,
  { skipExisting, signal }: ReceiveOptions,
): Promise<RestoreSummary> {
  const { spec, paths, kopia } = mover;
  let summary: RestoreSummary | undefined;
  const args = snapshotRestore({
    snapshotId: spec.restore?.snapshotId ?? '',
    target: paths.volume,
    parallel: spec.parallel || LIMITS.parallelDown,
    sparse: spec.restore?.sparse ?? false,
    ...{ skipExisting, ignorePermissions: state.ignorePermissions },
  });
  state.meter.begin();
  const outcome = await watchKopia(mover, args, {
    tick: ({ counters, line }) => state.meter.take(counters, parseRestoreProgress(line)),
    onLine: (line) => (summary = parseRestoreSummary(line) ?? summary),
    signal,
  });
  if (outcome.code === 0 && summary) return summary;
  throw restoreError(mover, state, await kopia.explain(outcome), outcome.stderr);
}

const REFUSED = /could not change (owner|permissions|mod time).*operation not permitted/;

function restoreError(mover: Mover, state: RestoreState, error: CaravelError, text: string): CaravelError {
  if (!state.ignorePermissions && REFUSED.test(text)) {
    state.ignorePermissions = true;
    // Counts as progress: the next round does something else.
    state.meter.moved++;
    warn(mover, 'the volume refuses owners or modes; the data is restored without them');
    return new CaravelError('MoverFailed', error.message);
  }
  // Reading is done by the backup; here it is the writing that failed.
  if (error.code === 'VolumeUnreadable')
    return new CaravelError('MoverFailed', `cannot write to the volume: ${error.message}`, {
      retryable: false,
    });
  return error;
}

function compareCounts(summary: RestoreSummary, stored: SnapshotFacts): void {
  const written = summary.files + summary.dirs + summary.symlinks + summary.skipped;
  const wanted = stored.files + stored.dirs + stored.symlinks;
  if (written !== wanted || summary.ignoredErrors > 0) {
    throw new CaravelError(
      'RepositoryCorrupt',
      `the snapshot has ${wanted} files, folders and links, but kopia restored ${written} (${summary.ignoredErrors} errors)`,
    );
  }
}

/** One call for the whole file system; the volume may be detached right after. */
export async function syncVolume(volume: string): Promise<void> {
  try {
    await run('sync', ['-f', volume]);
  } catch (error) {
    throw new CaravelError('MoverFailed', `cannot flush the volume: ${String(error)}`);
  }
}
