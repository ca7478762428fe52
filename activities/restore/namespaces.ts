import type { Counted, RestoreActivities } from '../../contracts/activities.ts';
import type { Restore } from '../../contracts/api/restore.ts';
import { scratchPrefix } from '../../contracts/ids.ts';
import { LIMITS, TIMEOUTS } from '../../contracts/settings.ts';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import type { RestorePlan } from '../../core/model.ts';
import { countProblems, problem } from '../../core/problems.ts';
import { manifestSources, namespaceManifest } from '../../core/restore/namespaces.ts';
import { addResult, countItems, emptyReport } from '../../core/restore/report.ts';
import type { ItemResult } from '../../core/restore/report.ts';
import { isNotFound, KubeWaitTimeout, toCaravelError } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { getDoc, putDoc } from '../../platform/store/documents.ts';
import { openRun } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { inLanes } from '../support/lanes.ts';

type Input = Parameters<RestoreActivities['ensureNamespaces']>[0];

/** Makes the namespaces that are needed; existing ones are used as they are. */
export async function ensureNamespaces(deps: Deps, input: Input, signal: AbortSignal): Promise<Counted> {
  const { store, context } = await openRun<Restore>(deps, input);
  const plan = await getDoc<RestorePlan>(store, input.plan);
  const report = emptyReport();
  const sources = [...manifestSources(plan.namespaces)];
  await inLanes(
    sources,
    LIMITS.applyParallel,
    ([target, source]) => {
      const manifest = namespaceManifest(plan.namespaceManifests[source], target);
      return ensureNamespace(deps.kube, { target, manifest, startedAt: context.startedAt, signal });
    },
    (result) => addResult(report, result),
  );
  const doc = await putDoc(store, `${scratchPrefix(input.run)}reports/namespaces`, report);
  return { doc, items: countItems(report), ...countProblems(report.problems) };
}

interface Wanted {
  target: string;
  manifest: object;
  startedAt: string;
  signal: AbortSignal;
}

async function ensureNamespace(kube: KubeClient, wanted: Wanted): Promise<ItemResult> {
  const { target } = wanted;
  const item = { apiVersion: 'v1', kind: 'Namespace', resource: 'namespaces', name: target };
  try {
    await disappeared(kube, target, wanted.signal);
    const { created, object } = await kube.ensure<KubeObject>(GVRS.namespaces, undefined, wanted.manifest);
    // An earlier attempt of this step may have made it.
    const ours =
      created || Date.parse(object.metadata.creationTimestamp ?? '') >= Date.parse(wanted.startedAt);
    return ours ? { item, action: 'created' } : { item, note: 'the namespace exists and is left as it is' };
  } catch (error) {
    const known = toCaravelError(error);
    if (wanted.signal.aborted || !isFinal(known)) throw error;
    const code = known instanceof CaravelError ? known.code : 'KubeConflict';
    // In the results this belongs to the restore itself: the namespace has no object that could have it.
    return {
      item,
      action: 'failed',
      problems: [problem('error', 'ensureNamespaces', code, messageOf(known))],
    };
  }
}

const isFinal = (error: Error) => (error instanceof CaravelError ? !error.retryable : isNotFound(error));

/** A namespace on its way out takes with it whatever is created in it. */
async function disappeared(kube: KubeClient, name: string, signal: AbortSignal): Promise<void> {
  const found = await kube.find<KubeObject>(GVRS.namespaces, undefined, name);
  if (!found?.metadata.deletionTimestamp) return;
  try {
    await kube.waitFor<KubeObject, true>(
      GVRS.namespaces,
      undefined,
      name,
      (object) => (object?.metadata.deletionTimestamp ? undefined : true),
      { timeoutMs: TIMEOUTS.terminatingNamespace, signal },
    );
  } catch (error) {
    if (!(error instanceof KubeWaitTimeout)) throw error;
    const message = `timed out waiting for terminating namespace ${name} to disappear before restoring`;
    throw new CaravelError('KubeConflict', message, { cause: error, retryable: false });
  }
}
