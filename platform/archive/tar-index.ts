import { messageOf } from '../../core/errors/catalog.ts';
import type { EntryPath } from '../../core/format/tarball.ts';
import { problem } from '../../core/problems.ts';
import type { Problem } from '../../core/problems.ts';
import type { ObjectStore } from '../store/types.ts';
import { itemFromBytes, itemKey } from './item.ts';
import type { ArchiveItem } from './item.ts';
import { TARBALL } from './limits.ts';
import { readTarball } from './tar-reader.ts';

export type ItemSink = (item: ArchiveItem) => Promise<void> | void;

export interface TarballIndex {
  items: number;
  /** Content of `metadata/version`; empty when there is none. */
  formatVersion: string;
  /** Objects that cannot be used, with the reason; the others were given to the sink. */
  problems: Problem[];
}

const STEP = 'fetchBackup';

/** Problems beyond the bound are counted in one. */
type Counting = TarballIndex & { unreported: number };

/**
 * Gives every object of a tarball to the sink, once, in the version that the source cluster preferred. The un-versioned
 * copies are taken, as Velero does; an object that has only a versioned copy is fetched in a second pass.
 */
export async function indexTarball(
  store: ObjectStore,
  key: string,
  sink: ItemSink,
  options: { signal?: AbortSignal } = {},
): Promise<TarballIndex> {
  const index: Counting = { items: 0, formatVersion: '', problems: [], unreported: 0 };
  const seen = new Set<string>();
  const versionedOnly = new Set<string>();
  const unversioned = (path: EntryPath) => {
    if (path.version === undefined) return true;
    if (path.preferred && !seen.has(itemKey(path))) versionedOnly.add(itemKey(path));
    return false;
  };
  const onVersion = (version: string) => (index.formatVersion = version);
  for await (const { path, bytes } of readTarball(store, key, {
    ...options,
    wanted: unversioned,
    onVersion,
  })) {
    const id = itemKey(path);
    versionedOnly.delete(id);
    if (seen.has(id)) report(index, path, 'the tarball holds the object twice; the first one is used');
    else await deliver(index, path, bytes, sink);
    seen.add(id);
  }
  if (versionedOnly.size > 0) await secondPass(store, key, { index, sink, wanted: versionedOnly, options });
  return withRest(index);
}

interface SecondPass {
  index: Counting;
  sink: ItemSink;
  wanted: Set<string>;
  options: { signal?: AbortSignal };
}

async function secondPass(store: ObjectStore, key: string, pass: SecondPass): Promise<void> {
  const wanted = (path: EntryPath) =>
    path.version !== undefined && path.preferred && pass.wanted.delete(itemKey(path));
  for await (const { path, bytes } of readTarball(store, key, { ...pass.options, wanted })) {
    await deliver(pass.index, path, bytes, pass.sink);
  }
}

async function deliver(index: Counting, path: EntryPath, bytes: Buffer, sink: ItemSink): Promise<void> {
  let item: ArchiveItem;
  try {
    item = itemFromBytes(path, bytes);
  } catch (error) {
    report(index, path, messageOf(error));
    return;
  }
  await sink(item);
  index.items += 1;
}

function report(index: Counting, path: EntryPath, reason: string): void {
  if (index.problems.length >= TARBALL.problems) {
    index.unreported += 1;
    return;
  }
  const item = { namespace: path.namespace ?? '', resource: path.groupResource, name: path.name };
  index.problems.push(problem('error', STEP, 'StoreCorrupt', reason, item));
}

function withRest({ unreported, ...index }: Counting): TarballIndex {
  if (unreported === 0) return index;
  const rest = problem('error', STEP, 'StoreCorrupt', `${unreported} further objects cannot be used`);
  return { ...index, problems: [...index.problems, rest] };
}
