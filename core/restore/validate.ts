import { durationProblems, selectorProblems } from '../backup/validate.ts';
import { NON_RESTORABLE } from '../order/waves.ts';
import { listErrors, namespacePatternError } from '../selection/glob.ts';
import type { Selector } from '../selection/label-selector.ts';

/** The fields of a Restore spec that can be wrong by themselves, without looking at the cluster. */
export interface CheckedRestore {
  backupName?: string | undefined;
  scheduleName?: string | undefined;
  includedNamespaces?: string[] | null | undefined;
  excludedNamespaces?: string[] | null | undefined;
  includedResources?: string[] | null | undefined;
  excludedResources?: string[] | null | undefined;
  namespaceMapping?: Record<string, string> | null | undefined;
  labelSelector?: Selector | null | undefined;
  orLabelSelectors?: Selector[] | null | undefined;
  existingResourcePolicy?: string | undefined;
  itemOperationTimeout?: string | undefined;
  uploaderConfig?: { parallelFilesDownload?: number | undefined } | null | undefined;
  hooks?: { resources?: unknown[] | null | undefined } | null | undefined;
  restoreStatus?: object | null | undefined;
  resourceModifier?: object | null | undefined;
  resourcePolicy?: object | null | undefined;
}

const list = (names: string[] | null | undefined) => names ?? [];
const prefixed = (prefix: string, errors: readonly string[]) => errors.map((error) => `${prefix}: ${error}`);

/** Excludes are those that the restore will have, the types that are never restored among them. */
function resourceErrors(spec: CheckedRestore): string[] {
  const includes = list(spec.includedResources);
  const never = includes.filter((name) => NON_RESTORABLE.includes(name));
  const excludes = withNonRestorable(spec.excludedResources);
  return [
    ...never.map((name) => `spec.includedResources: ${name} are non-restorable resources`),
    ...prefixed('Invalid included/excluded resource lists', listErrors(includes, excludes)),
  ];
}

function namespaceErrors(spec: CheckedRestore): string[] {
  const includes = list(spec.includedNamespaces);
  const excludes = list(spec.excludedNamespaces);
  const patterns = [...includes, ...excludes].map(namespacePatternError);
  return prefixed('Invalid included/excluded namespace lists', [
    ...listErrors(includes, excludes),
    ...patterns.filter((error) => error !== undefined),
  ]);
}

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

function mappingErrors(mapping: Record<string, string> | null | undefined): string[] {
  const names = Object.entries(mapping ?? {}).flatMap(([source, target]) => [
    { at: source, name: source },
    { at: source, name: target },
  ]);
  return names
    .filter(({ name }) => !DNS_LABEL.test(name))
    .map(
      ({ at, name }) =>
        `spec.namespaceMapping[${at}]: invalid namespace "${name}": must be at most 63 lower case letters, digits or '-', beginning and ending with a letter or digit`,
    );
}

function sourceErrors({ backupName, scheduleName }: CheckedRestore): string[] {
  if (Boolean(backupName) !== Boolean(scheduleName)) return [];
  return [
    'Either a backup or schedule must be specified as a source for the restore, but not both (spec.backupName, spec.scheduleName)',
  ];
}

function policyErrors({ existingResourcePolicy: policy, uploaderConfig }: CheckedRestore): string[] {
  const errors: string[] = [];
  if (policy && policy !== 'none' && policy !== 'update') {
    errors.push(`Invalid ExistingResourcePolicy: ${policy} (spec.existingResourcePolicy: none or update)`);
  }
  if ((uploaderConfig?.parallelFilesDownload ?? 0) < 0) {
    errors.push('spec.uploaderConfig.parallelFilesDownload: must not be negative');
  }
  return errors;
}

/** What a spec may ask for but is not done yet; said before anything is done, never passed over. */
function unsupported(spec: CheckedRestore): string[] {
  const asked: [boolean, string][] = [
    [(spec.hooks?.resources?.length ?? 0) > 0, 'spec.hooks'],
    [Boolean(spec.restoreStatus), 'spec.restoreStatus'],
    [Boolean(spec.resourceModifier), 'spec.resourceModifier'],
    [Boolean(spec.resourcePolicy), 'spec.resourcePolicy'],
  ];
  return asked
    .filter(([is]) => is)
    .map(([, field]) => `NotSupported: ${field} cannot be carried out by this version`);
}

/** Everything that is wrong with a spec, all at once. */
export function restoreErrors(spec: CheckedRestore): string[] {
  return [
    ...resourceErrors(spec),
    ...namespaceErrors(spec),
    ...mappingErrors(spec.namespaceMapping),
    ...selectorProblems('restore', spec.labelSelector, spec.orLabelSelectors),
    ...sourceErrors(spec),
    ...policyErrors(spec),
    ...durationProblems({ itemOperationTimeout: spec.itemOperationTimeout }),
    ...unsupported(spec),
  ];
}

export function withNonRestorable(excludes: string[] | null | undefined): string[] {
  const asked = list(excludes);
  return [...asked, ...NON_RESTORABLE.filter((name) => !asked.includes(name))];
}

/** The spec as it will be carried out; written back to the resource, where users and the CLI see it. */
export function restoreDefaults<S extends CheckedRestore>(spec: S): S {
  const timeout = spec.itemOperationTimeout;
  return {
    ...spec,
    excludedResources: withNonRestorable(spec.excludedResources),
    // The CLI sends `0s` for what the user did not set.
    itemOperationTimeout: !timeout || /^0+[a-z]*$/.test(timeout) ? '4h0m0s' : timeout,
  };
}
