import { orderErrors } from '../plan/ordered.ts';
import { AUTO_EXCLUDED } from '../plan/resource-filter.ts';
import type { ResourceFilterSpec } from '../plan/resource-filter.ts';
import { listErrors, namespacePatternError } from '../selection/glob.ts';
import { selectorErrors } from '../selection/label-selector.ts';
import type { Selector } from '../selection/label-selector.ts';
import { parseDuration } from '../format/duration.ts';
import { messageOf } from '../errors/catalog.ts';
import { hookErrors } from '../hooks/spec.ts';
import type { HooksSpec } from '../hooks/spec.ts';

/** The fields of a Backup spec that can be wrong by themselves, without looking at the cluster. */
export interface CheckedSpec extends ResourceFilterSpec {
  includedNamespaces?: string[] | null | undefined;
  excludedNamespaces?: string[] | null | undefined;
  labelSelector?: Selector | null | undefined;
  orLabelSelectors?: Selector[] | null | undefined;
  ttl?: string | undefined;
  csiSnapshotTimeout?: string | undefined;
  itemOperationTimeout?: string | undefined;
  datamover?: string | undefined;
  defaultVolumesToFsBackup?: boolean | null | undefined;
  defaultVolumesToRestic?: boolean | null | undefined;
  volumeSnapshotLocations?: string[] | null | undefined;
  hooks?: HooksSpec | null | undefined;
  orderedResources?: Record<string, string> | null | undefined;
}

const OLD_AND_NEW = [
  'include-resources, exclude-resources and include-cluster-resources are old filter parameters.',
  'include-cluster-scoped-resources, exclude-cluster-scoped-resources, include-namespace-scoped-resources and exclude-namespace-scoped-resources are new filter parameters.',
  'They cannot be used together',
].join('\n');

const list = (names: string[] | null | undefined) => names ?? [];
const auto = new Set<string>(Object.values(AUTO_EXCLUDED));
const own = (names: string[] | null | undefined) => list(names).filter((name) => !auto.has(name));

function mixErrors(spec: CheckedSpec): string[] {
  const old =
    typeof spec.includeClusterResources === 'boolean' ||
    list(spec.includedResources).length + own(spec.excludedResources).length > 0;
  const fresh =
    list(spec.includedClusterScopedResources).length +
    own(spec.excludedClusterScopedResources).length +
    list(spec.includedNamespaceScopedResources).length +
    own(spec.excludedNamespaceScopedResources).length;
  return old && fresh > 0 ? [OLD_AND_NEW] : [];
}

/** New filters allow `*` as the only exclude. */
function newListErrors(includes: string[], excludes: string[]): string[] {
  const errors = listErrors(includes, excludes).filter(
    (error) => error !== "excludes list cannot contain '*'",
  );
  if (excludes.length > 1 && excludes.includes('*')) {
    errors.push("excludes list must either contain '*' only, or a non-empty list of items");
  }
  if (excludes.includes('*') && includes.length > 0)
    errors.push("when exclude is '*', include cannot have value");
  return errors;
}

const prefixed = (prefix: string, errors: string[]) => errors.map((error) => `${prefix}: ${error}`);

function listProblems(spec: CheckedSpec): string[] {
  const namespaces = [...list(spec.includedNamespaces), ...list(spec.excludedNamespaces)];
  return [
    ...prefixed(
      'Invalid included/excluded resource lists',
      listErrors(list(spec.includedResources), list(spec.excludedResources)),
    ),
    ...prefixed(
      'Invalid cluster-scoped included/excluded resource lists',
      newListErrors(list(spec.includedClusterScopedResources), list(spec.excludedClusterScopedResources)),
    ),
    ...prefixed(
      'Invalid namespace-scoped included/excluded resource lists',
      newListErrors(list(spec.includedNamespaceScopedResources), list(spec.excludedNamespaceScopedResources)),
    ),
    ...prefixed('Invalid included/excluded namespace lists', [
      ...listErrors(list(spec.includedNamespaces), list(spec.excludedNamespaces)),
      ...namespaces.map(namespacePatternError).filter((error) => error !== undefined),
    ]),
  ];
}

export function selectorProblems(
  kind: 'backup' | 'restore',
  one: Selector | null | undefined,
  any: Selector[] | null | undefined,
): string[] {
  const both = one && any && any.length > 0;
  return [
    ...(both
      ? [`encountered labelSelector as well as orLabelSelectors in ${kind} spec, only one can be specified`]
      : []),
    ...prefixed('spec.labelSelector', one ? selectorErrors(one) : []),
    ...(any ?? []).flatMap((selector, at) =>
      prefixed(`spec.orLabelSelectors[${at}]`, selectorErrors(selector)),
    ),
  ];
}

export function durationProblems(fields: Record<string, string | null | undefined>): string[] {
  return Object.entries(fields).flatMap(([field, text]) => {
    if (!text) return [];
    try {
      return parseDuration(text) < 0 ? [`spec.${field}: must not be negative`] : [];
    } catch (error) {
      return [`spec.${field}: ${messageOf(error)}`];
    }
  });
}

/** The old name of the field can only switch it on. */
export const wantsFileSystemBackup = (spec: CheckedSpec): boolean =>
  Boolean(spec.defaultVolumesToRestic) || Boolean(spec.defaultVolumesToFsBackup);

/** What a spec may ask for but Caravel does not do yet; said before anything is done, never passed over. */
function unsupported(spec: CheckedSpec): string[] {
  const { datamover } = spec;
  const errors: string[] = [];
  if (!['', 'velero', undefined].includes(datamover))
    errors.push(`PluginNotSupported: spec.datamover: "${datamover}" is a plugin, and there are none`);
  if (list(spec.volumeSnapshotLocations).length > 0)
    errors.push(
      'NativeSnapshotNotSupported: spec.volumeSnapshotLocations: there are no native snapshotters; volumes of CSI drivers need no such location',
    );
  return errors;
}

/** A location that does not exist, in Velero's words; `asked` is what the spec says. */
export function locationMissing(asked: string | undefined, name: string, error: string): string {
  const given = asked ? `the default ${name} was not found` : `the server default ${name} does not exist`;
  return `an existing backup storage location was not specified at backup creation time and ${given}. Please address this issue (see \`velero backup-location -h\` for options) and create a new backup. Error: ${error}`;
}

/** Everything that is wrong with a spec, all at once. */
export function specErrors(spec: CheckedSpec): string[] {
  return [
    ...mixErrors(spec),
    ...listProblems(spec),
    ...selectorProblems('backup', spec.labelSelector, spec.orLabelSelectors),
    ...orderErrors(spec.orderedResources),
    ...durationProblems({
      ttl: spec.ttl,
      csiSnapshotTimeout: spec.csiSnapshotTimeout,
      itemOperationTimeout: spec.itemOperationTimeout,
    }),
    ...hookErrors(spec.hooks),
    ...unsupported(spec),
  ];
}
