import { volumeObjectName } from '../../contracts/ids.ts';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import type { ErrorCode } from '../../core/errors/catalog.ts';
import type { ClaimFate } from '../../core/model.ts';
import { targetOf } from '../../core/restore/plan.ts';
import { hindrance } from '../../core/restore/pods.ts';
import type { ItemResult } from '../../core/restore/report.ts';
import type { Manifest } from '../../core/transform/manifest.ts';
import { isTokenSecret } from '../../core/transform/accounts.ts';
import { unbindClaim, withholdClaim } from '../../core/transform/storage.ts';
import { skipReason, tokenSkipReason, transformObject } from '../../core/transform/transform.ts';
import { objectOf } from '../../platform/archive/item.ts';
import type { ArchiveItem } from '../../platform/archive/item.ts';
import { toCaravelError } from '../../platform/kube/errors.ts';
import { groupVersionOf } from '../../platform/kube/gvr.ts';
import type { ApplyContext } from './apply-context.ts';
import { forItem, ItemTrouble } from './item-retry.ts';
import { createOrMeet, meetExisting } from './put-object.ts';
import { problemAt } from './target.ts';
import type { Target } from './target.ts';

/** Restores one object. Only an outage is thrown; everything else is the object's own result. */
export async function applyItem(context: ApplyContext, stored: ArchiveItem): Promise<ItemResult> {
  const target = targetFor(context, stored);
  try {
    return await place(context, target, stored.namespace);
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason;
    const { code, outage } = verdict(error);
    if (outage) throw error;
    const message = `error restoring ${idOf(target)}: ${messageOf(error)}`;
    return { item: target.item, action: 'failed', problems: [problemAt(target, 'error', code, message)] };
  }
}

function verdict(error: unknown): { code: ErrorCode; outage: boolean } {
  const own = error instanceof ItemTrouble;
  const known = toCaravelError(own ? error.cause : error);
  if (!(known instanceof CaravelError)) return { code: 'KubeInvalid', outage: false };
  return { code: known.code, outage: known.retryable && !own && !isEndOfNamespace(known) };
}

/** Nothing can be created there any more; the rest of the restore does not wait for it. */
const isEndOfNamespace = ({ message }: CaravelError) => message.includes('because it is being terminated');

const idOf = ({ item: { resource, namespace, name } }: Target) =>
  namespace === undefined ? `${resource}/${name}` : `${resource}/${namespace}/${name}`;

function targetFor({ settings }: ApplyContext, stored: ArchiveItem): Target {
  const { groupResource, name } = stored;
  const object = objectOf(stored);
  const namespace =
    stored.namespace === undefined ? undefined : targetOf(settings.namespaces, stored.namespace);
  const [resource = '', ...group] = groupResource.split('.');
  const { apiVersion, kind } = object;
  return {
    gvr: { group: group.join('.'), version: stored.version, resource },
    groupResource,
    namespace,
    object,
    item: { apiVersion, kind, resource: groupResource, namespace, name },
  };
}

async function place(
  context: ApplyContext,
  target: Target,
  storedNamespace: string | undefined,
): Promise<ItemResult> {
  const { groupResource, object, item } = target;
  if (groupVersionOf(object.apiVersion).group !== target.gvr.group) {
    throw new CaravelError(
      'StoreCorrupt',
      `the object is of ${object.apiVersion}, its place is that of ${groupResource}`,
    );
  }
  const reason = await reasonToSkip(context, target);
  if (reason !== undefined) return { item, action: 'skipped', note: reason };
  if (groupResource === 'persistentvolumeclaims')
    return await placeClaim(context, target, storedNamespace ?? '');
  if (groupResource === 'pods') {
    const missing = hindrance(object, storedNamespace ?? '', context.plan.claims, context.outcomes);
    if (missing !== undefined) {
      return { item, action: 'failed', problems: [problemAt(target, 'error', 'SnapshotMissing', missing)] };
    }
  }
  return await transformAndCreate(context, target);
}

async function reasonToSkip({ plan, accounts }: ApplyContext, target: Target): Promise<string | undefined> {
  const { groupResource, object, namespace } = target;
  if (groupResource === 'persistentvolumes' && Object.hasOwn(plan.reprovisioned, object.metadata.name)) {
    return `provisioned anew: ${plan.reprovisioned[object.metadata.name]}`;
  }
  const reason = skipReason(groupResource, object);
  if (reason !== undefined || groupResource !== 'secrets' || !isTokenSecret(object)) return reason;
  return tokenSkipReason(object, await accounts(namespace ?? ''));
}

const WANTS_STATUS = 'velero.io/restore-status';

async function transformAndCreate(context: ApplyContext, target: Target): Promise<ItemResult> {
  const { object, groupResource, namespace } = target;
  const wantsStatus = object.metadata.annotations?.[WANTS_STATUS]?.trim().toLowerCase() === 'true';
  transformObject(groupResource, object, context.settings, namespace);
  await context.served.require(target.gvr);
  const result = await createOrMeet(context, target);
  if (!wantsStatus || result.action !== 'created') return result;
  const warning = `annotation ${WANTS_STATUS}: the status of objects is not restored by this version`;
  return {
    ...result,
    problems: [...(result.problems ?? []), problemAt(target, 'warning', 'NotSupported', warning)],
  };
}

async function placeClaim(
  context: ApplyContext,
  target: Target,
  storedNamespace: string,
): Promise<ItemResult> {
  const { object, item } = target;
  const key = `${storedNamespace}/${object.metadata.name}`;
  const { claims } = context.plan;
  const fate: ClaimFate | undefined = Object.hasOwn(claims, key) ? claims[key] : undefined;
  switch (fate?.fate) {
    case 'recover':
      // Made by its recovery, and reported with it.
      return { item };
    case 'skip':
      return { item, action: 'skipped', note: fate.reason };
    case 'existing':
      return await placeExisting(context, target);
    case 'withhold': {
      const mark = volumeObjectName(context.run, target.namespace ?? '', object.metadata.name);
      transformObject(target.groupResource, object, context.settings, target.namespace);
      withholdClaim(object, mark, fate.reason);
      await createOrMeet(context, target);
      return { item, action: 'failed' };
    }
    case 'fresh':
      unbindClaim(object);
      return await transformAndCreate(context, target);
    case undefined:
      return await transformAndCreate(context, target);
  }
}

/** Never a creation: should the claim be gone by now, its data is not in its place, and an empty one helps nobody. */
async function placeExisting(context: ApplyContext, target: Target): Promise<ItemResult> {
  const { kube, signal } = context;
  const { object, groupResource, namespace, gvr } = target;
  transformObject(groupResource, object, context.settings, namespace);
  const present = await forItem(kube, signal, () =>
    kube.find<Manifest>(gvr, namespace, object.metadata.name),
  );
  if (!present) {
    const message = `claim ${object.metadata.name} existed when the restore was planned and is gone now; restore it again`;
    throw new CaravelError('KubeConflict', message, { retryable: false });
  }
  const result = await meetExisting(context, target, present);
  // That it is there already stands among the plan's warnings.
  return { ...result, problems: (result.problems ?? []).filter(({ severity }) => severity === 'error') };
}
