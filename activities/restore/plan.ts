import type { RestoreActivities } from '../../contracts/activities.ts';
import type { Restore } from '../../contracts/api/restore.ts';
import { scratchPrefix } from '../../contracts/ids.ts';
import { LIMITS } from '../../contracts/settings.ts';
import type { ArchiveIndex, RestoreChanges, RestorePlan, RestoreSelection } from '../../core/model.ts';
import { problem } from '../../core/problems.ts';
import type { Problem } from '../../core/problems.ts';
import type { ArchiveFacts, StoredPod } from '../../core/restore/facts.ts';
import { planVolumes, planWaves, targetOf } from '../../core/restore/plan.ts';
import type { SelectedSegments, VolumesPlan } from '../../core/restore/plan.ts';
import { lostPodVolumes } from '../../core/restore/pod-volumes.ts';
import { relatedClaims, relatedClusterObjects, selectedPods } from '../../core/restore/related.ts';
import {
  clusterScope,
  isRestorable,
  ItemSelector,
  resourceFilter,
  selectNamespaces,
  SNAPSHOT_OBJECTS,
} from '../../core/restore/select.ts';
import type { NamespaceSelection } from '../../core/restore/select.ts';
import type { NameFilter } from '../../core/selection/glob.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import { getDoc, putDoc } from '../../platform/store/documents.ts';
import { openRun } from '../support/context.ts';
import type { RunContext } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { bindingModes, configuredChanges, existingClaims, servedNames, servedResources } from './cluster.ts';
import { gatherFacts, selectSegments } from './scan.ts';
import { provenanceOf, transformSettings } from './settings.ts';
import { readVolumeInfos } from './volume-infos.ts';

type Input = Parameters<RestoreActivities['planRestore']>[0];

const CLAIMS = 'persistentvolumeclaims';
const VOLUMES = 'persistentvolumes';

/** All that is decided upon. */
interface Planning {
  deps: Deps;
  input: Input;
  store: ObjectStore;
  context: RunContext<Restore>;
  archive: ArchiveIndex;
  facts: ArchiveFacts;
  filter: NameFilter;
  served: Set<string>;
  namespaces: NamespaceSelection;
  signal: AbortSignal;
}

/** Decides everything that can be decided before the first object is made. */
export async function planRestore(deps: Deps, input: Input, signal: AbortSignal) {
  const planning = await prepare(deps, input, signal);
  const { store, facts } = planning;
  const { selection, selector, resources } = select(planning);
  const pods = selectedPods(facts, selector);
  const changes = await changesOf(planning);
  const volumes = await volumesOf(planning, selector, changes);
  const selected = await segmentsOf(planning, selection, selector, resources);
  const namespaces = neededNamespaces(planning, selection, selector, selected);
  const waves = planWaves(selected, LIMITS.chunkItems);
  const items = waves.flatMap(({ chunks }) => chunks).reduce((sum, chunk) => sum + chunk.items, 0);
  const plan: RestorePlan = {
    waves,
    selection,
    changes,
    namespaces,
    recoveries: volumes.recoveries,
    claims: volumes.claims,
    reprovisioned: volumes.reprovisioned,
    namespaceManifests: manifestsOf(facts, namespaces),
    problems: [
      ...planning.namespaces.problems,
      ...volumes.problems,
      ...snapshotWarnings(planning),
      ...hookWarnings(planning, pods),
    ],
    items,
  };
  return {
    plan: await putDoc(store, `${scratchPrefix(input.run)}plan`, plan),
    waves: waves.map(({ name, chunks }) => ({ name, chunks: chunks.length })),
    recoveries: plan.recoveries.length,
    items,
  };
}

async function prepare(deps: Deps, input: Input, signal: AbortSignal): Promise<Planning> {
  const { context, store } = await openRun<Restore>(deps, input);
  const archive = await getDoc<ArchiveIndex>(store, input.archive);
  const { spec } = context.resource;
  const served = await servedResources(deps.kube);
  const facts = await gatherFacts(store, archive, signal);
  const stored = [
    ...Object.values(archive.resources).flatMap(({ namespaces }) => namespaces),
    ...facts.namespaces.map(({ metadata }) => metadata.name),
  ];
  return {
    deps,
    input,
    store,
    context,
    archive,
    facts,
    filter: resourceFilter(spec, served, Object.keys(archive.resources)),
    served: servedNames(served),
    namespaces: selectNamespaces(stored, spec),
    signal,
  };
}

/** The types and objects that are restored: those that were asked for, and those that they need. */
function select({ context, archive, facts, filter, served, namespaces }: Planning) {
  const { spec } = context.resource;
  const chosen = new Set(namespaces.names);
  const resources = Object.keys(archive.resources).filter((name) => {
    const inside = archive.resources[name]?.namespaces ?? [];
    return isRestorable(name, filter) && (inside.length === 0 || inside.some((entry) => chosen.has(entry)));
  });
  const asked: RestoreSelection = {
    namespaces: namespaces.names,
    cluster: clusterScope(spec, namespaces.everything),
    related: {},
  };
  const pods = isRestorable('pods', filter) ? selectedPods(facts, new ItemSelector(asked, spec)) : [];
  const withClaims = { ...asked, related: relatedClaims(pods) };
  const related = relatedClusterObjects({
    facts,
    selector: new ItemSelector(withClaims, spec),
    resources,
    isServed: (name) => served.has(name),
  });
  const selection = { ...asked, related: { ...withClaims.related, ...related } };
  return { selection, selector: new ItemSelector(selection, spec), resources };
}

