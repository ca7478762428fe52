import type { RunContextRef } from '../../contracts/activities.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import { scratchPrefix } from '../../contracts/ids.ts';
import type { DocRef } from '../../contracts/run.ts';
import type { BackupPlan, ResourceRef } from '../../core/model.ts';
import { chooseNamespaces } from '../../core/plan/namespaces.ts';
import type { NamespaceChoice } from '../../core/plan/namespaces.ts';
import { ResourceFilter } from '../../core/plan/resource-filter.ts';
import { makeShards, withoutCohabitants } from '../../core/plan/shards.ts';
import { problem } from '../../core/problems.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { ApiResource, KubeObject } from '../../platform/kube/types.ts';
import { putDoc } from '../../platform/store/documents.ts';
import type { Deps } from '../support/deps.ts';
import { openRun } from '../support/context.ts';

/** What a resource type must offer to be backed up and restored. */
const VERBS = ['list', 'get', 'create', 'delete'];

/** Decides what is listed: the served types and existing namespaces that the spec's filters let through. */
export async function planBackup(deps: Deps, ref: RunContextRef): Promise<{ plan: DocRef; shards: number }> {
  const { context, store } = await openRun<Backup>(deps, ref);
  const { spec } = context.resource;
  const [discovery, namespaces] = await Promise.all([
    deps.kube.discover(),
    deps.kube.list<KubeObject & { status?: { phase?: string } }>(GVRS.namespaces),
  ]);
  const existing = namespaces.map(({ metadata, status }) => ({
    name: metadata.name,
    active: status?.phase === 'Active',
  }));
  const choice = chooseNamespaces(existing, spec.includedNamespaces ?? [], spec.excludedNamespaces ?? []);
  const served = discovery.resources.filter((resource) => resource.preferred);
  const filter = new ResourceFilter(spec, served, choice.everything);
  const plan: BackupPlan = {
    namespaces: choice.names,
    wholeCluster: choice.wholeCluster,
    shards: shardsFor(served, filter, choice),
    resources: served.map((resource) => ({
      ...reference(resource),
      singular: resource.singular,
      shortNames: resource.shortNames,
    })),
    problems: [
      ...choice.problems,
      ...discovery.failures.map(({ group, message }) =>
        problem('error', 'plan', 'KubeUnavailable', `API group ${group} cannot be read: ${message}`),
      ),
    ],
  };
  const doc = await putDoc(store, `${scratchPrefix(ref.run)}plan`, plan);
  return { plan: doc, shards: plan.shards.length };
}

function shardsFor(served: readonly ApiResource[], filter: ResourceFilter, choice: NamespaceChoice) {
  const listed = served.filter(
    (resource) =>
      VERBS.every((verb) => resource.verbs.includes(verb)) &&
      filter.lists(resource) &&
      (choice.names.length > 0 || !resource.namespaced),
  );
  return makeShards({
    resources: withoutCohabitants(listed.map(reference)),
    // Namespace by namespace as long as that is less work than reading everything and throwing most away.
    ...(!choice.wholeCluster && { namespaces: choice.names }),
  });
}

const reference = ({ group, version, resource, kind, namespaced }: ApiResource): ResourceRef => ({
  group,
  version,
  resource,
  kind,
  namespaced,
});
