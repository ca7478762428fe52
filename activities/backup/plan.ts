import type { RunContextRef } from '../../contracts/activities.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import { scratchPrefix } from '../../contracts/ids.ts';
import type { DocRef } from '../../contracts/run.ts';
import type { BackupPlan, ResourceRef } from '../../core/model.ts';
import { chooseNamespaces } from '../../core/plan/namespaces.ts';
import { orderedItems } from '../../core/plan/ordered.ts';
import { filtersOf, ResourceFilter } from '../../core/plan/resource-filter.ts';
import { makeShards, withoutCohabitants } from '../../core/plan/shards.ts';
import { isBackedUp, unreadGroups } from '../../core/plan/types.ts';
import { withPolicyFilters } from '../../core/volume-policy/filters.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { ApiResource, KubeObject } from '../../platform/kube/types.ts';
import { putDoc } from '../../platform/store/documents.ts';
import type { Deps } from '../support/deps.ts';
import { openRun } from '../support/context.ts';

/** Decides what is listed: the served types and existing namespaces that the spec's filters let through. */
export async function planBackup(deps: Deps, ref: RunContextRef): Promise<{ plan: DocRef; shards: number }> {
  const { context, store } = await openRun<Backup>(deps, ref);
  const { spec } = context.resource;
  const [discovery, namespaces] = await Promise.all([
    deps.kube.discover(),
    deps.kube.list<KubeObject>(GVRS.namespaces),
  ]);
  const existing = namespaces.map(({ metadata }) => ({ name: metadata.name, labels: metadata.labels }));
  const choice = chooseNamespaces(existing, spec.includedNamespaces ?? [], spec.excludedNamespaces ?? []);
  const preferred = discovery.resources.filter((resource) => resource.preferred);
  const policy = context.policies?.includeExcludePolicy;
  const filters = policy ? withPolicyFilters(filtersOf(spec), policy, preferred) : filtersOf(spec);
  const filter = new ResourceFilter(filters, preferred, choice.everything);
  const offered = deps.config.allVersions ? discovery.resources : preferred;
  const listed = offered.filter(
    (resource) =>
      isBackedUp(resource) && filter.lists(resource) && (choice.names.length > 0 || !resource.namespaced),
  );
  const resources = withoutCohabitants(listed.map(reference));
  const ordered = orderedItems(spec.orderedResources, resources, preferred);
  const plan: BackupPlan = {
    namespaces: choice.names,
    wholeCluster: choice.wholeCluster,
    everything: choice.everything,
    filters,
    shards: makeShards({
      resources,
      ...(!choice.wholeCluster && { namespaces: choice.names }),
      ordered: ordered.items,
    }),
    resources: preferred.map((resource) => ({
      ...reference(resource),
      singular: resource.singular,
      shortNames: resource.shortNames,
    })),
    problems: [
      ...choice.problems,
      ...filter.unmatched(),
      ...ordered.problems,
      ...unreadGroups(discovery.failures, filter),
    ],
  };
  const doc = await putDoc(store, `${scratchPrefix(ref.run)}plan`, plan);
  return { plan: doc, shards: plan.shards.length };
}

const reference = ({ group, version, resource, kind, namespaced, preferred }: ApiResource): ResourceRef => ({
  group,
  version,
  resource,
  kind,
  namespaced,
  ...(!preferred && { preferred }),
});
