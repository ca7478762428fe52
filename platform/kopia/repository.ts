import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RepositoryCredentials, RepositorySpec } from '../../contracts/mover.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { repositoryCreate, repositoryStatus } from './commands.ts';
import { removeHalfMade } from './probe.ts';
import { openKopia } from './kopia.ts';
import type { Kopia } from './kopia.ts';
import type { PolicySource } from './policy.ts';
import { deleteSnapshots, ensurePolicies, listRunSnapshots, snapshotManifests } from './snapshots.ts';
import type { SnapshotManifest } from './output.ts';

/** What the worker does with a repository; each call has a scratch folder of its own, gone at the end. */

export interface RepositoryAccess {
  spec: RepositorySpec;
  credentials: RepositoryCredentials;
  kopiaPath: string;
  workDir: string;
  signal?: AbortSignal;
}

async function withKopia<T>(
  { workDir, signal, ...access }: RepositoryAccess,
  work: (kopia: Kopia, options: { signal?: AbortSignal }) => Promise<T>,
): Promise<T> {
  mkdirSync(workDir, { recursive: true });
  const dir = mkdtempSync(join(workDir, 'kopia-'));
  try {
    return await work(openKopia({ ...access, dir }), signal ? { signal } : {});
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export interface InitialisedRepository {
  /** Base64, as in the blob `kopia.repository` and in Velero's mark `udmrepo.Repository`. */
  uniqueId: string;
  created: boolean;
}

/**
 * Creates the repository when there is none, and proves that the password opens it. Safe to repeat, but not to run
 * twice at the same time: two creators would overwrite each other's halves.
 */
export function initialiseRepository(access: RepositoryAccess): Promise<InitialisedRepository> {
  return withKopia(access, async (kopia, options) => {
    const status = async () => uniqueId(await kopia.run(repositoryStatus(), options));
    try {
      return { uniqueId: await status(), created: false };
    } catch (error) {
      if (!(error instanceof CaravelError) || error.code !== 'RepositoryMissing') throw error;
    }
    await create(kopia, access, options);
    return { uniqueId: await status(), created: true };
  });
}

async function create(
  kopia: Kopia,
  access: RepositoryAccess,
  options: { signal?: AbortSignal },
): Promise<void> {
  const { spec, credentials } = access;
  try {
    await kopia.run(repositoryCreate(spec), options);
  } catch (error) {
    if (!(error instanceof CaravelError) || !/found existing data/.test(error.message)) throw error;
    const remains = await removeHalfMade(spec, credentials);
    if (remains === 'removed') return void (await kopia.run(repositoryCreate(spec), options));
    if (remains === 'young')
      throw new CaravelError(
        'StoreUnavailable',
        `another creation of the repository at ${spec.prefix} was cut short`,
      );
    // Made in the meantime, or blobs of something else: opening it tells.
  }
}

/** `repository status` prints the id in hex. */
function uniqueId(status: string): string {
  const { uniqueIDHex } = JSON.parse(status) as { uniqueIDHex: string };
  return Buffer.from(uniqueIDHex, 'hex').toString('base64');
}

/** Policies of all sources at once, which saves each mover two processes (`MoverSpec.policyWritten`). */
export const ensureRepositoryPolicies = (access: RepositoryAccess, sources: PolicySource[]) =>
  withKopia(access, (kopia, options) => ensurePolicies(kopia, sources, options));

export const readSnapshotManifests = (
  access: RepositoryAccess,
  ids: readonly string[],
): Promise<SnapshotManifest[]> =>
  withKopia(access, (kopia, options) => snapshotManifests(kopia, ids, options));

export const readRunSnapshots = (access: RepositoryAccess, runUid: string): Promise<SnapshotManifest[]> =>
  withKopia(access, (kopia, options) => listRunSnapshots(kopia, runUid, options));

/** Deletes snapshots by id; used when a backup is deleted, and for the broken-off ones of a cancelled run. */
export const deleteRepositorySnapshots = (access: RepositoryAccess, ids: string[]): Promise<void> =>
  withKopia(access, (kopia, options) => deleteSnapshots(kopia, ids, options));

/** Removes what a run that did not finish left behind: such snapshots are pinned and would stay for ever. */
export function deleteIncompleteSnapshots(access: RepositoryAccess, runUid: string): Promise<number> {
  return withKopia(access, async (kopia, options) => {
    const broken = (await listRunSnapshots(kopia, runUid, options)).filter(({ incomplete }) => incomplete);
    await deleteSnapshots(
      kopia,
      broken.map(({ id }) => id),
      options,
    );
    return broken.length;
  });
}
