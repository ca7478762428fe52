import { CaravelError } from '../../core/errors/catalog.ts';
import { manifestShow, policyExport, policyImport, snapshotDelete, snapshotsOfRun } from './commands.ts';
import type { Kopia, RunOptions } from './kopia.ts';
import { parseManifestShow } from './output.ts';
import type { SnapshotManifest } from './output.ts';
import { missingPolicies } from './policy.ts';
import type { KopiaPolicy, PolicySource } from './policy.ts';

/** Questions to a repository that take one short kopia process each. */

const MANIFEST_ID = /^[0-9a-f]{1,64}$/;

/** The manifest as it stands in the repository; SnapshotMissing when it does not. */
export async function snapshotManifest(
  kopia: Kopia,
  id: string,
  options: RunOptions = {},
): Promise<SnapshotManifest> {
  const [manifest] = await snapshotManifests(kopia, [id], options);
  if (!manifest) throw new CaravelError('SnapshotMissing', `kopia printed no manifest of snapshot ${id}`);
  return manifest;
}

/** All of the manifests; SnapshotMissing when one of them does not stand in the repository. */
export async function snapshotManifests(
  kopia: Kopia,
  ids: readonly string[],
  options: RunOptions = {},
): Promise<SnapshotManifest[]> {
  const odd = ids.find((id) => !MANIFEST_ID.test(id));
  if (odd !== undefined) throw new CaravelError('InvalidInput', `'${odd}' is no id of a Kopia snapshot`);
  return parseManifestShow(await kopia.run(manifestShow(ids), options));
}

/** Whole and broken-off snapshots that carry the run's uid. */
export async function listRunSnapshots(
  kopia: Kopia,
  runUid: string,
  options: RunOptions = {},
): Promise<SnapshotManifest[]> {
  return JSON.parse(await kopia.run(snapshotsOfRun(runUid), options)) as SnapshotManifest[];
}

/** Removes the manifests; those that are gone already are no error. Space comes back with maintenance. */
export async function deleteSnapshots(kopia: Kopia, ids: string[], options: RunOptions = {}): Promise<void> {
  // One process each: kopia stops at the first that is missing.
  for (const id of ids) {
    try {
      await kopia.run(snapshotDelete([id]), options);
    } catch (error) {
      if (!(error instanceof CaravelError) || error.code !== 'SnapshotMissing') throw error;
    }
  }
}

/** Makes sure of the sources' policies; reading first, because a write adds an index blob to the repository. */
export async function ensurePolicies(
  kopia: Kopia,
  sources: PolicySource[],
  options: RunOptions = {},
): Promise<{ written: number }> {
  const existing = JSON.parse(await kopia.run(policyExport(), options)) as Record<string, KopiaPolicy>;
  const missing = missingPolicies(existing, sources);
  if (!missing) return { written: 0 };
  await kopia.run(policyImport(), { ...options, input: JSON.stringify(missing) });
  return { written: Object.keys(missing).length };
}
