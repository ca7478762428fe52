import { TIMEOUTS } from '../../contracts/settings.ts';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import { decideExisting, madeByRun } from '../../core/restore/existing.ts';
import type { ItemResult } from '../../core/restore/report.ts';
import { partOf, partsOf } from '../../core/transform/manifest.ts';
import type { Manifest, Part } from '../../core/transform/manifest.ts';
import { isAlreadyExists, KubeError, KubeWaitTimeout } from '../../platform/kube/errors.ts';
import type { ApplyContext } from './apply-context.ts';
import { forItem, ItemTrouble } from './item-retry.ts';
import { problemAt } from './target.ts';
import type { Target } from './target.ts';

const DEFINITIONS = 'customresourcedefinitions.apiextensions.k8s.io';

/** Creates the object, or deals with the one that is there: one request for each object that is new. */
export async function createOrMeet(context: ApplyContext, target: Target): Promise<ItemResult> {
  const { kube, signal } = context;
  const { gvr, namespace, object, item } = target;
  for (;;) {
    try {
      await forItem(kube, signal, () => kube.create(gvr, namespace, object));
      return await created(context, target);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      // Whatever the refusal says, an object of that name decides: it may fail some check that the old one passed.
      const present = await forItem(kube, signal, () => kube.find<Manifest>(gvr, namespace, item.name));
      if (present && !present.metadata['deletionTimestamp'])
        return await meetExisting(context, target, present);
      if (present) await disappears(context, target);
      else if (!isAlreadyExists(error)) throw error;
    }
  }
}

const isRefusal = (error: unknown) =>
  error instanceof ItemTrouble || (error instanceof KubeError && error.code >= 400);

async function created(context: ApplyContext, target: Target): Promise<ItemResult> {
  const { item } = target;
  if (target.groupResource !== DEFINITIONS || (await isEstablished(context, target))) {
    return { item, action: 'created' };
  }
  const message = `the CRD ${item.name} is not available to use for custom resources`;
  return { item, action: 'created', problems: [problemAt(target, 'error', 'KubeInvalid', message)] };
}

async function isEstablished({ kube, signal }: ApplyContext, { gvr, item }: Target): Promise<boolean> {
  try {
    return await kube.waitFor<Manifest, true>(
      gvr,
      undefined,
      item.name,
      (definition) => {
        const conditions = partsOf(partOf(definition?.['status'])['conditions']);
        const holds = (type: string) =>
          conditions.some((condition) => condition['type'] === type && condition['status'] === 'True');
        return holds('Established') && holds('NamesAccepted') ? true : undefined;
      },
      { timeoutMs: TIMEOUTS.crdEstablished, signal },
    );
  } catch (error) {
    if (error instanceof KubeWaitTimeout) return false;
    throw error;
  }
}

/** An object on its way out is in the way until it is gone. */
async function disappears({ kube, signal }: ApplyContext, { gvr, namespace, item }: Target): Promise<void> {
  try {
    await kube.waitFor<Manifest, true>(
      gvr,
      namespace,
      item.name,
      (object) => (object?.metadata['deletionTimestamp'] ? undefined : true),
      { timeoutMs: TIMEOUTS.objectGone, signal },
    );
  } catch (error) {
    if (!(error instanceof KubeWaitTimeout)) throw error;
    const message = `${item.kind} "${item.name}" is being deleted, and is not gone after ${TIMEOUTS.objectGone / 1000} s`;
    throw new CaravelError('KubeConflict', message, { cause: error, retryable: false });
  }
}

export async function meetExisting(
  context: ApplyContext,
  target: Target,
  present: Manifest,
): Promise<ItemResult> {
  const { settings, policy, startedAt, merged } = context;
  const { provenance } = settings;
  const { groupResource, object, namespace, item } = target;
  // Where namespaces become one, the object may be another one's.
  const ours = madeByRun(present, provenance, startedAt) && !merged.has(namespace ?? '');
  if (ours) return await created(context, target);
  const decision = decideExisting({ groupResource, wanted: object, present, policy, provenance });
  if (decision.action === 'warn') {
    const problems = [problemAt(target, 'warning', 'KubeConflict', decision.warning)];
    return { item, action: 'skipped', problems };
  }
  if (decision.action === 'update') return await update(context, target, decision.patch, decision.fallback);
  if (decision.patch) await patch(context, target, decision.patch);
  return { item, action: 'skipped', note: 'it exists already, as it was backed up' };
}

async function patch(
  { kube, signal }: ApplyContext,
  { gvr, namespace, item }: Target,
  change: Part,
): Promise<void> {
  await forItem(kube, signal, () => kube.patch(gvr, namespace, item.name, change, { type: 'merge' }));
}

/** What cannot be changed is a warning, as long as the object can be marked at least. */
async function update(
  context: ApplyContext,
  target: Target,
  change: Part,
  fallback: Part,
): Promise<ItemResult> {
  const { item } = target;
  try {
    await patch(context, target, change);
    return { item, action: 'updated' };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await patch(context, target, fallback);
    const warning = `could not update ${item.kind} "${item.name}", which exists already: ${messageOf(error)}`;
    return { item, action: 'skipped', problems: [problemAt(target, 'warning', 'KubeInvalid', warning)] };
  }
}
