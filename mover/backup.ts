import { closeSync, openSync } from 'node:fs';
import type { MoverSpec, TransferResult } from '../contracts/mover.ts';
import { LIMITS } from '../contracts/settings.ts';
import { CaravelError } from '../core/errors/catalog.ts';
import { snapshotCreate } from '../platform/kopia/commands.ts';
import { excluded, isComplete, parseBackupProgress, sourceText } from '../platform/kopia/output.ts';
import type { SnapshotManifest } from '../platform/kopia/output.ts';
import { deleteSnapshots, ensurePolicies, listRunSnapshots } from '../platform/kopia/snapshots.ts';
import type { Mover } from './context.ts';
import { warn } from './context.ts';
import { deviceSize } from './device.ts';
import { persist } from './persist.ts';
import { UploadMeter } from './meter.ts';
import { checkSent, transferResult, unreadable, vanished } from './proof.ts';
import { startScan } from './scan.ts';
import type { RunningScan } from './scan.ts';
import { watchKopia } from './watch.ts';

/**
 * Backs the volume up as one snapshot. Safe to repeat: a later attempt finds the snapshot of an earlier one, or what
 * it had flushed.
 */
export async function backup(mover: Mover): Promise<TransferResult> {
  const { spec, stages } = mover;
  const block = spec.volumeMode === 'Block';
  const scan = block ? undefined : startScan(mover.paths.volume, { live: spec.live === true });
  try {
    const earlier = spec.attempt > 1 ? await stages.time('lookup', () => lookUp(mover)) : [];
    const done = earlier.find((manifest) => isWhole(manifest, spec));
    if (done) return await finish(mover, { manifest: done, scan, uploaded: 0, broken: earlier });
    // A later attempt trusts nobody: a foreign policy may be why the first one failed.
    if (!spec.policyWritten || spec.attempt > 1) await stages.time('policy', () => writePolicy(mover));
    const meter = new UploadMeter(mover.emit, block ? sizeOf(mover) : () => scan?.complete()?.bytes);
    const manifest = await sendWhole(mover, meter);
    const broken = meter.rounds > 1 ? await lookUp(mover) : earlier;
    return await finish(mover, { manifest, scan, uploaded: meter.newBytes, broken });
  } finally {
    scan?.stop();
  }
}

async function sendWhole(mover: Mover, meter: UploadMeter): Promise<SnapshotManifest> {
  try {
    const sent = await mover.stages.time('kopia', () => send(mover, meter));
    checkSent(sent, mover.spec);
    return sent;
  } catch (error) {
    // Nobody comes to finish it.
    if (error instanceof CaravelError && error.code === 'VolumeUnreadable')
      await removeOthers(mover, await lookUp(mover).catch(() => []));
    throw error;
  }
}

function sizeOf({ paths }: Mover): () => number {
  const size = deviceSize(paths.volume);
  return () => size;
}

const isWhole = (manifest: SnapshotManifest, spec: MoverSpec) =>
  isComplete(manifest) && excluded(manifest) === 0 && unreadable(manifest, spec) === 0;

const lookUp = (mover: Mover): Promise<SnapshotManifest[]> =>
  persist(mover, { name: 'look-up', work: () => lookUpOnce(mover) });

async function lookUpOnce({ spec, kopia, stop }: Mover): Promise<SnapshotManifest[]> {
  const found = await listRunSnapshots(kopia, spec.runUid, { signal: stop.signal });
  return found.filter((manifest) => sourceText(manifest) === spec.source && hasTags(manifest, spec.tags));
}

/** A volume and a claim of one pod may have one name, and then one source; their tags tell them apart. */
const hasTags = ({ tags: found = {} }: SnapshotManifest, tags: MoverSpec['tags']) =>
  Object.entries(tags).every(([name, value]) => found[`tag:${name}`] === value);

const writePolicy = (mover: Mover) =>
  persist(mover, {
    name: 'policy',
    work: () => ensurePolicies(mover.kopia, [mover.spec], { signal: mover.stop.signal }),
  });

