import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { LIMITS } from '../../contracts/settings.ts';
import type { DocRef } from '../../contracts/run.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { getBytes, putBytes, unpack } from '../store/documents.ts';
import type { ObjectStore } from '../store/types.ts';
import type { ArchiveItem } from './item.ts';
import { COMPRESSION, LINE_HEAD_BYTES } from './limits.ts';

/**
 * A segment: a piece of exported items in a run's scratch area, as gzip of lines
 * `{"gr":"deployments.apps","v":"v1","ns":"shop","name":"api","obj":{…}}`. The object stands last, so that its bytes
 * can be cut out without parsing them.
 */

export interface SegmentRef extends DocRef {
  items: number;
}

export interface SegmentOptions {
  /** Key of the segment of that number, counted from 0: a repeated step overwrites what it wrote before. */
  keyOf: (ordinal: number) => string;
  segmentBytes?: number;
  /** Items in one segment. */
  maxItems?: number;
}

const compress = promisify(gzip);
const LINE_FEED = 0x0a;
/** Cannot stand inside a JSON string, where the quotes would be escaped; so the first one is the real one. */
const OBJECT_MARK = ',"obj":';
const LINE_END = Buffer.from('}\n');
const LONGEST_LINE = LIMITS.manifestBytes + LINE_HEAD_BYTES;

export const encodeLine = (item: ArchiveItem): Buffer => Buffer.concat(lineOf(item));

/** In pieces: the object is copied only once, with the whole segment. */
function lineOf(item: ArchiveItem): Buffer[] {
  const { groupResource, version, preferred, namespace, name, raw } = item;
  const head = {
    gr: groupResource,
    v: version,
    ...(preferred === false && { beside: true }),
    ...(namespace === undefined ? {} : { ns: namespace }),
    name,
  };
  return [Buffer.from(JSON.stringify(head).slice(0, -1) + OBJECT_MARK), raw, LINE_END];
}

/** A line without its line feed. */
export function decodeLine(line: Buffer): ArchiveItem {
  const mark = line.indexOf(OBJECT_MARK);
  if (mark < 0 || line.at(-1) !== LINE_END[0])
    throw new CaravelError('StoreCorrupt', 'a line of the segment is damaged');
  const head = JSON.parse(`${line.toString('utf8', 0, mark)}}`) as {
    gr: string;
    v: string;
    beside?: boolean;
    ns?: string;
    name: string;
  };
  return {
    groupResource: head.gr,
    version: head.v,
    ...(head.beside && { preferred: false }),
    ...(head.ns === undefined ? {} : { namespace: head.ns }),
    name: head.name,
    raw: line.subarray(mark + OBJECT_MARK.length, -1),
  };
}

/** Writes items into as few segments as their size allows; holds one of them in memory. Await each call. */
export class SegmentWriter {
  readonly #store: ObjectStore;
  readonly #options: Required<SegmentOptions>;
  readonly #segments: SegmentRef[] = [];
  #pieces: Buffer[] = [];
  #items = 0;
  #bytes = 0;

  constructor(store: ObjectStore, options: SegmentOptions) {
    this.#store = store;
    this.#options = { segmentBytes: LIMITS.segmentBytes, maxItems: Number.MAX_SAFE_INTEGER, ...options };
  }

  /** Uncompressed bytes that are still in memory. */
  get pendingBytes(): number {
    return this.#bytes;
  }

  /** Throws StoreTooLarge for an item that no segment takes, and goes on without it. */
  async add(item: ArchiveItem): Promise<void> {
    const pieces = lineOf(item);
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (length > LONGEST_LINE) {
      throw new CaravelError(
        'StoreTooLarge',
        `${item.groupResource} ${item.name} has ${item.raw.length} bytes`,
      );
    }
    if (this.#bytes + length > this.#options.segmentBytes) await this.flush();
    this.#pieces.push(...pieces);
    this.#bytes += length;
    this.#items += 1;
    if (this.#items >= this.#options.maxItems) await this.flush();
  }

  /** Stores what is in memory as a segment. */
  async flush(): Promise<void> {
    const items = this.#items;
    if (items === 0) return;
    const text = Buffer.concat(this.#pieces, this.#bytes);
    this.#pieces = [];
    this.#items = 0;
    this.#bytes = 0;
    const packed = await compress(text, { level: COMPRESSION.segmentLevel });
    const ref = await putBytes(this.#store, this.#options.keyOf(this.#segments.length), packed);
    this.#segments.push({ ...ref, items });
  }

  async close(): Promise<SegmentRef[]> {
    await this.flush();
    return this.#segments;
  }
}

/** Items of a segment, after its hash was found right. Their bytes are slices: keep none of them for long. */
export async function* readSegment(store: ObjectStore, ref: DocRef): AsyncGenerator<ArchiveItem> {
  yield* linesOf(await loadSegment(store, ref), ref.key);
}

/** Items of many segments; the next one is on its way while the current one is used. */
export async function* readSegments(
  store: ObjectStore,
  refs: readonly DocRef[],
): AsyncGenerator<ArchiveItem> {
  let next: Promise<Buffer> | undefined;
  for (const [index, ref] of refs.entries()) {
    const text: Buffer = await (next ?? loadSegment(store, ref));
    const following = refs[index + 1];
    next = following ? loadSegment(store, following) : undefined;
    // Its failure counts when its turn comes; until then nobody awaits it.
    next?.catch(() => {});
    yield* linesOf(text, ref.key);
  }
}

async function loadSegment(store: ObjectStore, ref: DocRef): Promise<Buffer> {
  const packed = await getBytes(store, ref);
  return unpack(packed, Math.max(LIMITS.segmentBytes, LONGEST_LINE), ref.key);
}

function* linesOf(text: Buffer, key: string): Generator<ArchiveItem> {
  for (let start = 0; start < text.length;) {
    const end = text.indexOf(LINE_FEED, start);
    if (end < 0 || end - start > LONGEST_LINE)
      throw new CaravelError('StoreCorrupt', `${key} has a line without end`);
    yield decodeLine(text.subarray(start, end));
    start = end + 1;
  }
}
