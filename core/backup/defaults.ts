import { AUTO_EXCLUDED } from '../plan/resource-filter.ts';
import { parseDuration } from '../format/duration.ts';
import { wantsFileSystemBackup } from './validate.ts';
import type { CheckedSpec } from './validate.ts';

export interface DefaultsInput {
  /** The location to use when the spec names none. */
  storageLocation: string;
  /** Namespaces labelled to be left out of every backup. */
  excludedNamespaces: string[];
}

type Spec = CheckedSpec & {
  storageLocation?: string | undefined;
  snapshotMoveData?: boolean | null | undefined;
  volumeGroupSnapshotLabelKey?: string | undefined;
};

/** Nothing is added to `*`, which may only stand alone. */
const withItem = (list: string[], item: string) =>
  list.includes(item) || list.includes('*') ? list : [...list, item];

/** The spec as it will be carried out; written back to the resource, where users and the CLI see it. */
export function withDefaults<S extends Spec>(
  spec: S,
  { storageLocation, excludedNamespaces }: DefaultsInput,
): S {
  const usesOld =
    typeof spec.includeClusterResources === 'boolean' ||
    hasAny(spec.includedResources, spec.excludedResources);
  const excluded = [...new Set([...(spec.excludedNamespaces ?? []), ...excludedNamespaces])];
  const included = spec.includedNamespaces ?? [];
  return {
    ...spec,
    storageLocation: spec.storageLocation || storageLocation,
    includedNamespaces: included.length > 0 ? included : ['*'],
    ...(excluded.length > 0 && { excludedNamespaces: excluded }),
    ttl: given(spec.ttl, '720h0m0s'),
    csiSnapshotTimeout: given(spec.csiSnapshotTimeout, '10m0s'),
    itemOperationTimeout: given(spec.itemOperationTimeout, '4h0m0s'),
    volumeGroupSnapshotLabelKey: spec.volumeGroupSnapshotLabelKey || 'velero.io/volume-group',
    defaultVolumesToFsBackup: wantsFileSystemBackup(spec),
    // Moving the data is what Caravel is for; Velero's server default is not to.
    snapshotMoveData: spec.snapshotMoveData ?? true,
    ...(usesOld ? oldFilters(spec) : newFilters(spec)),
  };
}

function oldFilters(spec: Spec) {
  const snapshots = [AUTO_EXCLUDED.namespaced, AUTO_EXCLUDED.cluster];
  const [included, excluded] = withoutSnapshots(spec.includedResources, spec.excludedResources, snapshots);
  return { ...(included && { includedResources: included }), excludedResources: excluded };
}

function newFilters(spec: Spec) {
  const [cluster, noCluster] = withoutSnapshots(
    spec.includedClusterScopedResources,
    spec.excludedClusterScopedResources,
    [AUTO_EXCLUDED.cluster],
  );
  const [namespaced, noNamespaced] = withoutSnapshots(
    spec.includedNamespaceScopedResources,
    spec.excludedNamespaceScopedResources,
    [AUTO_EXCLUDED.namespaced],
  );
  return {
    ...(cluster && { includedClusterScopedResources: cluster }),
    excludedClusterScopedResources: noCluster,
    ...(namespaced && { includedNamespaceScopedResources: namespaced }),
    excludedNamespaceScopedResources: noNamespaced,
  };
}

type Names = string[] | null | undefined;

/** Moves the snapshot types from the includes to the excludes. */
function withoutSnapshots(includes: Names, excludes: Names, snapshots: string[]): [Names, string[]] {
  const rest = includes?.filter((name) => !snapshots.includes(name));
  // An include list that became empty would mean everything.
  if (rest?.length === 0 && includes?.length) return [includes, excludes ?? []];
  return [rest ?? includes, snapshots.reduce(withItem, excludes ?? [])];
}

const hasAny = (...lists: (string[] | null | undefined)[]) => lists.some((names) => (names?.length ?? 0) > 0);

/** The CLI sends `0s` for what the user did not set; a text that is no duration is left for the validation to name. */
function given(duration: string | undefined, fallback: string): string {
  if (!duration) return fallback;
  try {
    return parseDuration(duration) === 0 ? fallback : duration;
  } catch {
    return duration;
  }
}
