import { CaravelError } from '../errors/catalog.ts';

/** Paths inside a backup's tarball. They come from a bucket that others can write, so parsing trusts nothing. */

export const VERSION_PATH = 'metadata/version';
export const FORMAT_VERSION = '1.1.0';

export interface ItemId {
  /** `deployments.apps`; the core group has no suffix. */
  groupResource: string;
  /** Absent for cluster-scoped objects. */
  namespace?: string | undefined;
  name: string;
}

export interface EntryPath extends ItemId {
  /** Absent in the un-versioned form, which holds the version that the source cluster preferred. */
  version?: string;
  /** False for the further versions that Velero stores with EnableAPIGroupVersions. */
  preferred: boolean;
}

export type ParsedPath =
  | { kind: 'item'; item: EntryPath }
  /** `metadata/version`. */
  | { kind: 'version' }
  | { kind: 'directory' };

const PREFERRED = '-preferredversion';
/** Names have at most 253 characters, except those of roles, which have no limit of their own. */
const LONGEST_PATH = 4096;
/** So that a path, with what stands around the names, can be read again. */
const LONGEST_NAMES = LONGEST_PATH - 64;
/** NUL would cut the path short for whatever writes it to a disk; a line feed would forge lines of a listing. */
const CONTROL = /\p{Cc}/u;

/** Places of an object: two in its preferred version, the un-versioned one first; one in any other version. */
export function entryPaths(item: ItemId & { version: string; preferred?: boolean }): string[] {
  const { groupResource, version, preferred = true, namespace, name } = item;
  const parts = [groupResource, version, name, ...(namespace === undefined ? [] : [namespace])];
  const bad = parts.find((part) => segmentFault(part) !== undefined);
  if (bad !== undefined) throw refused(bad, segmentFault(bad)!);
  if (groupResource.length + version.length + (namespace ?? '').length + name.length > LONGEST_NAMES)
    throw refused(name, 'longer than any object has');
  const place = `${namespace === undefined ? 'cluster' : `namespaces/${namespace}`}/${name}.json`;
  const folder = `resources/${groupResource}`;
  if (!preferred) return [`${folder}/${version}/${place}`];
  return [`${folder}/${place}`, `${folder}/${version}${PREFERRED}/${place}`];
}

/** What a tarball entry is; throws StoreCorrupt for a path that no backup has. */
export function parseEntryPath(path: string): ParsedPath {
  if (path.length > LONGEST_PATH) throw refused(path, 'longer than any object has');
  // `tar -C dir -c .` writes it in front of every path.
  const parts = (path.startsWith('./') ? path.slice(2) : path).split('/');
  const directory = parts.at(-1) === '';
  if (directory) parts.pop();
  for (const part of parts) {
    const fault = segmentFault(part);
    if (fault !== undefined) throw refused(path, fault);
  }
  if (directory) return { kind: 'directory' };
  if (parts.join('/') === VERSION_PATH) return { kind: 'version' };
  return { kind: 'item', item: parseItem(path, parts) };
}

function parseItem(path: string, parts: string[]): EntryPath {
  const [top, groupResource, ...rest] = parts;
  const file = rest.pop();
  if (top !== 'resources' || groupResource === undefined || file === undefined)
    throw refused(path, 'not a place of objects');
  if (!file.endsWith('.json') || file.length === '.json'.length) throw refused(path, 'not a .json file');
  const name = file.slice(0, -'.json'.length);
  const nameFault = segmentFault(name);
  if (nameFault !== undefined) throw refused(path, nameFault);
  const [folder, scope] = splitFolder(rest);
  const namespace = namespaceOf(scope);
  if (namespace === false) throw refused(path, 'neither below cluster/ nor below namespaces/<name>/');
  return { groupResource, ...versionOf(folder), ...(namespace === undefined ? {} : { namespace }), name };
}

/** Takes off the version folder; `cluster` and `namespaces` in its place are the scope itself. */
function splitFolder(parts: string[]): [folder: string | undefined, scope: string[]] {
  const [first] = parts;
  return first === 'cluster' || first === 'namespaces' ? [undefined, parts] : [first, parts.slice(1)];
}

/** The namespace, undefined for cluster scope, false when it is neither. */
function namespaceOf(scope: string[]): string | undefined | false {
  if (scope[0] === 'cluster' && scope.length === 1) return undefined;
  return scope[0] === 'namespaces' && scope.length === 2 ? scope[1]! : false;
}

function versionOf(folder: string | undefined): Pick<EntryPath, 'version' | 'preferred'> {
  if (folder === undefined) return { preferred: true };
  const preferred = folder.endsWith(PREFERRED) && folder.length > PREFERRED.length;
  return { version: preferred ? folder.slice(0, -PREFERRED.length) : folder, preferred };
}

function segmentFault(segment: string): string | undefined {
  if (segment === '') return 'absolute, or with an empty part';
  if (segment === '.' || segment === '..') return 'leads out of the backup';
  if (CONTROL.test(segment)) return 'with a control character';
  if (segment.includes('/')) return 'with a slash in a name';
  return undefined;
}

const refused = (path: string, reason: string) =>
  new CaravelError(
    'StoreCorrupt',
    `path ${JSON.stringify(path.slice(0, 200))} in the tarball is refused: ${reason}`,
  );
