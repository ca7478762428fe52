import { isGlob, NameFilter } from '../selection/glob.ts';
import { problem } from '../problems.ts';
import type { Problem } from '../problems.ts';

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
  existing: readonly { name: string; active: boolean }[],
  includes: readonly string[],
  excludes: readonly string[],
): NamespaceChoice {
  const filter = new NameFilter(includes, excludes);
  const known = new Set(existing.map((namespace) => namespace.name));
  const names = [...known].filter((name) => filter.test(name)).sort();
  const missing = [...new Set(includes)].filter((name) => !isGlob(name) && name !== '' && !known.has(name));
  const problems = missing.map((name) =>
    problem(
      'error',
      'plan',
      'InvalidInput',
      `fail to get the namespace ${name} specified in backup.Spec.IncludedNamespaces: it does not exist`,
      { namespace: name, resource: 'namespaces', name },
    ),
  );
  const nothing = includes.length > 0 && missing.length === 0 && names.length === 0;
  if (nothing)
    problems.push(problem('warning', 'plan', 'InvalidInput', 'no namespace matches spec.includedNamespaces'));
  return {
    names,
    everything: filter.everything,
    wholeCluster: includes.length === 0 || (includes.length === 1 && includes[0] === '*'),
    problems,
  };
}