async function send(mover: Mover, meter: UploadMeter): Promise<SnapshotManifest> {
  // Fewer readers after a kill: most often it was the memory limit.
  let parallel = mover.spec.parallel || LIMITS.parallelUp;
  return persist(mover, {
    name: 'transfer',
    moved: () => meter.moved,
    work: async (round) => {
      // The last round may have stored the snapshot and died before it could say so.
      const stored =
        round > 0 ? (await lookUpOnce(mover)).find((found) => isWhole(found, mover.spec)) : undefined;
      if (stored) return stored;
      try {
        return await sendOnce(mover, meter, parallel);
      } catch (error) {
        if (error instanceof CaravelError && error.code === 'MoverLost')
          parallel = Math.max(1, parallel >> 1);
        throw error;
      }
    },
  });
}

function createArguments({ spec, paths }: Mover, parallel: number): string[] {
  const stdin = spec.volumeMode === 'Block';
  return snapshotCreate({
    path: stdin ? (spec.blockEntry ?? '') : paths.volume,
    ...{ stdin, parallel, source: spec.source, runUid: spec.runUid, tags: spec.tags },
    checkpointSeconds: spec.checkpointSeconds || LIMITS.checkpointSeconds,
    readOn: spec.live === true,
  });
}

async function sendOnce(mover: Mover, meter: UploadMeter, parallel: number): Promise<SnapshotManifest> {
  const { spec, paths, kopia } = mover;
  const args = createArguments(mover, parallel);
  const device = spec.volumeMode === 'Block' ? openSync(paths.volume, 'r') : undefined;
  meter.begin();
  try {
    const outcome = await watchKopia(mover, args, {
      ...(device !== undefined && { stdin: device }),
      flushOnStop: true,
      tick: ({ counters, line }) => meter.take(counters, parseBackupProgress(line)),
    });
    if (outcome.code !== 0 && !onlyVanished(outcome.stdout, spec)) throw await kopia.explain(outcome);
    const manifest = JSON.parse(outcome.stdout) as SnapshotManifest;
    if (isComplete(manifest)) return manifest;
    // Nobody here stopped it, so somebody else did.
    throw new CaravelError('MoverLost', `kopia broke off: ${manifest.incomplete ?? 'incomplete'}`);
  } finally {
    if (device !== undefined) closeSync(device);
  }
}

/** Kopia stores the snapshot, and ends in an error because files that it had listed were gone when it came to them. */
function onlyVanished(stdout: string, spec: MoverSpec): boolean {
  if (!spec.live || !stdout.startsWith('{')) return false;
  const manifest = JSON.parse(stdout) as SnapshotManifest;
  return vanished(manifest) > 0 && isWhole(manifest, spec);
}

interface Finished {
  manifest: SnapshotManifest;
  scan: RunningScan | undefined;
  uploaded: number;
  /** Snapshots of this run, the broken-off ones among them. */
  broken: SnapshotManifest[];
}

async function finish(mover: Mover, { manifest, scan, uploaded, broken }: Finished): Promise<TransferResult> {
  const counts = scan && (await mover.stages.time('scan', () => scan.finish()));
  if (scan && !counts) warn(mover, 'the count of what Kopia cannot keep did not end in time');
  const size = mover.spec.volumeMode === 'Block' ? deviceSize(mover.paths.volume) : undefined;
  const result = transferResult(mover, { manifest, counts, uploaded, size });
  await removeOthers(mover, broken, manifest.id);
  return result;
}

/** Snapshots of ours are pinned and would stay for ever: what broke off, and all but the one that counts. */
async function removeOthers(mover: Mover, found: SnapshotManifest[], kept?: string): Promise<void> {
  const ids = found.filter(({ id }) => id !== kept).map(({ id }) => id);
  try {
    if (ids.length > 0) await mover.stages.time('tidy', () => deleteSnapshots(mover.kopia, ids));
  } catch (error) {
    warn(mover, `broken-off snapshots ${ids.join(', ')} remain: ${String(error)}`);
  }
}
