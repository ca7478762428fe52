import type { MoverSpec } from '../../contracts/mover.ts';
import { POLICY } from './limits.ts';

/**
 * The policy of one source. Kopia's defaults lose data without a word: files that a `.kopiaignore` names, folders with
 * a CACHEDIR.TAG, all but the last ten snapshots. It is set for the exact source only, so nothing changes for others
 * in a repository that Velero made.
 */

export type KopiaPolicy = Record<string, unknown>;

export interface PolicySource {
  source: string;
  volumeMode: MoverSpec['volumeMode'];
}

/** A name that no volume has; an empty list would inherit `.kopiaignore`. */
const NO_IGNORE_FILE = '.caravel-keeps-every-file-9f41c2';
/** Four times as fast as kopia's own on a stream, and reads the same in every version. */
const BLOCK_SPLITTER = 'FIXED-4M';

export function sourcePolicy({ splitter }: { splitter?: string | undefined } = {}): KopiaPolicy {
  const { keepAll } = POLICY;
  return {
    retention: {
      ...{ keepLatest: keepAll, keepHourly: keepAll, keepDaily: keepAll },
      ...{ keepWeekly: keepAll, keepMonthly: keepAll, keepAnnual: keepAll },
      ignoreIdenticalSnapshots: false,
    },
    files: { ignoreDotFiles: [NO_IGNORE_FILE], ignoreCacheDirs: false, noParentIgnore: true },
    errorHandling: { ignoreFileErrors: false, ignoreDirectoryErrors: false, ignoreUnknownTypes: true },
    scheduling: { manual: true },
    compression: { compressorName: 'zstd-fastest' },
    ...(splitter && { splitter: { algorithm: splitter } }),
    upload: { parallelUploadAboveSize: POLICY.parallelAboveBytes },
  };
}

/** The policies that are missing or differ, in the form that `policy import` reads; undefined when all is well. */
export function missingPolicies(
  existing: Record<string, KopiaPolicy>,
  sources: PolicySource[],
): Record<string, KopiaPolicy> | undefined {
  const missing = sources.flatMap(({ source, volumeMode }) => {
    const found = existing[source];
    const wanted = sourcePolicy({ splitter: volumeMode === 'Block' ? blockSplitter(found) : undefined });
    return found && same(found, wanted) ? [] : [[source, wanted] as const];
  });
  return missing.length > 0 ? Object.fromEntries(missing) : undefined;
}

/** A source with a policy has older data, whose chunks only the splitter of that time finds again. */
function blockSplitter(existing: KopiaPolicy | undefined): string | undefined {
  if (!existing) return BLOCK_SPLITTER;
  return (existing['splitter'] as { algorithm?: string } | undefined)?.algorithm;
}

const same = (a: unknown, b: unknown) => JSON.stringify(normal(a)) === JSON.stringify(normal(b));

/** Sorted keys, and without the empty parts that kopia adds when it prints a policy. */
function normal(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value)
    .map(([key, part]) => [key, normal(part)] as const)
    .filter(([, part]) => part !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}
