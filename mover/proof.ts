import type { MoverSpec, SnapshotFacts, TransferResult } from '../contracts/mover.ts';
import { CaravelError } from '../core/errors/catalog.ts';
import { factsOf } from '../platform/kopia/facts.ts';
import { excluded, sourceText } from '../platform/kopia/output.ts';
import type { SnapshotManifest } from '../platform/kopia/output.ts';
import type { Mover } from './context.ts';
import { warn } from './context.ts';
import { notKept } from './scan.ts';
import type { Scan } from './scan.ts';

/** What kopia says that it has sent must be whole. Whether it stands in the repository, the worker looks. */
export function checkSent(manifest: SnapshotManifest, spec: MoverSpec): SnapshotFacts {
  const facts = factsOf(manifest);
  if (sourceText(manifest) !== spec.source)
    throw new CaravelError('Internal', `snapshot ${manifest.id} belongs to ${sourceText(manifest)}`);
  refuseLosses(manifest, spec);
  return facts;
}

/** Files that kopia left out or could not read. */
function refuseLosses(manifest: SnapshotManifest, spec: Pick<MoverSpec, 'live'>): void {
  const left = excluded(manifest);
  // Only a foreign policy can do this, and the next attempt writes ours again.
  if (left > 0)
    throw new CaravelError('MoverFailed', `kopia left out ${left} files and folders: its policy was changed`);
  const lost = unreadable(manifest, spec);
  if (lost === 0) return;
  const first = manifest.rootEntry?.summ?.errors?.find(({ error }) => !spec.live || !GONE.test(error));
  const example = first ? `, first ${first.path}: ${first.error}` : '';
  throw new CaravelError('VolumeUnreadable', `kopia could not read ${lost} files${example}`);
}

/** Of a local file, and of one on NFS that another client deleted. */
const GONE = /: (?:no such file or directory|stale (?:NFS )?file handle)$/;

/** Files of a volume in use that were deleted between being listed and being read; kopia names ten at most. */
export const vanished = ({ rootEntry }: SnapshotManifest): number =>
  rootEntry?.summ?.errors?.filter(({ error }) => GONE.test(error)).length ?? 0;

/** Entries that stand in the volume, and are not in the snapshot because of an error. */
export function unreadable(manifest: SnapshotManifest, { live }: Pick<MoverSpec, 'live'>): number {
  const { stats = {}, rootEntry } = manifest;
  const failed = Math.max(stats.errorCount ?? 0, rootEntry?.summ?.numFailed ?? 0);
  return failed + (stats.ignoredErrorCount ?? 0) - (live ? vanished(manifest) : 0);
}

export interface Evidence {
  manifest: SnapshotManifest;
  /** What the mover counted in the volume itself, when it could. */
  counts: Scan | undefined;
  uploaded: number;
  /** Size of the device; block volumes only. */
  size: number | undefined;
}

export function transferResult(mover: Mover, { manifest, counts, uploaded, size }: Evidence): TransferResult {
  const facts = factsOf(manifest);
  // What is in use changes between one count and the other.
  if (counts && !mover.spec.live) compare(mover, facts, counts);
  if (size !== undefined && size !== facts.size) {
    throw new CaravelError('VolumeUnreadable', `the device has ${size} bytes, the snapshot ${facts.size}`);
  }
  const gone = mover.spec.live ? vanished(manifest) : 0;
  const unknown: Record<string, number> = mover.spec.volumeMode === 'Filesystem' ? { uncounted: 1 } : {};
  return {
    snapshotId: manifest.id,
    root: facts.root,
    bytesTotal: facts.size,
    // Kopia's count has its own folder lists in it.
    bytesUploaded: Math.min(uploaded, facts.size),
    ...{ files: facts.files, dirs: facts.dirs, symlinks: facts.symlinks },
    notKept: { ...(counts ? notKept(counts) : unknown), ...(gone > 0 && { vanished: gone }) },
    stagesMs: mover.stages.ms,
  };
}

/** An independent count: a volume that is a snapshot does not change, so every difference is a loss. */
export function compare(
  mover: Pick<Mover, 'emit'>,
  stored: Pick<SnapshotFacts, 'files' | 'dirs' | 'symlinks'>,
  counts: Scan,
): void {
  const volume = counts.files + counts.symlinks + counts.hardLinks;
  const kept = stored.files + stored.symlinks;
  if (volume === kept && counts.dirs === stored.dirs) return;
  const words =
    `the volume has ${volume} files and links in ${counts.dirs} folders, ` +
    `the snapshot ${kept} in ${stored.dirs}`;
  // Among the further names of a file may be those of a socket or a device, which are not kept.
  const explained = counts.hardLinks > 0 && volume >= kept && counts.dirs === stored.dirs;
  if (!explained) throw new CaravelError('VolumeUnreadable', words);
  warn(mover, words);
}
