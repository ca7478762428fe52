/** Reads what kopia prints for people: progress lines, sizes, manifests. */

const UNITS = 'BKMGTPE';

/** `1.5 GB`, `65.5 KB`, `0 B`, `3 MiB`; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?) ([KMGTPE]?)(i?)B$/.exec(text.trim());
  if (!found) return undefined;
  const [, number = '', unit, binary] = found;
  const factor = (binary ? 1024 : 1000) ** (unit ? UNITS.indexOf(unit) : 0);
  return Math.round(Number(number) * factor);
}

export interface BackupProgress {
  hashedFiles: number;
  hashedBytes: number;
  cachedFiles: number;
  cachedBytes: number;
  uploadedBytes: number;
  errors: number;
  /** Rough; absent until kopia dares to guess. */
  estimatedBytes?: number;
}

const BACKUP =
  /^ ?[-|/\\*] \d+ hashing, (\d+) hashed \(([^)]+)\), (\d+) cached \(([^)]+)\), uploaded ([\d.]+ \w+)(?: \((\d+) fatal errors\))?(?: \((\d+) errors ignored\))?, (?:estimated ([\d.]+ \w+)|estimating)/;

export function parseBackupProgress(line: string): BackupProgress | undefined {
  const found = BACKUP.exec(line);
  if (!found) return undefined;
  const count = (group: number) => Number(found[group] ?? 0);
  const size = (group: number) => parseSize(found[group] ?? '') ?? 0;
  return {
    hashedFiles: count(1),
    hashedBytes: size(2),
    cachedFiles: count(3),
    cachedBytes: size(4),
    uploadedBytes: size(5),
    errors: count(6) + count(7),
    ...(found[8] !== undefined && { estimatedBytes: size(8) }),
  };
}

export interface RestoreProgress {
  /** Files, folders and links, the skipped ones included. */
  done: number;
  bytes: number;
}

const RESTORE = /^Processed (\d+) \(([^)]+)\) of \d+ \([^)]+\)(?:, skipped \d+ \(([^)]+)\))?/;

export function parseRestoreProgress(line: string): RestoreProgress | undefined {
  const found = RESTORE.exec(line);
  if (!found) return undefined;
  const [, done, size = '', skipped] = found;
  return { done: Number(done), bytes: (parseSize(size) ?? 0) + (skipped ? (parseSize(skipped) ?? 0) : 0) };
}

export interface RestoreSummary {
  files: number;
  dirs: number;
  symlinks: number;
  skipped: number;
  ignoredErrors: number;
}

const RESTORED =
  /^Restored (\d+) files, (\d+) directories and (\d+) symbolic links \([^)]+\)(?:, skipped (\d+) \([^)]+\))?(?:.*, ignored (\d+) errors)?/;

export function parseRestoreSummary(line: string): RestoreSummary | undefined {
  const found = RESTORED.exec(line);
  if (!found) return undefined;
  const [files, dirs, symlinks, skipped, ignoredErrors] = found.slice(1).map((digits) => Number(digits ?? 0));
  return {
    files: files ?? 0,
    dirs: dirs ?? 0,
    symlinks: symlinks ?? 0,
    skipped: skipped ?? 0,
    ignoredErrors: ignoredErrors ?? 0,
  };
}

/** The part of a snapshot manifest that is used here. */
export interface SnapshotManifest {
  id: string;
  source: { host: string; userName: string; path: string };
  startTime: string;
  endTime: string;
  /** Why it is not a whole snapshot: `checkpoint`, `canceled` … */
  incomplete?: string;
  stats?: Partial<
    Record<'excludedFileCount' | 'excludedDirCount' | 'errorCount' | 'ignoredErrorCount', number>
  >;
  rootEntry?: {
    name: string;
    obj: string;
    summ?: {
      size: number;
      files: number;
      symlinks: number;
      dirs: number;
      maxTime: string;
      numFailed: number;
      /** The first ten of them. */
      errors?: { path: string; error: string }[];
      incomplete?: string;
    };
  };
  tags?: Record<string, string>;
}

/**
 * `manifest show` prints for each id comment lines, the first with the id, and then the manifest with an empty id. What
 * follows a manifest stands on the line of its last brace.
 */
export function parseManifestShow(text: string): SnapshotManifest[] {
  const parts: { id: string; lines: string[] }[] = [];
  for (const line of text.split('\n')) {
    const begin = /^(\}?)\/\/ id: ([0-9a-f]+)$/.exec(line);
    if (begin?.[1]) parts.at(-1)?.lines.push('}');
    if (begin) parts.push({ id: begin[2] ?? '', lines: [] });
    else if (!line.startsWith('//')) parts.at(-1)?.lines.push(line);
  }
  return parts.map(({ id, lines }) => ({ ...(JSON.parse(lines.join('\n')) as SnapshotManifest), id }));
}

/** A source as kopia's command line writes it. */
export const sourceText = ({ source }: SnapshotManifest): string =>
  `${source.userName}@${source.host}:${source.path}`;

export const isComplete = (manifest: SnapshotManifest): boolean =>
  !manifest.incomplete && !manifest.rootEntry?.summ?.incomplete && manifest.rootEntry !== undefined;

/** Files and folders that a policy made kopia leave out. */
export const excluded = ({ stats = {} }: SnapshotManifest): number =>
  (stats.excludedFileCount ?? 0) + (stats.excludedDirCount ?? 0);

export interface DirectoryEntry {
  name: string;
  type: string;
  size?: number;
  obj: string;
}

export function parseDirectory(text: string): DirectoryEntry[] {
  const { stream, entries } = JSON.parse(text) as { stream: string; entries?: DirectoryEntry[] };
  if (stream !== 'kopia:directory') throw new Error(`not a folder but ${stream}`);
  return entries ?? [];
}
