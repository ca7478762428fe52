import type { Backup } from '../../contracts/api/backup.ts';
import { CaravelError, isErrorCode } from '../../core/errors/catalog.ts';
import { itemTest, shapeFault } from '../../core/backup/items.ts';
import { listName } from '../../core/format/resource-list.ts';
import { groupResource } from '../../core/model.ts';
import type { BackupPlan, ResourceRef } from '../../core/model.ts';
import { problem } from '../../core/problems.ts';
import type { Problem } from '../../core/problems.ts';
import { toCaravelError } from '../../platform/kube/errors.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import type { Deps } from '../support/deps.ts';
import type { ShardCollector } from './collector.ts';

/** What the parts of an export share. */
export interface Exporting {
  deps: Deps;
  plan: BackupPlan;
  spec: Backup['spec'];
  collector: ShardCollector;
  signal: AbortSignal;
}

/** Takes objects of a type into the backup, or says why not. `skip`: names that another shard exports. */
export function taker(
  { plan, spec, collector }: Exporting,
  resource: ResourceRef,
  skip?: ReadonlySet<string>,
): (object: KubeObject) => Promise<boolean> {
  const type = { groupResource: groupResource(resource), namespaced: resource.namespaced };
  const refusal = itemTest(type, {
    ...spec,
    namespaces: new Set(plan.namespaces),
    everything: plan.everything,
  });
  return async (object) => {
    const fault = shapeFault(object.metadata, resource.namespaced);
    if (fault !== undefined) {
      collector.problems.push(shapeProblem(type.groupResource, object, fault));
      return false;
    }
    if (skip?.has(listName(object.metadata))) return false;
    const refused = refusal(object.metadata);
    if (!refused) {
      await collector.add(resource, object);
      return true;
    }
    if (!refused.quiet) collector.leave(resource, object, refused.reason);
    return false;
  };
}

function shapeProblem(resource: string, { metadata }: Partial<KubeObject>, fault: string): Problem {
  const name = typeof metadata?.name === 'string' ? metadata.name : '';
  const message = `the API server sent an object that cannot be stored: ${fault}`;
  return problem('error', 'exportResources', 'ObjectRefused', message, { resource, name });
}

/** A failed reading as a problem of what was read. */
export function readProblem(
  error: Error,
  message: string,
  item: Pick<Problem, 'namespace' | 'resource' | 'name'>,
  step = 'exportResources',
): Problem {
  const known = toCaravelError(error);
  const code = known instanceof CaravelError && isErrorCode(known.code) ? known.code : 'KubeInvalid';
  return problem('error', step, code, `${message}: ${known.message}`, item);
}

/** The object, or why it cannot be read; what waiting may help against is thrown. */
export async function readOne(
  { deps, signal }: Pick<Exporting, 'deps' | 'signal'>,
  resource: ResourceRef,
  { namespace, name }: { namespace?: string | undefined; name: string },
): Promise<{ object?: KubeObject | undefined; failure?: Error }> {
  signal.throwIfAborted();
  try {
    return { object: await deps.kube.find<KubeObject>(resource, namespace, name) };
  } catch (error) {
    const known = toCaravelError(error);
    if (!(known instanceof CaravelError) || known.retryable) throw known;
    return { failure: known };
  }
}
