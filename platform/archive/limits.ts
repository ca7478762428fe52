/** Every number of the archive formats, each with its reason. */

export const COMPRESSION = {
  /** Scratch that is read once: what the fastest level costs in bytes is won back in time. */
  segmentLevel: 1,
  /** Measured: as fast as level 1; level 6 is 9 % smaller and takes half as much CPU again. */
  tarballLevel: 3,
  /** Bytes given to zlib at once; in pieces of a tar header's size it takes eight times as long. */
  chunkBytes: 256 * 1024,
} as const;

export const TARBALL = {
  /** A hundred times the largest cluster; ends a decompression bomb that keeps below the ratio. */
  unpackedBytes: 256 * 1024 ** 3,
  /** Manifests shrink 10- to 100-fold, a bomb 1,000-fold. */
  ratio: 400,
  /** The ratio says nothing about small archives. */
  ratioFrom: 256 * 1024 * 1024,
  /** Items that are reported one by one when they cannot be read; the rest is counted. */
  problems: 1_000,
} as const;

/** Uncompressed bytes held while a tarball is sorted into segments by resource. */
export const SORT_BYTES = 64 * 1024 * 1024;
/** The head of a segment's line, besides the object itself. */
export const LINE_HEAD_BYTES = 8 * 1024;
