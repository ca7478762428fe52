import type { SnapshotFacts } from '../../contracts/mover.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { isComplete } from './output.ts';
import type { SnapshotManifest } from './output.ts';

/** What the manifest of a whole snapshot says; an error for anything less. */
export function factsOf(manifest: SnapshotManifest): SnapshotFacts {
  const { rootEntry, endTime } = manifest;
  const summary = rootEntry?.summ;
  if (!isComplete(manifest) || !summary) {
    const reason = manifest.incomplete ?? 'it has no counts';
    throw new CaravelError('SnapshotMissing', `snapshot ${manifest.id} is not complete: ${reason}`);
  }
  const { size, files, dirs, symlinks, maxTime } = summary;
  return { root: rootEntry.obj, endTime, size, files, dirs, symlinks, maxTime };
}

const COUNTS = ['size', 'files', 'dirs', 'symlinks'] as const;

/** What is stored must be whole and be what was sent. */
export function prove(
  stored: SnapshotManifest,
  sent: Pick<SnapshotFacts, (typeof COUNTS)[number]> & { root?: string },
): void {
  const facts = factsOf(stored);
  const differing = COUNTS.filter((count) => facts[count] !== sent[count]);
  if (differing.length === 0 && (sent.root === undefined || facts.root === sent.root)) return;
  const found = differing.map((count) => `${count} ${facts[count]} instead of ${sent[count]}`);
  throw new CaravelError(
    'RepositoryCorrupt',
    `snapshot ${stored.id} does not stand in the repository as it was sent: ${found.join(', ') || 'other root'}`,
  );
}
