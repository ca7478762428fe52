import type { ArchiveFacts, StoredPod } from './facts.ts';
import type { ItemSelector } from './select.ts';

/** Objects that come along with others, as `RestoreSelection.related` has them. */
export type Related = Record<string, string[]>;

const DEFINITIONS = 'customresourcedefinitions.apiextensions.k8s.io';

/** Pods that are restored, or would be if they still ran. */
export const selectedPods = (facts: ArchiveFacts, selector: ItemSelector): StoredPod[] =>
  facts.pods.filter(
    (pod) => !pod.ended && selector.test({ groupResource: 'pods', ...pod }, () => pod.labels),
  );

/** Claims of selected pods: they are needed whatever their own labels say. */
export function relatedClaims(pods: readonly StoredPod[]): Related {
  const claims = pods.flatMap(({ namespace, claims: names }) => names.map((name) => `${namespace}/${name}`));
  return compact({ persistentvolumeclaims: claims });
}

export interface RelatedInput {
  facts: ArchiveFacts;
  /** With the claims of the pods already among what is related. */
  selector: ItemSelector;
  /** Types that are restored, custom resources among them. */
  resources: readonly string[];
  isServed(groupResource: string): boolean;
}

/** Objects without a namespace that the selected ones need. */
export function relatedClusterObjects({ facts, selector, resources, isServed }: RelatedInput): Related {
  const selectedOf = <T extends { namespace: string; name: string; labels: Record<string, string> }>(
    groupResource: string,
    objects: readonly T[],
  ) => objects.filter((object) => selector.test({ groupResource, ...object }, () => object.labels));
  const claims = selectedOf('persistentvolumeclaims', facts.claims);
  const accounts = new Set(
    selectedOf('serviceaccounts', facts.accounts).map(({ namespace, name }) => `${namespace}/${name}`),
  );
  const bindings = facts.bindings.filter(({ accounts: subjects }) =>
    subjects.some((name) => accounts.has(name)),
  );
  return compact({
    persistentvolumes: claims.map(({ volume }) => volume),
    'priorityclasses.scheduling.k8s.io': selectedPods(facts, selector).map(
      ({ priorityClass }) => priorityClass,
    ),
    'clusterrolebindings.rbac.authorization.k8s.io': bindings.map(({ name }) => name),
    'clusterroles.rbac.authorization.k8s.io': bindings.map(({ role }) => role),
    // A type that is served needs no definition of the past.
    [DEFINITIONS]: resources.filter((name) => name.includes('.') && !isServed(name)),
  });
}

const compact = (lists: Related): Related =>
  Object.fromEntries(
    Object.entries(lists)
      .map(([key, names]) => [key, [...new Set(names)].filter((name) => name !== '').sort()] as const)
      .filter(([, names]) => names.length > 0),
  );
