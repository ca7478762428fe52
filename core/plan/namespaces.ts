import { EXCLUDE_LABEL } from '../backup/items.ts';
import { isGlob, NameFilter } from '../selection/glob.ts';
import { problem } from '../problems.ts';
import type { Problem } from '../problems.ts';

export interface ExistingNamespace {
  name: string;
  labels?: Record<string, string> | undefined;
}

export interface NamespaceChoice {
  /** Existing namespaces in the backup, sorted. */
  names: string[];
  /** No restriction: cluster-scoped objects of all kinds belong to the backup too. */
  everything: boolean;
  /** The include list is empty or `*`: lists can be made cluster-wide. */
  wholeCluster: boolean;
  problems: Problem[];
}

/** Resolves the namespace lists of a spec against those that exist. */
export function chooseNamespaces(
  existing: readonly ExistingNamespace[],
  includes: readonly string[],
  excludes: readonly string[],
): NamespaceChoice {
  const filter = new NameFilter(includes, excludes);
  const known = new Map(existing.map((namespace) => [namespace.name, namespace]));
  const names = [...known.keys()].filter((name) => filter.test(name)).sort();
  const missing = [...new Set(includes)].filter((name) => !isGlob(name) && name !== '' && !known.has(name));
  const nothing = includes.length > 0 && missing.length === 0 && names.length === 0;
  return {
    names,
    // A namespace that is left out by its own label does not make a backup of the whole cluster a smaller one.
    everything: new NameFilter(
      includes,
      excludes.filter((name) => known.get(name)?.labels?.[EXCLUDE_LABEL] !== 'true'),
    ).everything,
    wholeCluster: includes.length === 0 || (includes.length === 1 && includes[0] === '*'),
    problems: [
      ...missing.map(missingProblem),
      ...(nothing
        ? [problem('warning', 'plan', 'InvalidInput', 'no namespace matches spec.includedNamespaces')]
        : []),
      ...managedProblems(names.filter((name) => known.get(name)?.labels?.[ARGO_LABEL])),
    ],
  };
}

const missingProblem = (name: string): Problem =>
  problem(
    'error',
    'plan',
    'InvalidInput',
    `fail to get the namespace ${name} specified in backup.Spec.IncludedNamespaces: it does not exist`,
    { namespace: name, resource: 'namespaces', name },
  );

const ARGO_LABEL = 'argocd.argoproj.io/managed-by';

/** Argo CD makes what a restore makes as well, and the two get into each other's way. */
function managedProblems(names: readonly string[]): Problem[] {
  if (names.length === 0) return [];
  const message = `Argo CD manages namespaces ${names.join(', ')} (label ${ARGO_LABEL}): it may change or remove what a restore of this backup makes there`;
  return [problem('warning', 'plan', 'InvalidInput', message)];
}