/** Classes of the backup count when they are restored as well: they are made before any claim. */
async function changesOf({
  deps,
  input,
  facts,
  filter,
  context,
  namespaces,
}: Planning): Promise<RestoreChanges> {
  const cluster = Object.keys(await bindingModes(deps.kube));
  const all = clusterScope(context.resource.spec, namespaces.everything) === 'all';
  const stored =
    all && isRestorable('storageclasses.storage.k8s.io', filter) ? Object.keys(facts.classes) : [];
  const configured = await configuredChanges(deps.kube, input.run.namespace);
  return { ...configured, knownClasses: [...new Set([...cluster, ...stored])] };
}

async function volumesOf(
  { deps, input, store, context, facts, filter, namespaces }: Planning,
  selector: ItemSelector,
  changes: RestoreChanges,
): Promise<VolumesPlan> {
  const { spec } = context.resource;
  const settings = transformSettings(input.run, context, changes);
  const claims = facts.claims.filter((claim) =>
    selector.test({ groupResource: CLAIMS, ...claim }, () => claim.labels),
  );
  const nameOf = (claim: { namespace: string; name: string }) =>
    `${targetOf(settings.namespaces, claim.namespace)}/${claim.name}`;
  const targets = claims.map(({ namespace }) => targetOf(settings.namespaces, namespace));
  const existing = await existingClaims(deps.kube, targets);
  const restoreData = spec.restorePVs !== false;
  const infos = await readVolumeInfos(store, spec.backupName ?? '');
  const pods = restoreData && isRestorable('pods', filter) ? selectedPods(facts, selector) : [];
  const plan = planVolumes({
    claims: isRestorable(CLAIMS, filter) ? claims : [],
    pods: facts.pods,
    volumes: facts.volumes,
    volumesRestorable: isRestorable(VOLUMES, filter) && clusterScope(spec, namespaces.everything) !== 'none',
    uploads: facts.uploads,
    infos,
    restoreData,
    backupLabel: provenanceOf(input.run, context).backup,
    exists: (claim) => existing.has(nameOf(claim)),
    classFor: (asked) => {
      const name = changes.classes[asked] || asked;
      return { name, known: changes.knownClasses.includes(name) };
    },
    settings,
    bindingModes: { ...facts.classes, ...(await bindingModes(deps.kube)) },
  });
  const lost = lostPodVolumes(pods, infos, (namespace) => targetOf(settings.namespaces, namespace));
  return { ...plan, problems: [...plan.problems, ...lost] };
}

async function segmentsOf(
  { store, archive, signal }: Planning,
  selection: RestoreSelection,
  selector: ItemSelector,
  resources: readonly string[],
): Promise<(SelectedSegments & { namespaces: string[] })[]> {
  const chosen = new Set(selection.namespaces);
  const found = [];
  for (const groupResource of resources) {
    const stored = archive.resources[groupResource];
    if (!stored) continue;
    const { segments, namespaces } = stored;
    const whole =
      namespaces.length > 0 ? namespaces.every((name) => chosen.has(name)) : selection.cluster === 'all';
    const part =
      whole && !selector.byLabels
        ? { segments, namespaces }
        : await selectSegments(store, stored, selector, signal);
    if (part.segments.length > 0) found.push({ groupResource, ...part });
  }
  return found;
}

/** Those of selected objects; with all objects of the cluster also the empty ones. */
function neededNamespaces(
  { context, facts, filter }: Planning,
  selection: RestoreSelection,
  selector: ItemSelector,
  selected: readonly { namespaces: string[] }[],
): RestorePlan['namespaces'] {
  const needed = new Set(selected.flatMap(({ namespaces }) => namespaces));
  const chosen = new Set(selection.namespaces);
  if (selection.cluster === 'all' && filter.test('namespaces')) {
    for (const { metadata } of facts.namespaces) {
      const wanted = selector.test(
        { groupResource: 'namespaces', name: metadata.name },
        () => metadata.labels,
      );
      if (wanted && chosen.has(metadata.name)) needed.add(metadata.name);
    }
  }
  const mapping = context.resource.spec.namespaceMapping ?? {};
  return [...needed].sort().map((source) => ({ source, target: targetOf(mapping, source) }));
}

function manifestsOf(facts: ArchiveFacts, namespaces: RestorePlan['namespaces']) {
  const needed = new Set(namespaces.map(({ source }) => source));
  const kept = facts.namespaces.filter(({ metadata }) => needed.has(metadata.name));
  return Object.fromEntries(kept.map((manifest) => [manifest.metadata.name, manifest]));
}

function snapshotWarnings({ archive, namespaces, filter }: Planning): Problem[] {
  const chosen = new Set(namespaces.names);
  return SNAPSHOT_OBJECTS.flatMap((groupResource) => {
    const stored = archive.resources[groupResource];
    if (!stored || !filter.test(groupResource)) return [];
    if (stored.namespaces.length > 0 && !stored.namespaces.some((name) => chosen.has(name))) return [];
    const message = `${groupResource} are not restored: they stand for snapshots in the storage of the source cluster`;
    return [problem('warning', 'planRestore', 'NotSupported', message)];
  });
}

function hookWarnings({ context }: Planning, pods: readonly StoredPod[]): Problem[] {
  const mapping = context.resource.spec.namespaceMapping ?? {};
  const message = 'the restore hooks in the annotations of the pod are not run by this version';
  return pods
    .filter(({ hooks }) => hooks)
    .map(({ namespace, name }) =>
      problem('warning', 'planRestore', 'NotSupported', message, {
        namespace: targetOf(mapping, namespace),
        resource: 'pods',
        name,
      }),
    );
}
