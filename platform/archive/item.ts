import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import type { ItemId } from '../../core/format/tarball.ts';
import { parseJson, stringifyJson } from '../kube/json.ts';
import type { KubeObject } from '../kube/types.ts';

/** An object on its way between cluster, segments and tarball. Its bytes are passed on; only edits parse them. */
export interface ArchiveItem extends ItemId {
  version: string;
  /** False for an object in a version beside the one that the server prefers, in which it is stored as well. */
  preferred?: boolean;
  /** JSON of the whole object, without line feeds. */
  raw: Buffer;
}

export const itemOf = (id: Omit<ArchiveItem, 'raw'>, object: object): ArchiveItem => ({
  ...id,
  raw: Buffer.from(stringifyJson(object)),
});

/** The object without loss: large integers are raw numbers (see kube/json.ts). */
export const objectOf = (item: ArchiveItem): KubeObject => parseJson<KubeObject>(item.raw);

export const withObject = (item: ArchiveItem, object: object): ArchiveItem => itemOf(item, object);

/** Identity within a backup; no name holds a NUL. */
export const itemKey = (item: ItemId): string =>
  `${item.groupResource}\0${item.namespace ?? ''}\0${item.name}`;

/** Identity of the object in one of its versions. */
export const versionKey = (item: ArchiveItem): string =>
  item.preferred === false ? `${itemKey(item)}\0${item.version}` : itemKey(item);

/**
 * An item from bytes that somebody else wrote. They must be a Kubernetes object of the name that the path gives;
 * its version stands in the object itself.
 */
export function itemFromBytes(id: ItemId, bytes: Buffer): ArchiveItem {
  const { apiVersion, kind, metadata } = parsed(bytes);
  if (!isName(apiVersion) || !isName(kind)) throw unreadable('it has no apiVersion or kind');
  const { name, namespace = '' } = metadata ?? {};
  if (name !== id.name || namespace !== (id.namespace ?? '')) {
    throw unreadable('its name or namespace is another than that of its file');
  }
  return {
    groupResource: id.groupResource,
    version: apiVersion.slice(apiVersion.lastIndexOf('/') + 1),
    ...(id.namespace === undefined ? {} : { namespace: id.namespace }),
    name: id.name,
    raw: oneLine(bytes),
  };
}

const isName = (value: unknown): value is string => typeof value === 'string' && value !== '';

const unreadable = (reason: string) =>
  new CaravelError('StoreCorrupt', `the object cannot be used: ${reason}`);

interface Loose {
  apiVersion?: unknown;
  kind?: unknown;
  metadata?: { name?: unknown; namespace?: unknown } | null;
}

/** Keeps a byte order mark, which then is no JSON: it could not stand inside a line. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function parsed(bytes: Buffer): Loose {
  let value: unknown;
  try {
    value = JSON.parse(strictUtf8.decode(bytes));
  } catch (error) {
    throw unreadable(`it is not JSON (${messageOf(error)})`);
  }
  if (typeof value !== 'object' || value === null) throw unreadable('it is no object');
  return value;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/** In valid JSON a line feed can only be white space between tokens. */
function oneLine(bytes: Buffer): Buffer {
  if (!bytes.includes(LINE_FEED) && !bytes.includes(CARRIAGE_RETURN)) return bytes;
  return Buffer.from(bytes.map((byte) => (byte === LINE_FEED || byte === CARRIAGE_RETURN ? SPACE : byte)));
}
